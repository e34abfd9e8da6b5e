"""Which samples an overview looks at: the lungs with their vessels and nodules, without ribs, chest wall and heart.

A lung mask may be generous, so that nodules at the pleura stay inside; along a line of sight the wall it includes would
outshine everything else.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.core.grid import Box, Grid
from lesionkit.report.scene import Scene

_AERATED_HU = -500
_COARSE_MM = 2.0
_WIDEST_MM = 14.0


def inside_lungs(scene: Scene, box: Box) -> NDArray[np.bool_]:
    """Samples of a box that are aerated lung, or lie in a gap of at most 14 mm between aerated lung.

    The gaps are closed by a cube on every second millimetre or so, and a step farther inside than they end, which is
    exact enough for a picture.
    """
    lung = np.zeros(scene.grid.shape, dtype=bool)[box] if scene.lung is None else scene.lung[box]
    aerated = lung & (scene.image.read(box) < _AERATED_HU)
    steps = [max(1, round(_COARSE_MM / s)) for s in scene.grid.spacing_mm]
    reach = [
        round(_WIDEST_MM / 2 / (step * spacing)) for step, spacing in zip(steps, scene.grid.spacing_mm, strict=True)
    ]
    closed = np.pad(aerated[tuple(slice(step // 2, None, step) for step in steps)], [(r, r) for r in reach])
    closed = closed.astype(np.uint8)
    for grow, farther in ((ndimage.maximum_filter1d, 0), (ndimage.minimum_filter1d, 1)):
        for axis, r in enumerate(reach):
            closed = grow(closed, 2 * (r + farther) + 1, axis=axis, mode="constant")
    closed = closed[tuple(slice(r, n - r) for r, n in zip(reach, closed.shape, strict=True))]
    nearest = [
        np.minimum(np.arange(n) // step, size - 1)
        for n, step, size in zip(lung.shape, steps, closed.shape, strict=True)
    ]
    return np.asarray(aerated | (closed[np.ix_(*nearest)].astype(bool) & lung))


def with_balls(inside: NDArray[np.bool_], grid: Grid, balls: Iterable[tuple[Sequence[float], float]]) -> None:
    """Set the samples of balls (centre in mm, radius in mm) in a mask on `grid`; at least their middle sample."""
    for centre_mm, radius_mm in balls:
        middle = grid.world_to_index(centre_mm)
        reach = np.maximum(radius_mm / np.array(grid.spacing_mm), 0.5)
        start = np.maximum(np.ceil(middle - reach), 0).astype(int)
        stop = np.minimum(np.floor(middle + reach) + 1, grid.shape).astype(int)
        if (stop <= start).any():
            continue
        away = [((np.arange(a, b) - m) / r) ** 2 for a, b, m, r in zip(start, stop, middle, reach, strict=True)]
        ball = away[0][:, None, None] + away[1][:, None] + away[2] <= 1.0
        inside[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] |= ball
