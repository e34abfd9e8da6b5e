"""The strongest of many cells that keep their distance from each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.intp]

_AT_ONCE = 4096


@dataclass(frozen=True)
class Spread:
    """Takes cells one by one, the strongest first, each that is no closer than a radius to one already taken.

    Attributes:
        shape: (rows, columns) of the map.
        spacing_mm: of its cells.
        radius_mm: cells that are as far apart are both taken.
        limit: of cells that are taken.
    """

    shape: tuple[int, int]
    spacing_mm: Sequence[float]
    radius_mm: float
    limit: int

    def __call__(self, cells: Cells, score: NDArray[np.float32], around: NDArray[np.float32]) -> Cells:
        """Row and column of the cells that are taken, in that order; (k, 2).

        Args:
            cells: (n,) places in reading order, row * columns + column.
            score: (n,) strength of each, 0 or more.
            around: (n,) decides between equal scores, and reading order between equals in both.
        """
        disc, reach = self._disc()
        free = np.pad(np.ones(self.shape, dtype=bool), [(r, r) for r in reach])
        kept: list[tuple[int, int]] = []
        strength = _strength(score, around)
        for chosen in _in_order(strength):
            for start in range(0, len(chosen), _AT_ONCE):
                rows, columns = np.divmod(cells[chosen[start : start + _AT_ONCE]], self.shape[1])
                is_free = free[rows + reach[0], columns + reach[1]]
                for row, column in zip(rows[is_free].tolist(), columns[is_free].tolist(), strict=True):
                    if free[row + reach[0], column + reach[1]]:
                        free[row : row + disc.shape[0], column : column + disc.shape[1]] &= disc
                        kept.append((row, column))
                        if len(kept) == self.limit:
                            return np.array(kept, dtype=np.intp)
        return np.array(kept, dtype=np.intp).reshape(-1, 2)

    def _disc(self) -> tuple[NDArray[np.bool_], list[int]]:
        """Where cells stay free around one that is taken, and how many cells it reaches along each axis."""
        reach = [
            min(int(np.ceil(self.radius_mm / s)), max(n - 1, 0))
            for s, n in zip(self.spacing_mm, self.shape, strict=True)
        ]
        away = [np.arange(-r, r + 1) * s for r, s in zip(reach, self.spacing_mm, strict=True)]
        stays = away[0][:, None] ** 2 + away[1] ** 2 >= self.radius_mm**2 * (1 - 1e-9)
        stays[tuple(reach)] = False
        return stays, reach


def _strength(score: NDArray[np.float32], around: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Numbers in the order of scores and, where these are equal, of what is around."""
    # The bits of numbers that are not negative are in the order of the numbers; adding 0 takes the sign from -0.
    first, second = (np.maximum(part, np.float32(0)) + np.float32(0) for part in (score, around))
    return first.view(np.uint32).astype(np.uint64) << np.uint64(32) | second.view(np.uint32)


def _in_order(strength: NDArray[np.uint64]) -> Iterator[Cells]:
    """Places in the array from the strongest down, in parts, so that the weaker need not be sorted if never asked for.

    Equals come in the order of the array.
    """
    rest: Cells = np.arange(len(strength))
    count = 4 * _AT_ONCE
    while len(rest) > count:
        values = strength[rest]
        least = np.partition(values, len(rest) - count)[len(rest) - count]
        above = rest[values > least]
        yield above[np.argsort(~strength[above], kind="stable")]
        yield rest[values == least]
        rest = rest[values < least]
        count *= 4
    yield rest[np.argsort(~strength[rest], kind="stable")]
