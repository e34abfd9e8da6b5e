"""Lines with fewer points."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def simplified(line: ArrayLike, tolerance: float) -> NDArray[np.float64]:
    """Some of a line's points (n, d), the first and the last among them, none farther from the new line than allowed.

    Douglas & Peucker (1973), as skimage's `approximate_polygon`, which loads scipy.signal for another function of its
    file: half a second before every page.

    >>> simplified([[0, 0], [1, 0.1], [2, 0], [3, 3]], tolerance=0.2).tolist()
    [[0.0, 0.0], [2.0, 0.0], [3.0, 3.0]]
    """
    points = np.asarray(line, np.float64)
    kept = np.zeros(len(points), bool)
    kept[:1] = kept[-1:] = True
    open_parts = [(0, len(points) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        if last - first < 2:
            continue
        distances = _distances(points[first + 1 : last], points[first], points[last])
        farthest = int(distances.argmax())
        if distances[farthest] > tolerance:
            middle = first + 1 + farthest
            kept[middle] = True
            open_parts += [(first, middle), (middle, last)]
    return points[kept]


def _distances(
    points: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of points (n, d) from a segment; from its start where it has no length."""
    along = end - start
    square = float(along @ along)
    share = np.clip((points - start) @ along / square, 0, 1) if square else np.zeros(len(points))
    return np.asarray(np.linalg.norm(points - start - share[:, None] * along, axis=1))
