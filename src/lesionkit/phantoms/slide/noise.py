"""Chance that depends on the place alone: what a slide shows at a point is the same whichever box is read.

Positions on a slide are in micrometres from its top left corner. A `Raster` is a regular lattice of them whose lines
lie at multiples of its step, so that two rasters that overlap share their positions.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

Floats = NDArray[np.float32]

_PRIMES = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
_MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Dice:
    """Numbers by chance for the cells of a plane.

    >>> Dice.of(3, "follicles").roll(np.array([5, 6]), np.array([7, 7])).round(3).tolist()
    [0.859, 0.015]
    """

    key: int

    @classmethod
    def of(cls, seed: int, name: str) -> "Dice":
        """The dice of one feature of one slide."""
        return cls((seed * _PRIMES[2] + zlib.crc32(name.encode()) * _PRIMES[0]) & _MASK)

    def roll(self, y: NDArray[np.int64], x: NDArray[np.int64], salt: int = 0) -> NDArray[np.float64]:
        """Uniform numbers in [0, 1) for cells (y, x); another salt gives others."""
        key = np.uint64((self.key + salt * _MIX[1]) & _MASK)
        h = np.asarray(y).astype(np.uint64) * np.uint64(_PRIMES[0]) + np.asarray(x).astype(np.uint64) * np.uint64(
            _PRIMES[1]
        )
        h = h ^ key
        for multiplier, shift in zip(_MIX, (30, 27), strict=True):
            h = (h ^ (h >> np.uint64(shift))) * np.uint64(multiplier)
        h ^= h >> np.uint64(31)
        return (h >> np.uint64(11)).astype(np.float64) * 2.0**-53


@dataclass(frozen=True)
class Raster:
    """Positions `(start + n) * step_um` along y and x.

    Attributes:
        start: first line and column, counted in steps from the corner of the slide; may be negative.
    """

    start: tuple[int, int]
    shape: tuple[int, int]
    step_um: float

    @cached_property
    def lines_um(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Positions along y and along x."""
        y, x = (np.arange(s, s + n, dtype=np.float64) for s, n in zip(self.start, self.shape, strict=True))
        return y * self.step_um, x * self.step_um

    @cached_property
    def open(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """y and x shaped so that they broadcast to the raster."""
        y, x = self.lines_um
        return y[:, None], x[None, :]

    @property
    def box_um(self) -> tuple[float, float, float, float]:
        """top, left, bottom, right."""
        y, x = self.lines_um
        return float(y[0]), float(x[0]), float(y[-1]), float(x[-1])

    def window(self, y_um: float, x_um: float, radius_um: float) -> tuple[slice, slice] | None:
        """Index box of the square around a point; None where it does not meet the raster."""
        box = []
        for centre, start, size in zip((y_um, x_um), self.start, self.shape, strict=True):
            low = max(int(np.floor((centre - radius_um) / self.step_um)) - start, 0)
            high = min(int(np.ceil((centre + radius_um) / self.step_um)) - start + 1, size)
            if high <= low:
                return None
            box.append(slice(low, high))
        return box[0], box[1]

    def nearest(
        self, y_um: NDArray[np.float64], x_um: NDArray[np.float64]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Index of the sample nearest to each point; points beyond the raster get its edge."""
        rows, columns = (
            np.clip(np.rint(p / self.step_um).astype(np.intp) - start, 0, size - 1)
            for p, start, size in zip((y_um, x_um), self.start, self.shape, strict=True)
        )
        return rows, columns


def noise(dice: Dice, raster: Raster, wavelength_um: float) -> Floats:
    """(rows, columns) smooth noise of mean 0 and standard deviation 0.6, whose bumps are half a wavelength wide."""
    lattice_um = wavelength_um / 2.6
    spans = [axis / lattice_um for axis in raster.lines_um]
    first = [int(np.floor(span[0])) - 1 for span in spans]
    counts = [int(np.floor(span[-1])) + 3 - f for span, f in zip(spans, first, strict=True)]
    rows, columns = (np.arange(n) + f for n, f in zip(counts, first, strict=True))
    values = (dice.roll(rows[:, None], columns[None, :]) * 4.4 - 2.2).astype(np.float32)
    down, across = (_smoothing(span - f, n) for span, f, n in zip(spans, first, counts, strict=True))
    field: Floats = down @ np.ascontiguousarray((across @ np.ascontiguousarray(values.T)).T)
    return field


def enlarge(field: Floats, factor: int, shape: Sequence[int]) -> Floats:
    """Values at the centres of pixels, `factor` per step; sample 1 of the field is the corner of the first pixel."""
    if factor == 1 and tuple(shape) == field.shape:
        return field
    down, across = (_enlarging(n, size, factor) for n, size in zip(shape, field.shape, strict=True))
    fine: Floats = down @ np.ascontiguousarray((across @ np.ascontiguousarray(field.T)).T)
    return fine


@dataclass(frozen=True, eq=False)
class Points:
    """Points by chance, one per cell of a lattice.

    Attributes:
        y, x: (n,) positions in µm.
        cell: (n,), (n,) the row and column of the cell of each, for further dice.
    """

    y: NDArray[np.float64]
    x: NDArray[np.float64]
    cell: tuple[NDArray[np.int64], NDArray[np.int64]]

    def where(self, chosen: NDArray[np.bool_]) -> "Points":
        """Some of the points."""
        return Points(self.y[chosen], self.x[chosen], (self.cell[0][chosen], self.cell[1][chosen]))

    def __len__(self) -> int:
        return len(self.y)


def scatter(dice: Dice, box_um: Sequence[float], pitch_um: float, jitter: float = 0.8) -> Points:
    """The points within top, left, bottom, right: one per cell, every other row of cells shifted by half a cell."""
    top, left, bottom, right = box_um
    rows = np.arange(int(np.floor(top / pitch_um)) - 1, int(np.floor(bottom / pitch_um)) + 2)
    columns = np.arange(int(np.floor(left / pitch_um)) - 2, int(np.floor(right / pitch_um)) + 2)
    row, column = (a.ravel() for a in np.meshgrid(rows, columns, indexing="ij"))
    y, x = cell_centres(dice, row, column, pitch_um, jitter)
    inside = (y >= top) & (y <= bottom) & (x >= left) & (x <= right)
    return Points(y[inside], x[inside], (row[inside], column[inside]))


def cell_centres(
    dice: Dice, row: NDArray[np.int64], column: NDArray[np.int64], pitch_um: float, jitter: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions y, x of the points of cells."""
    y = (row + 0.5 + jitter * (dice.roll(row, column, 1) - 0.5)) * pitch_um
    x = (column + 0.5 + 0.5 * (row % 2) + jitter * (dice.roll(row, column, 2) - 0.5)) * pitch_um
    return y, x


def cell_distances(dice: Dice, raster: Raster, pitch_um: float, jitter: float = 0.8) -> tuple[Floats, Floats]:
    """Distances (µm) to the nearest and to the second nearest of scattered points: walls lie where they are equal."""
    y, x = raster.open
    row, column = np.floor(y / pitch_um).astype(np.int64), np.floor(x / pitch_um).astype(np.int64)
    rows = np.arange(row.min() - 1, row.max() + 2)
    columns = np.arange(column.min() - 2, column.max() + 3)
    py, px = cell_centres(dice, *np.meshgrid(rows, columns, indexing="ij"), pitch_um=pitch_um, jitter=jitter)
    first = np.full(raster.shape, np.inf, np.float32)
    second = first.copy()
    for down in (-1, 0, 1):
        for across in (-2, -1, 0, 1):
            place = np.ix_((row + down - rows[0]).ravel(), (column + across - columns[0]).ravel())
            d = ((py[place] - y) ** 2 + (px[place] - x) ** 2).astype(np.float32)
            np.minimum(second, np.maximum(first, d), out=second)
            np.minimum(first, d, out=first)
    return np.sqrt(first), np.sqrt(second)


def periodic_noise(rng: np.random.Generator, side: int, sigma: float | tuple[float, float]) -> Floats:
    """(side, side) noise of mean 0 and standard deviation 1 that repeats without a seam."""
    field = ndimage.gaussian_filter(rng.standard_normal((side, side), dtype=np.float32), sigma, mode="wrap")
    field -= field.mean()
    return np.asarray(field / field.std(), dtype=np.float32)


def _smoothing(position: NDArray[np.float64], size: int) -> sparse.csr_array:
    """Weights (n, size) of samples at fractional positions by cubic B-splines: chance on a lattice, seen without it."""
    t = position - np.floor(position)
    taps = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    return _matrix(position, np.stack(taps, axis=1) / 6, size)


def _enlarging(n: int, size: int, factor: int) -> sparse.csr_array:
    """Catmull-Rom weights (n, size): through the samples."""
    # The same few fractions whatever the place, so that tiles agree to the last bit.
    offset = np.arange(n)
    position = 1 + offset // factor + (offset % factor + 0.5) / factor
    t = position - np.floor(position)
    taps = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
    return _matrix(position, np.stack(taps, axis=1) / 2, size)


def _matrix(position: NDArray[np.float64], taps: NDArray[np.float64], size: int) -> sparse.csr_array:
    """(n, size) with four taps a row, on the samples around each position."""
    columns = np.clip(np.floor(position).astype(np.int64)[:, None] + np.arange(-1, 3), 0, size - 1)
    ends = np.arange(len(position) + 1) * 4
    return sparse.csr_array((taps.astype(np.float32).ravel(), columns.ravel(), ends), shape=(len(position), size))
