"""Levels of a slide as images: as they lie in the file, or averaged to a coarser spacing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box, Grid

_SAME_SPACING = 0.05


class Source(Protocol):
    """What reads a kind of file; picklable, opens its file when first needed."""

    @property
    def path(self) -> Path: ...
    @property
    def shapes(self) -> tuple[tuple[int, int], ...]: ...
    @property
    def tile_shapes(self) -> tuple[tuple[int, int], ...]: ...
    @property
    def downsamples(self) -> tuple[float, ...]: ...
    @property
    def origin_xy(self) -> tuple[int, int]: ...
    @property
    def tags(self) -> Mapping[str, str]: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...
    def counts(self, level: int) -> tuple[int, int]: ...
    def read(self, level: int, box: Box) -> NDArray[np.uint8]: ...
    def places(self, level: int) -> NDArray[np.int64]: ...


@dataclass(frozen=True, eq=False)
class SlideLevel:
    """One level of a slide: an `Image` whose samples are RGB.

    Attributes:
        level: 0 is the finest.
        downsample: pixels of the finest level per pixel and axis.
    """

    source: Source
    level: int
    downsample: float
    grid: Grid

    @property
    def tile_shape(self) -> tuple[int, int]:
        """Rows and columns of the file's own tiles, which is what reading costs."""
        return self.source.tile_shapes[self.level]

    def read(self, box: Box) -> NDArray[np.uint8]:
        """uint8 RGB (rows, columns, 3) of a box inside the grid; white where the file cannot be read."""
        return self.source.read(self.level, _inside(box, self.grid.shape))


@dataclass(frozen=True, eq=False)
class ScaledLevel:
    """A level at a coarser spacing than it was written with: an `Image` whose samples are means of areas.

    Reading in parts gives what reading at once does.
    """

    level: SlideLevel
    grid: Grid

    @property
    def ratio(self) -> tuple[float, ...]:
        """Samples of the level per sample, in array order."""
        pairs = zip(self.grid.spacing_mm, self.level.grid.spacing_mm, strict=True)
        return tuple(round(new / old, 6) for new, old in pairs)

    @property
    def is_whole(self) -> bool:
        """Whether samples are means of whole samples of the level."""
        return all(ratio == round(ratio) for ratio in self.ratio)

    def read(self, box: Box) -> NDArray[np.uint8]:
        """uint8 RGB (rows, columns, 3) of a box inside the grid."""
        inside = _inside(box, self.grid.shape)
        shape = tuple(b.stop - b.start for b in inside)
        if min(shape) < 1:
            return np.empty((*shape, 3), dtype=np.uint8)
        rows, columns = (
            _edges(b, new / old, size)
            for b, new, old, size in zip(
                inside, self.grid.spacing_mm, self.level.grid.spacing_mm, self.level.grid.shape, strict=True
            )
        )
        part = tuple(slice(int(edges[0]), math.ceil(edges[-1])) for edges in (rows, columns))
        block = self.level.read(part)
        if self.is_whole:
            down, across = map(round, self.ratio)
            means: NDArray[np.uint8] = np.asarray(Picture.fromarray(block).reduce((across, down)))
            return means
        low = _averaged(block, rows - part[0].start)
        small = _averaged(low.swapaxes(0, 1), columns - part[1].start).swapaxes(0, 1)
        return (small + 0.5).astype(np.uint8, order="C")


def scaled(level: SlideLevel, spacing_mm: float) -> ScaledLevel:
    """A level, averaged to a coarser spacing: over whole pixels if that comes within 5 % of it."""
    own = level.grid.spacing_mm
    whole = tuple(max(1, round(spacing_mm / one)) * one for one in own)
    spacing = whole if all(same_spacing(one, spacing_mm) for one in whole) else (spacing_mm, spacing_mm)
    shape = tuple(max(1, int(size / one + 1e-6)) for size, one in zip(level.grid.size_mm, spacing, strict=True))
    return ScaledLevel(level, Grid.upright(shape, spacing, (spacing[1] / 2, spacing[0] / 2)))


def same_spacing(one: float, other: float) -> bool:
    """Whether two spacings are within 5 %, which no network minds."""
    return abs(one / other - 1) <= _SAME_SPACING


def _averaged(block: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """Means of rows between edges, a row that an edge cuts by its shares."""
    means = np.empty((len(edges) - 1, *block.shape[1:]), dtype=np.float32)
    for mean, start, stop in zip(means, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        first, end = int(start), math.ceil(stop)
        weights = np.ones(end - first, dtype=np.float32)
        weights[0] -= start - first
        weights[-1] -= end - stop
        mean[...] = np.tensordot(weights / (stop - start), block[first:end], axes=1)
    return means


def _edges(part: slice, ratio: float, size: int) -> NDArray[np.float64]:
    """Where samples begin in finer samples, and the end; counted from the slide's corner, so that parts agree."""
    edges = np.round(np.arange(part.start, part.stop + 1) * ratio, 6)
    return np.asarray(np.minimum(edges, size))


def _inside(box: Box, shape: tuple[int, ...]) -> Box:
    if any((b.start or 0) < 0 or (b.stop if b.stop is not None else n) > n for b, n in zip(box, shape, strict=True)):
        raise LesionkitError(f"a box must lie inside the image of shape {shape}, got {box}; see read_padded")
    return tuple(slice(*b.indices(n)) for b, n in zip(box, shape, strict=True))
