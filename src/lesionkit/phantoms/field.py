"""Smooth fields on a coarse lattice: signed distances of organs, slow noise; and how they are read plane by plane."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage, sparse

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Lattice:
    """Coarse sample positions (mm) along z, y and x, evenly spaced."""

    z: Floats
    y: Floats
    x: Floats

    @classmethod
    def covering(cls, low_mm: Sequence[float], high_mm: Sequence[float], step_mm: float) -> "Lattice":
        """Positions from `low_mm` to at least `high_mm`, (z, y, x)."""
        z, y, x = (np.arange(a, b + step_mm, step_mm, dtype=np.float32) for a, b in zip(low_mm, high_mm, strict=True))
        return cls(z, y, x)

    @property
    def step_mm(self) -> float:
        return float(self.x[1] - self.x[0])

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.z), len(self.y), len(self.x)

    @property
    def open(self) -> tuple[Floats, Floats, Floats]:
        """z, y, x shaped so that they broadcast to the lattice."""
        return self.z[:, None, None], self.y[None, :, None], self.x[None, None, :]


def smooth_max(first: Floats, second: Floats, round_mm: float) -> Floats:
    """The larger of two signed distances, their crease rounded (a union where inside is positive)."""
    overlap = np.maximum(round_mm - np.abs(first - second), 0) / round_mm
    return np.asarray(np.maximum(first, second) + overlap * overlap * (round_mm / 4), dtype=np.float32)


def smooth_min(first: Floats, second: Floats, round_mm: float) -> Floats:
    """The smaller of two signed distances, their crease rounded (an intersection)."""
    return -smooth_max(-first, -second, round_mm)


def as_distance(field: Floats, step_mm: float) -> Floats:
    """The field divided by its slope: near its zero it becomes a distance in mm."""
    slope = np.sqrt(sum(np.square(g) for g in np.gradient(field, step_mm)))
    distance: Floats = (field / np.clip(slope, 0.3, 2.5)).astype(np.float32)
    return distance


def noise_field(rng: np.random.Generator, lattice: Lattice, wavelength_mm: float) -> Floats:
    """Smooth noise of mean 0 and standard deviation 1 whose bumps are about half a wavelength wide."""
    sigma = wavelength_mm / 5 / lattice.step_mm
    skip = max(1, int(sigma / 1.5))
    shape = [n // skip + 4 for n in lattice.shape]
    coarse = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sigma / skip, mode="wrap")
    coarse /= coarse.std()
    for axis, size in enumerate(lattice.shape):
        weights = sparse.csr_array(_cubic_weights(np.arange(size) / skip + 1, coarse.shape[axis]))
        front = np.moveaxis(coarse, axis, 0)
        fine = weights @ front.reshape(len(front), -1)
        coarse = np.moveaxis(fine.reshape(size, *front.shape[1:]), 0, axis)
    return np.ascontiguousarray(coarse, dtype=np.float32)


def ellipsoid_field(lattice: Lattice, centre_mm: ArrayLike, radii_mm: ArrayLike) -> Floats:
    """Approximate signed distance to an ellipsoid, centre and radii (x, y, z); positive inside."""
    z, y, x = lattice.open
    (cx, cy, cz), (rx, ry, rz) = np.asarray(centre_mm, np.float32), np.asarray(radii_mm, np.float32)
    rho = np.sqrt(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2)
    field: Floats = ((1 - rho) * np.float32(min(rx, ry, rz))).astype(np.float32)
    return field


def tube_field(lattice: Lattice, points_mm: NDArray[np.float64], radii_mm: Sequence[float]) -> Floats:
    """Signed distance to a chain of tapered tubes through points (n, 3) in (x, y, z); −25 mm far away."""
    field = np.full(lattice.shape, -25.0, np.float32)
    radii = np.asarray(radii_mm, dtype=np.float32)
    for a, b, ra, rb in zip(points_mm[:-1], points_mm[1:], radii[:-1], radii[1:], strict=True):
        reach = max(ra, rb) + 25
        box = tuple(
            slice(int(np.searchsorted(axis, min(p, q) - reach)), int(np.searchsorted(axis, max(p, q) + reach)))
            for axis, p, q in zip((lattice.z, lattice.y, lattice.x), a[::-1], b[::-1], strict=True)
        )
        z, y, x = lattice.z[box[0], None, None], lattice.y[None, box[1], None], lattice.x[None, None, box[2]]
        dx, dy, dz = (b - a).astype(np.float32)
        px, py, pz = x - np.float32(a[0]), y - np.float32(a[1]), z - np.float32(a[2])
        along = np.clip((px * dx + py * dy + pz * dz) / max(float(dx * dx + dy * dy + dz * dz), 1e-6), 0, 1)
        distance = np.sqrt((px - along * dx) ** 2 + (py - along * dy) ** 2 + (pz - along * dz) ** 2)
        field[box] = np.maximum(field[box], ra + along * (rb - ra) - distance)
    return field


class PlaneReader:
    """Reads planes z = const of lattice fields at other in-plane positions, by cubic interpolation.

    Sparse products are used because dense ones start threads that wait for each other on a busy machine.
    """

    def __init__(self, lattice: Lattice, y_mm: NDArray[np.float64], x_mm: NDArray[np.float64]) -> None:
        self._lattice = lattice
        step = lattice.step_mm
        self._rows = sparse.csr_array(_cubic_weights((y_mm - lattice.y[0]) / step, len(lattice.y)))
        self._columns = sparse.csr_array(_cubic_weights((x_mm - lattice.x[0]) / step, len(lattice.x)))

    def read(self, field: Floats, z_mm: float) -> Floats:
        """(y, x) values of `field` in the plane at `z_mm`."""
        lattice = self._lattice
        weights = _cubic_weights(np.array([(z_mm - lattice.z[0]) / lattice.step_mm]), len(lattice.z))[0]
        plane = sum(weights[n] * field[n] for n in np.flatnonzero(weights))
        values: Floats = self._rows @ np.ascontiguousarray((self._columns @ np.ascontiguousarray(plane.T)).T)
        return values


def values_at(lattice: Lattice, field: Floats, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Field values at points (n, 3) in (x, y, z), linear."""
    first = np.array([lattice.z[0], lattice.y[0], lattice.x[0]])
    index = (points_mm[:, ::-1] - first) / lattice.step_mm
    values: NDArray[np.float64] = ndimage.map_coordinates(field, index.T, order=1, mode="nearest")
    return values


def _cubic_weights(position: NDArray[np.float64], size: int) -> Floats:
    """Catmull-Rom weights (n, size) of samples at fractional positions; ends are repeated."""
    position = np.clip(np.asarray(position, dtype=float), 0, size - 1)
    base = np.floor(position).astype(int)
    t = position - base
    taps = (
        (-0.5 * t + t**2 - 0.5 * t**3),
        (1 - 2.5 * t**2 + 1.5 * t**3),
        (0.5 * t + 2 * t**2 - 1.5 * t**3),
        (-0.5 * t**2 + 0.5 * t**3),
    )
    weights = np.zeros((len(position), size), np.float32)
    rows = np.arange(len(position))
    for shift, tap in zip((-1, 0, 1, 2), taps, strict=True):
        np.add.at(weights, (rows, np.clip(base + shift, 0, size - 1)), tap.astype(np.float32))
    return weights
