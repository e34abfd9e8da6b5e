"""Windows of a slide to run a net on: only where tissue is, each with the surroundings that its outputs depend on."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box, Grid
from lesionkit.core.image import Image

_LEAST_STEP = 64
"""Windows are shrunk to their tissue by multiples of about so many pixels, so that there are few shapes of them."""


@dataclass(frozen=True)
class WindowSides:
    """How windows are cut; all in pixels of the image.

    Attributes:
        tile: largest side of what a window is responsible for.
        halo: surroundings on each side.
        multiple: sides and starts of windows are multiples of this.
        cell: sides and starts of what windows are responsible for are multiples of this too.
    """

    tile: int
    halo: int
    multiple: int
    cell: int

    def __post_init__(self) -> None:
        if self.halo < 0 or min(self.tile, self.multiple, self.cell) < 1:
            raise LesionkitError(f"a window needs sides of 1 or more and a halo of 0 or more, got {self}")

    @property
    def step(self) -> int:
        """What windows are shrunk by."""
        least = math.lcm(self.multiple, self.cell)
        return least * max(1, _LEAST_STEP // least)

    @property
    def whole_tile(self) -> int:
        """The tile, rounded up to whole steps."""
        return math.ceil(self.tile / self.step) * self.step

    @property
    def whole_halo(self) -> int:
        """The halo, rounded up to whole cells and multiples."""
        least = math.lcm(self.multiple, self.cell)
        return math.ceil(self.halo / least) * least


@dataclass(frozen=True)
class Window:
    """A part of a slide.

    Attributes:
        core: what it is responsible for; at the slide's end it may reach beyond the image.
        start: row and column of the first pixel that a net sees, surroundings included; may be negative.
        shape: rows and columns that a net sees.
        read: what of it lies inside the image.
    """

    core: Box
    start: tuple[int, int]
    shape: tuple[int, int]
    read: Box

    def padded(self, block: NDArray[np.uint8], fill: int = 255) -> NDArray[np.uint8]:
        """What was read as (rows, columns, 3) of `shape`; white beyond the image."""
        if block.shape[:2] == self.shape:
            return block
        result = np.full((*self.shape, *block.shape[2:]), fill, dtype=block.dtype)
        place = (slice(r.start - s, r.stop - s) for r, s in zip(self.read, self.start, strict=True))
        result[tuple(place)] = block
        return result


def windows_of(grid: Grid, tissue: Image | None, sides: WindowSides) -> list[Window]:
    """Windows that together hold all tissue, in raster order; tiles without tissue are left out, others shrunk to it.

    Args:
        grid: of the image, (rows, columns).
        tissue: a 2-D boolean image of any spacing on the same slide; None for everything.

    >>> from lesionkit.core.image import ArrayImage
    >>> tissue = ArrayImage(Grid.upright((4, 4), (0.256, 0.256), (0.128, 0.128)), np.eye(4, dtype=bool))
    >>> image = Grid.upright((1024, 1024), (0.001, 0.001), (0.0005, 0.0005))
    >>> windows = windows_of(image, tissue, WindowSides(tile=512, halo=16, multiple=8, cell=8))
    >>> [(window.core[0].start, window.core[1].start, window.shape) for window in windows]
    [(0, 0, (544, 544)), (512, 512, (544, 544))]
    """
    tile, held = sides.whole_tile, None if tissue is None else _Held(grid, tissue)
    windows = []
    for top in range(0, grid.shape[0], tile):
        for left in range(0, grid.shape[1], tile):
            box = tuple(slice(a, min(a + tile, n)) for a, n in zip((top, left), grid.shape, strict=True))
            filled = box if held is None else held.within(box)
            if filled is not None:
                windows.append(_window(filled, grid, sides))
    return windows


class _Held:
    """Where tissue is, in pixels of an image."""

    def __init__(self, grid: Grid, tissue: Image) -> None:
        self.mask = np.asarray(tissue.read(tissue.grid.whole), dtype=bool)
        first = grid.world_to_index(tissue.grid.index_to_world([-0.5, -0.5])) + 0.5
        self.corner = first
        self.size = np.array(tissue.grid.spacing_mm) / np.array(grid.spacing_mm)

    def within(self, box: Box) -> Box | None:
        """The smallest box inside another that holds all of its tissue; None where there is none."""
        low = [math.floor((b.start - c) / s) for b, c, s in zip(box, self.corner, self.size, strict=True)]
        high = [math.ceil((b.stop - c) / s) for b, c, s in zip(box, self.corner, self.size, strict=True)]
        first = [max(value, 0) for value in low]
        part = self.mask[first[0] : max(high[0], 0), first[1] : max(high[1], 0)]
        if not part.any():
            return None
        result = []
        for axis in range(2):
            lines = np.flatnonzero(part.any(axis=1 - axis)) + first[axis]
            start = math.floor(self.corner[axis] + lines[0] * self.size[axis])
            stop = math.ceil(self.corner[axis] + (lines[-1] + 1) * self.size[axis])
            result.append(slice(max(start, box[axis].start), min(stop, box[axis].stop)))
        return tuple(result)


def _window(filled: Box, grid: Grid, sides: WindowSides) -> Window:
    step, halo = sides.step, sides.whole_halo
    core = tuple(slice(b.start // step * step, math.ceil(b.stop / step) * step) for b in filled)
    start = (core[0].start - halo, core[1].start - halo)
    shape = (core[0].stop - core[0].start + 2 * halo, core[1].stop - core[1].start + 2 * halo)
    read = tuple(
        slice(max(first, 0), min(first + side, size))
        for first, side, size in zip(start, shape, grid.shape, strict=True)
    )
    return Window(core, start, shape, read)
