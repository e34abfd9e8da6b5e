"""Where tumour lies on a slide: outlines in pixels of the finest level, or a mask at reduced size.

Positions on a slide are (x, y) from the top left corner of the finest level, in its pixels. Sample (row, column) of a
mask that is `downsample` times smaller covers x from `column * downsample` to `(column + 1) * downsample`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError

Ring = NDArray[np.float64]
"""(n, 2) vertices (x, y); closed without repeating the first."""


@dataclass(frozen=True, eq=False)
class SlideMask:
    """Samples of a slide that lie in tumour.

    Attributes:
        mask: (rows, columns) of the part that is held.
        downsample: pixels of the finest level per sample and axis, at least 1.
        corner: (row, column) of `mask[0, 0]` in the whole reduced slide.
        size_xy: width and height of the slide in pixels of the finest level; None where unknown.
    """

    mask: NDArray[np.bool_]
    downsample: float
    corner: tuple[int, int] = (0, 0)
    size_xy: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.mask.ndim != 2:
            raise LesionkitError(f"a slide mask has rows and columns, got an array of shape {self.mask.shape}")
        if not (math.isfinite(self.downsample) and self.downsample >= 1):
            raise LesionkitError(f"downsample must be at least 1, got {self.downsample}; it is pixels per sample")
        if self.size_xy is not None:
            reach = (np.array(self.mask.shape) + self.corner - 1) * self.downsample
            if (reach[::-1] >= self.size_xy).any():
                raise LesionkitError(
                    f"a mask of shape {self.mask.shape} at corner {self.corner} and downsample {self.downsample:g} "
                    f"must lie on the slide of {self.size_xy[0]:g} x {self.size_xy[1]:g} pixels; check the downsample"
                )

    @property
    def has_tumour(self) -> bool:
        """Whether any sample is inside."""
        return bool(self.mask.any())

    def around_tumour(self, margin: int = 0) -> "SlideMask":
        """The box around the tumour and so many samples about it, as far as the slide reaches.

        Samples that are not held are outside the tumour; the far edges of a slide of unknown size do not limit.
        """
        rows, columns = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        if not len(rows):
            return SlideMask(np.zeros((0, 0), dtype=bool), self.downsample, size_xy=self.size_xy)
        top, left, bottom, right = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
        first = np.array([top, left]) + self.corner
        low = np.maximum(first - margin, 0)
        high = np.array([bottom, right]) + self.corner + margin
        if self.size_xy is not None:
            high = np.minimum(high, np.ceil(np.array(self.size_xy[::-1]) / self.downsample).astype(int))
        part = np.zeros(high - low, dtype=bool)
        held = self.mask[top:bottom, left:right]
        row, column = (first - low).tolist()
        part[row : row + held.shape[0], column : column + held.shape[1]] = held
        return SlideMask(part, self.downsample, (int(low[0]), int(low[1])), self.size_xy)


@dataclass(frozen=True, eq=False)
class Outline:
    """Tumour of one slide as rings of vertices; none for a healthy slide.

    Attributes:
        rings: inside any of them is tumour …
        holes: … unless it is inside any of these.
        notes: sentences on what was left out or cut when it was read.
        from_shown: positions count from the corner of what is shown, as in QuPath, not from the file's.
    """

    rings: tuple[Ring, ...] = ()
    holes: tuple[Ring, ...] = ()
    notes: tuple[str, ...] = ()
    from_shown: bool = False

    def __post_init__(self) -> None:
        for name in ("rings", "holes"):
            object.__setattr__(self, name, tuple(np.asarray(ring, dtype=np.float64) for ring in getattr(self, name)))
            for ring in getattr(self, name):
                _check(ring)

    @property
    def has_tumour(self) -> bool:
        """Whether there is a ring."""
        return bool(self.rings)

    def sampled(self, downsample: float) -> SlideMask:
        """The mask of the box around the rings; the cost is that of the box, not of the slide.

        A sample is inside where its centre is; a ring too small to hold any centre gets the sample it lies in.
        """
        if not self.rings:
            return SlideMask(np.zeros((0, 0), dtype=bool), downsample)
        corners = np.concatenate(self.rings) / downsample
        left, top = np.floor(corners.min(axis=0)).astype(int).tolist()
        right, bottom = (np.floor(corners.max(axis=0)).astype(int) + 1).tolist()
        mask = np.zeros((bottom - top, right - left), dtype=bool)
        for ring in self.rings:
            _paint(mask, ring / downsample - (left, top), inside=True)
        for hole in self.holes:
            _paint(mask, hole / downsample - (left, top), inside=False)
        return SlideMask(mask, downsample, (top, left))


def fill_ring(ring: Ring, shape: Sequence[int]) -> NDArray[np.bool_]:
    """Mask (rows, columns) of a ring by the even-odd rule.

    Args:
        ring: (n, 2) vertices (x, y) in samples; the centre of sample (row, column) is (column + 0.5, row + 0.5).

    >>> fill_ring(np.array([[1, 0], [3, 0], [3, 2], [1, 2]]), (3, 4)).astype(int).tolist()
    [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    """
    rows, columns = shape
    start = np.asarray(ring, dtype=np.float64) - 0.5
    stop = np.roll(start, -1, axis=0)
    upward = start[:, 1] > stop[:, 1]
    start, stop = np.where(upward[:, None], stop, start), np.where(upward[:, None], start, stop)
    # Each edge crosses the lines of samples from its upper end up to, but without, its lower end.
    first = np.clip(np.ceil(start[:, 1]), 0, rows).astype(int)
    n_lines = np.clip(np.ceil(stop[:, 1]), 0, rows).astype(int) - first
    edge = np.repeat(np.arange(len(start)), n_lines)
    line = np.arange(len(edge)) - np.repeat(np.cumsum(n_lines) - n_lines, n_lines) + first[edge]
    step = stop[edge] - start[edge]
    x = start[edge, 0] + (line - start[edge, 1]) * step[:, 0] / step[:, 1]
    crossings = np.zeros((rows, columns + 1), dtype=np.int32)
    np.add.at(crossings, (line, np.clip(np.ceil(x), 0, columns).astype(int)), 1)
    return np.asarray(np.cumsum(crossings[:, :-1], axis=1) % 2 == 1)


def clip_ring(ring: Ring, low: Sequence[float], high: Sequence[float] = (math.inf, math.inf)) -> Ring:
    """The part of a ring (n, 2) between two corners (x, y); (0, 2) where nothing of it lies there.

    Each border cuts in turn (Sutherland and Hodgman, 1974). Parts that a border separates stay joined along it, which
    encloses nothing.

    >>> clip_ring(np.array([[-4, 1], [4, 1], [4, 5]]), (0, 0)).tolist()
    [[0.0, 1.0], [4.0, 1.0], [4.0, 5.0], [0.0, 3.0]]
    """
    clipped = np.asarray(ring, dtype=np.float64)
    for axis in (0, 1):
        for border, sign in ((low[axis], 1.0), (high[axis], -1.0)):
            inside = sign * (clipped[:, axis] - border) >= 0 if math.isfinite(border) else np.ones(len(clipped), bool)
            if inside.all():
                continue
            kept: list[NDArray[np.float64]] = []
            for here, there, held, next_held in zip(
                clipped, np.roll(clipped, -1, axis=0), inside, np.roll(inside, -1), strict=True
            ):
                if held:
                    kept.append(here)
                if held != next_held:
                    crossing = here + (there - here) * ((border - here[axis]) / (there[axis] - here[axis]))
                    crossing[axis] = border
                    kept.append(crossing)
            clipped = np.array(kept, dtype=np.float64).reshape(-1, 2)
    return clipped


def joined_ring(ring: Ring, holes: Sequence[Ring]) -> Ring:
    """One ring that encloses what a ring does without its holes: it runs to each hole, round it and back.

    >>> square = np.array([[0, 0], [4, 0], [4, 4], [0, 4]])
    >>> fill_ring(joined_ring(square, [square / 2 + 1]), (4, 4)).astype(int).tolist()
    [[1, 1, 1, 1], [1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]]
    """
    start = ring[:1]
    return np.concatenate([ring, start, *(part for hole in holes for part in (hole, hole[:1], start))])


def _paint(mask: NDArray[np.bool_], ring: Ring, inside: bool) -> None:
    """Set what a ring encloses, working on its own box only."""
    low = np.maximum(np.floor(ring.min(axis=0)).astype(int), 0)
    high = np.minimum(np.floor(ring.max(axis=0)).astype(int) + 1, mask.shape[::-1])
    if (high <= low).any():
        return
    part = mask[low[1] : high[1], low[0] : high[0]]
    filled = fill_ring(ring - low, part.shape)
    if inside and not filled.any():
        column, row = np.floor(ring.mean(axis=0)).astype(int) - low
        filled[row, column] = True
    part[filled] = inside


def _check(ring: Ring) -> None:
    if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3:
        raise LesionkitError(f"an outline needs at least 3 vertices (x, y), got an array of shape {ring.shape}")
    wrong = np.flatnonzero(~(np.isfinite(ring) & (ring >= 0)).all(axis=1))
    if len(wrong):
        raise LesionkitError(
            f"vertices of an outline must be pixels of the slide, finite and not negative, got "
            f"{tuple(ring[wrong[0]].tolist())} as vertex {wrong[0] + 1}"
        )
