"""Binary masks as runs of their column-major samples: small, quick to compare, and what run-length codes hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.core.errors import LesionkitError

Integers: TypeAlias = NDArray[np.int64]
Shape: TypeAlias = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Runs:
    """A binary image (rows, columns) as the runs of its column-major samples.

    Attributes:
        shape: (rows, columns).
        starts, stops: (n,) first sample of each run and the one after its last; ascending, neither overlapping nor
            touching. Make runs with `runs_of`, `unite` or a `parse_…` function, which see to that.
    """

    shape: Shape
    starts: Integers
    stops: Integers

    @property
    def area(self) -> int:
        """How many samples are inside."""
        return int((self.stops - self.starts).sum())

    def mask(self) -> NDArray[np.bool_]:
        """The mask (rows, columns). Inverse of `runs_of`."""
        rows, columns = self.shape
        steps = np.zeros(rows * columns + 1, dtype=np.int8)
        steps[self.starts] = 1
        steps[self.stops] = -1
        inside = np.cumsum(steps[:-1], dtype=np.int8).astype(bool)
        return np.ascontiguousarray(inside.reshape(columns, rows).T)

    def overlap(self, other: Runs) -> int:
        """How many samples are inside both; no image is drawn.

        Raises:
            LesionkitError: the two have different shapes.
        """
        if self.shape != other.shape:
            raise LesionkitError(f"masks must have one shape to be compared, got {self.shape} and {other.shape}")
        return int((other._inside_before(self.stops) - other._inside_before(self.starts)).sum())

    def _inside_before(self, sample: Integers) -> Integers:
        """How many samples inside lie before the given ones."""
        covered = np.concatenate([[0], np.cumsum(self.stops - self.starts)])
        run = np.searchsorted(self.starts, sample, side="right")
        last_stop = np.concatenate([[0], self.stops])[run]
        inside: Integers = covered[run] - np.maximum(last_stop - sample, 0)
        return inside


def runs_of(mask: ArrayLike) -> Runs:
    """The runs of a mask (rows, columns); whatever is not zero is inside. Inverse of `Runs.mask`."""
    array = np.asarray(mask)
    if array.ndim != 2 or array.size == 0:
        raise LesionkitError(f"a run-length code needs a mask of rows and columns, got an array of shape {array.shape}")
    flat = np.zeros(array.size + 2, dtype=np.int8)
    flat[1:-1] = (array != 0).T.ravel()
    edges = np.flatnonzero(np.diff(flat))
    return Runs((array.shape[0], array.shape[1]), edges[::2], edges[1::2])


def unite(runs: Sequence[Runs]) -> Runs:
    """What is inside any of the given runs, which have one shape."""
    if not runs:
        raise LesionkitError("at least one mask is needed to unite, got none; an empty image has the text '-1'")
    if len({r.shape for r in runs}) != 1:
        raise LesionkitError(f"masks must have one shape to be united, got {[r.shape for r in runs]}")
    starts = np.concatenate([r.starts for r in runs])
    stops = np.concatenate([r.stops for r in runs])
    return merged_runs(starts, stops, runs[0].shape)


def merged_runs(starts: Integers, stops: Integers, shape: Shape) -> Runs:
    """Runs from (n,) starts and stops in any order, which may overlap or touch."""
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(stops[order])
    first = np.ones(len(starts), dtype=bool)
    first[1:] = starts[1:] > reach[:-1]
    last = np.append(first[1:], True)[: len(starts)]
    return Runs(shape, starts[first], reach[last])
