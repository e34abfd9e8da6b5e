"""Of cubes that overlap, the strongest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAST_SIDE = 1e-3


@dataclass(eq=False)
class _Group:
    """Cubes of one magnitude, sorted along the first axis: their numbers, centres (n, 3), sides; the largest side, and
    how many of them were dropped."""

    numbers: NDArray[np.int_]
    centres: NDArray[np.float64]
    sides: NDArray[np.float64]
    largest: float
    dropped: int = 0

    def forget(self, free: NDArray[np.bool_]) -> None:
        """Leave out what was dropped once that is a third."""
        if 3 * self.dropped > len(self.numbers):
            left = free[self.numbers]
            self.numbers, self.centres, self.sides = self.numbers[left], self.centres[left], self.sides[left]
            self.dropped = 0


def suppress(balls: NDArray[np.float64], overlap: float, most: int | None = None) -> NDArray[np.int_]:
    """Which balls stay when each that overlaps a stronger one that stays is dropped; strongest first.

    Cubes can overlap by a share only if their sides are alike, so each is compared with what is of about its size and
    lies near it along the first axis.

    Args:
        balls: (n, 5) score, centre z, y, x and side, the last four in one unit.
        overlap: intersection over union of cubes from which two are one, above 0.
        most: stop after so many.

    >>> suppress(np.array([[0.8, 0, 0, 0, 4], [0.9, 1, 0, 0, 4], [0.5, 9, 0, 0, 4]]), 0.5).tolist()
    [1, 2]
    """
    order = np.argsort(-balls[:, 0], kind="stable")
    sides = np.maximum(balls[:, 4], _LEAST_SIDE)
    groups = _groups(balls[:, 1:4], sides)
    # Inner over outer is at most the cube of small over large.
    unlike = np.log2(overlap) / -3
    free, kept = np.ones(len(balls), bool), []
    for number in order:
        if not free[number]:
            continue
        kept.append(number)
        if len(kept) == most:
            break
        centre, side = balls[number, 1:4], sides[number]
        lowest, highest = (int(np.floor(np.log2(side) + step)) for step in (-unlike, unlike))
        for magnitude in range(lowest, highest + 1):
            if magnitude in groups:
                _drop(free, groups[magnitude], centre, side, overlap)
    return np.array(kept, int)


def _groups(centres: NDArray[np.float64], sides: NDArray[np.float64]) -> dict[int, _Group]:
    magnitude, found = np.floor(np.log2(sides)).astype(int), {}
    for one in np.unique(magnitude).tolist():
        numbers = np.flatnonzero(magnitude == one)
        numbers = numbers[np.argsort(centres[numbers, 0], kind="stable")]
        found[int(one)] = _Group(numbers, centres[numbers], sides[numbers], float(sides[numbers].max()))
    return found


def _drop(free: NDArray[np.bool_], group: _Group, centre: NDArray[np.float64], side: float, overlap: float) -> None:
    """Note that those of a group that overlap a cube are no longer free; it itself is among them."""
    away = (side + group.largest) / 2
    first, last = np.searchsorted(group.centres[:, 0], centre[0] + [-away, away])
    part = slice(int(first), int(last))
    near = np.flatnonzero(np.abs(group.centres[part, 1] - centre[1]) < away) + part.start
    sides = group.sides[near]
    # Along each axis: what both have, never more than the smaller one.
    shared = (side + sides)[:, None] / 2 - np.abs(group.centres[near] - centre)
    shared = np.minimum(shared, np.minimum(side, sides)[:, None]).clip(min=0)
    inner = shared.prod(axis=1)
    hit = group.numbers[near[inner >= overlap * (side**3 + sides**3 - inner)]]
    group.dropped += int(np.count_nonzero(free[hit]))
    free[hit] = False
    group.forget(free)
