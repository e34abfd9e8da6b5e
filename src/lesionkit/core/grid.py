"""Where samples sit in the world. The only place that converts between index and world coordinates.

Array axes are ordered (z, y, x) in three dimensions and (y, x) in two; world axes are ordered (x, y, z) and (x, y).
The world is the patient system of DICOM, LPS: x grows to the patient's Left, y to the Posterior, z to the Superior
(head), in millimetres. On a slide or a radiograph it is millimetres from the top left.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.core.errors import LesionkitError

Box: TypeAlias = tuple[slice, ...]
"""A box of samples in array order; plain slices with start and stop, step 1."""

_ORTHONORMAL_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Grid:
    """A regular lattice of samples.

    Attributes:
        shape: samples per array axis, (z, y, x) or (y, x).
        spacing_mm: distance between neighbouring samples per array axis, positive.
        origin_mm: world position (x, y[, z]) of the centre of sample 0.
        direction: orthonormal matrix; `direction[w][a]` is how far world axis w moves per millimetre along array
            axis a. Columns are in array order: the last column is the direction in which x indices grow.

    >>> grid = Grid.upright((40, 512, 512), spacing_mm=(2.5, 0.7, 0.7))
    >>> grid.index_to_world([10, 0, 0]).tolist()
    [0.0, 0.0, 25.0]
    >>> grid.world_to_index([0.0, 0.0, 25.0]).tolist()
    [10.0, 0.0, 0.0]
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    origin_mm: tuple[float, ...]
    direction: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        object.__setattr__(self, "spacing_mm", tuple(float(s) for s in self.spacing_mm))
        object.__setattr__(self, "origin_mm", tuple(float(o) for o in self.origin_mm))
        object.__setattr__(self, "direction", tuple(tuple(float(v) for v in row) for row in self.direction))
        n = len(self.shape)
        if n not in (2, 3):
            raise LesionkitError(f"a grid has 2 or 3 axes, got shape {self.shape}")
        if min(self.shape) < 1:
            raise LesionkitError(f"a grid needs at least one sample per axis, got shape {self.shape}")
        if len(self.spacing_mm) != n or len(self.origin_mm) != n:
            raise LesionkitError(
                f"spacing_mm and origin_mm need {n} values for shape {self.shape}, "
                f"got {self.spacing_mm} and {self.origin_mm}"
            )
        if not all(math.isfinite(s) and s > 0 for s in self.spacing_mm):
            raise LesionkitError(
                f"spacing_mm must be positive, got {self.spacing_mm}; was the slice order reversed while reading?"
            )
        if not all(map(math.isfinite, self.origin_mm)):
            raise LesionkitError(f"origin_mm must be finite, got {self.origin_mm}")
        matrix = np.array(self.direction, dtype=float)
        if matrix.shape != (n, n) or not np.allclose(matrix.T @ matrix, np.eye(n), atol=_ORTHONORMAL_TOLERANCE):
            raise LesionkitError(
                f"direction must be an orthonormal {n}x{n} matrix, got {self.direction}; "
                "a sheared volume (gantry tilt) must be resampled first"
            )

    @classmethod
    def upright(
        cls, shape: Sequence[int], spacing_mm: Sequence[float], origin_mm: Sequence[float] | None = None
    ) -> Grid:
        """A grid whose array axes run along the world axes: z index up, y index to the back, x index to the left."""
        n = len(shape)
        return cls(
            shape=tuple(shape),
            spacing_mm=tuple(spacing_mm),
            origin_mm=tuple(origin_mm) if origin_mm is not None else (0.0,) * n,
            direction=_as_tuples(np.eye(n)[::-1]),
        )

    @classmethod
    def from_affine(cls, shape: Sequence[int], affine: ArrayLike) -> Grid:
        """The grid of an affine matrix of shape (n+1, n+1) from array-order index to LPS world. Inverse of `affine`.

        Raises:
            LesionkitError: the axes of the matrix are not at right angles (sheared).
        """
        matrix = np.asarray(affine, dtype=float)
        n = len(shape)
        if matrix.shape != (n + 1, n + 1) or not np.isfinite(matrix).all():
            raise LesionkitError(f"an affine for shape {tuple(shape)} must be a finite {n + 1}x{n + 1} matrix")
        spacing = np.linalg.norm(matrix[:n, :n], axis=0)
        if not (spacing > 0).all():
            raise LesionkitError(f"spacing_mm must be positive, got {tuple(spacing.tolist())}; the affine is singular")
        return cls(tuple(shape), tuple(spacing), tuple(matrix[:n, n]), _as_tuples(matrix[:n, :n] / spacing))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @cached_property
    def affine(self) -> NDArray[np.float64]:
        """Matrix (n+1, n+1) from homogeneous array-order index to homogeneous world."""
        n = self.ndim
        matrix = np.eye(n + 1)
        matrix[:n, :n] = np.array(self.direction) * np.array(self.spacing_mm)
        matrix[:n, n] = self.origin_mm
        return matrix

    def index_to_world(self, index: ArrayLike) -> NDArray[np.float64]:
        """World positions (..., n) in (x, y[, z]) mm of array positions (..., n) in (z, y, x); may be fractional."""
        n = self.ndim
        return np.asarray(index, dtype=float) @ self.affine[:n, :n].T + self.affine[:n, n]

    def world_to_index(self, world_mm: ArrayLike) -> NDArray[np.float64]:
        """Fractional array positions (..., n) of world positions (..., n). Inverse of `index_to_world`."""
        offset = np.asarray(world_mm, dtype=float) - np.array(self.origin_mm)
        index: NDArray[np.float64] = (offset @ np.array(self.direction)) / np.array(self.spacing_mm)
        return index

    def contains(self, world_mm: ArrayLike, margin_mm: float = 0.0) -> NDArray[np.bool_]:
        """Whether world positions (..., n) lie within half a sample plus `margin_mm` of the lattice."""
        index = self.world_to_index(world_mm)
        reach = 0.5 + margin_mm / np.array(self.spacing_mm)
        inside = (index >= -reach) & (index <= np.array(self.shape) - 1 + reach)
        return np.asarray(inside.all(axis=-1))

    @property
    def size_mm(self) -> tuple[float, ...]:
        """Edge lengths in array order, counting each sample as a full cell."""
        return tuple(n * s for n, s in zip(self.shape, self.spacing_mm, strict=True))

    @property
    def voxel_mm(self) -> float:
        """Volume (mm3) or area (mm2) of one sample cell."""
        return math.prod(self.spacing_mm)

    @property
    def whole(self) -> Box:
        """The box that covers everything."""
        return tuple(slice(0, n) for n in self.shape)

    def crop(self, box: Box) -> Grid:
        """The grid of a box of this one; the box may reach beyond the lattice."""
        start = [b.start for b in box]
        shape = tuple(b.stop - b.start for b in box)
        return Grid(shape, self.spacing_mm, tuple(self.index_to_world(start)), self.direction)

    def resampled(self, spacing_mm: Sequence[float]) -> Grid:
        """Same orientation and same covered extent, another spacing; the corner of the first cell stays in place."""
        new = np.array(spacing_mm, dtype=float)
        old = np.array(self.spacing_mm)
        shape = np.maximum(1, np.round(np.array(self.size_mm) / new)).astype(int)
        first = (new / 2 - old / 2) / old
        return Grid(tuple(shape.tolist()), tuple(new), tuple(self.index_to_world(first)), self.direction)

    @cached_property
    def upright_axes(self) -> tuple[tuple[int, ...], tuple[bool, ...]]:
        """How to turn an array of this grid as upright as flips and transpositions can: (axes, flips).

        `np.flip(array.transpose(axes), [a for a, f in enumerate(flips) if f])` has the grid `turned_upright()`.
        """
        # Each array axis goes to the world axis it follows most; the best assignment overall, not greedily.
        n = self.ndim
        weight = np.abs(np.array(self.direction))[::-1]  # rows: world in array order
        axes = max(itertools.permutations(range(n)), key=lambda p: sum(weight[w, a] for w, a in enumerate(p)))
        signs = np.array(self.direction)[::-1]
        flips = tuple(bool(signs[w, a] < 0) for w, a in enumerate(axes))
        return axes, flips

    def turned_upright(self) -> Grid:
        """The grid after the flips and transpositions of `upright_axes`; the samples stay where they are."""
        axes, flips = self.upright_axes
        n = self.ndim
        to_old = np.zeros((n + 1, n + 1))
        to_old[n, n] = 1.0
        for new, (old, flip) in enumerate(zip(axes, flips, strict=True)):
            to_old[old, new] = -1.0 if flip else 1.0
            to_old[old, n] = self.shape[old] - 1 if flip else 0.0
        return Grid.from_affine(tuple(self.shape[a] for a in axes), self.affine @ to_old)

    @property
    def is_oblique(self) -> bool:
        """Whether the array axes do not run along world axes, whatever the flips and transpositions."""
        return not np.allclose(np.abs(self.direction).max(axis=0), 1.0, atol=1e-3)


def _as_tuples(matrix: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(v) for v in row) for row in matrix)
