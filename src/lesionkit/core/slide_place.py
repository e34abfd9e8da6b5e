"""Places on a slide: millimetres of the world <-> pixels of the finest level, as QuPath or as CAMELYON count them.

Pixels are (x, y) and continuous: pixel 0 covers 0 to 1. QuPath counts from the corner of what it shows, which is where
the scanner saw something; ASAP and the tables of CAMELYON count from the corner of the file. The two differ by the
slide's `origin_xy`, where what is shown begins in the file.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.core.grid import Grid
from lesionkit.core.trace import Polygon

SHOWN = (0, 0)
"""The `origin_xy` that gives pixels of what is shown."""


def slide_pixels(world_mm: ArrayLike, finest: Grid, origin_xy: Sequence[float] = SHOWN) -> NDArray[np.float64]:
    """Pixels (..., 2) of the finest level at places (..., 2) in (x, y) mm. Inverse of `slide_world`.

    Args:
        finest: grid of the slide's finest level.
        origin_xy: nothing for pixels as QuPath shows them, the slide's own for pixels from the file's corner.

    >>> finest = Grid.upright((1000, 2000), (0.0005, 0.0005), (0.00025, 0.00025))
    >>> slide_pixels([0.5, 0.25], finest).round(6).tolist()
    [1000.0, 500.0]
    >>> slide_pixels([0.5, 0.25], finest, origin_xy=(512, 256)).round(6).tolist()
    [1512.0, 756.0]
    """
    return np.asarray(finest.world_to_index(world_mm)[..., ::-1] + 0.5 + np.asarray(origin_xy, dtype=float))


def slide_world(pixels: ArrayLike, finest: Grid, origin_xy: Sequence[float] = SHOWN) -> NDArray[np.float64]:
    """Places (..., 2) in (x, y) mm of pixels (..., 2) of the finest level. Inverse of `slide_pixels`."""
    shown = np.asarray(pixels, dtype=float) - np.asarray(origin_xy, dtype=float) - 0.5
    return finest.index_to_world(shown[..., ::-1])


def polygon_pixels(polygon_mm: Polygon, finest: Grid, origin_xy: Sequence[float] = SHOWN) -> Polygon:
    """A polygon whose vertices are mm of the world in pixels of the finest level; see `slide_pixels`."""
    ring, *holes = (slide_pixels(ring, finest, origin_xy) for ring in (polygon_mm.ring, *polygon_mm.holes))
    return Polygon(ring, tuple(holes), polygon_mm.label)


def polygon_world(polygon: Polygon, grid: Grid) -> Polygon:
    """A polygon that was traced on a map in mm of the world: corner (0, 0) is half a sample before sample 0."""
    ring, *holes = (grid.index_to_world(ring[:, ::-1] - 0.5) for ring in (polygon.ring, *polygon.holes))
    return Polygon(ring, tuple(holes), polygon.label)
