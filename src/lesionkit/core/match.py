"""Which candidate hits which lesion: balls and points of many cases at once, in any number of dimensions."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError

_PAIRS_AT_ONCE = 1 << 19


@dataclass(frozen=True, eq=False)
class Places:
    """Points in the world, each of one case.

    Attributes:
        case: (n,) index of the case, 0 … number of cases - 1.
        centre_mm: (n, d) world positions.
        radius_mm: (n,) for lesions; None for points.
    """

    case: NDArray[np.intp]
    centre_mm: NDArray[np.float64]
    radius_mm: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n = len(self.case)
        if self.centre_mm.ndim != 2 or len(self.centre_mm) != n:
            raise LesionkitError(f"{n} cases need centres of shape ({n}, d), got {self.centre_mm.shape}")
        if self.radius_mm is not None and self.radius_mm.shape != (n,):
            raise LesionkitError(f"{n} lesions need {n} radii, got shape {self.radius_mm.shape}")

    def __len__(self) -> int:
        return len(self.case)

    @classmethod
    def none(cls, ndim: int = 3) -> "Places":
        """No lesion at all."""
        return cls(np.zeros(0, dtype=np.intp), np.zeros((0, ndim)), np.zeros(0))


@dataclass(frozen=True, eq=False)
class Pairs:
    """(k,) positions of a mark and of a lesion of the same case, and the square of their distance in mm."""

    mark: NDArray[np.intp]
    lesion: NDArray[np.intp]
    squared_mm: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.mark)

    def keep(self, which: NDArray[np.bool_]) -> "Pairs":
        return Pairs(self.mark[which], self.lesion[which], self.squared_mm[which])


def pairs_within(marks: Places, lesions: Places) -> Pairs:
    """Every mark that lies strictly inside a lesion of its case: distance² < radius².

    Pairs come in the order of the lesions, within a lesion in the order of the marks.

    >>> marks = Places(np.array([0, 0, 1]), np.array([[0.0, 0, 4], [0, 0, 5], [0, 0, 4]]))
    >>> lesions = Places(np.array([0]), np.zeros((1, 3)), radius_mm=np.array([5.0]))
    >>> pairs_within(marks, lesions).mark
    array([0])
    """
    if lesions.radius_mm is None:
        raise LesionkitError("lesions need a radius_mm to be hit; give one radius per lesion")
    if len(marks) and len(lesions) and marks.centre_mm.shape[1] != lesions.centre_mm.shape[1]:
        raise LesionkitError(
            f"marks have {marks.centre_mm.shape[1]} coordinates and lesions {lesions.centre_mm.shape[1]}; "
            "both must be given in the same world"
        )
    order = np.argsort(marks.case, kind="stable")
    sorted_case = marks.case[order]
    first = np.searchsorted(sorted_case, lesions.case, side="left")
    count = np.searchsorted(sorted_case, lesions.case, side="right") - first
    found = [_pairs_of(marks, lesions, lesions.radius_mm, order, (first, count), block) for block in _blocks(count)]
    empty = np.zeros(0, dtype=np.intp)
    return Pairs(
        np.concatenate([empty, *(pairs.mark for pairs in found)]),
        np.concatenate([empty, *(pairs.lesion for pairs in found)]),
        np.concatenate([np.zeros(0), *(pairs.squared_mm for pairs in found)]),
    )


def _blocks(count: NDArray[np.intp]) -> Iterator[slice]:
    """Runs of lesions that have about `_PAIRS_AT_ONCE` marks to look at, to bound the memory."""
    total = np.cumsum(count)
    start = 0
    while start < len(count):
        seen = total[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(total, seen + _PAIRS_AT_ONCE, side="right")))
        yield slice(start, stop)
        start = stop


def _pairs_of(
    marks: Places,
    lesions: Places,
    radius_mm: NDArray[np.float64],
    order: NDArray[np.intp],
    runs: tuple[NDArray[np.intp], NDArray[np.intp]],
    block: slice,
) -> Pairs:
    first, n = runs[0][block], runs[1][block]
    lesion = np.repeat(np.arange(block.start, block.start + len(n)), n)
    within = np.arange(len(lesion)) - np.repeat(np.cumsum(n) - n, n)
    mark = order[np.repeat(first, n) + within]
    squared = np.zeros(len(lesion))
    for axis in range(marks.centre_mm.shape[1] if len(lesion) else 0):
        offset = lesions.centre_mm[lesion, axis] - marks.centre_mm[mark, axis]
        squared += offset * offset
    return Pairs(mark, lesion, squared).keep(squared < (radius_mm * radius_mm)[lesion])


def nearest(pairs: Pairs, n_marks: int) -> Pairs:
    """Keep for each mark its nearest lesion; lesions at exactly the same distance are all kept.

    The order of marks and lesions therefore never decides anything.
    """
    closest = np.full(n_marks, np.inf)
    np.minimum.at(closest, pairs.mark, pairs.squared_mm)
    return pairs.keep(pairs.squared_mm == closest[pairs.mark])


@dataclass(frozen=True, eq=False)
class Match:
    """What each mark is.

    Attributes:
        pairs: the hits, (mark, lesion).
        is_hit: (n marks,) whether the mark hits a lesion.
        is_ignored: (n marks,) whether it hits none but lies inside an excluded finding: counts neither way.
    """

    pairs: Pairs
    is_hit: NDArray[np.bool_]
    is_ignored: NDArray[np.bool_]

    @property
    def is_false_positive(self) -> NDArray[np.bool_]:
        return ~(self.is_hit | self.is_ignored)

    def lesion_scores(self, score: NDArray[np.float64], n_lesions: int) -> NDArray[np.float64]:
        """(n lesions,) highest score of the marks that hit each lesion; -inf where it is missed."""
        best = np.full(n_lesions, -np.inf)
        np.maximum.at(best, self.pairs.lesion, score[self.pairs.mark])
        return best


def match(marks: Places, lesions: Places, excluded: Places | None = None, *, shared: bool = False) -> Match:
    """Sort marks into hits, ignored marks and false positives.

    A mark hits the nearest lesion whose centre is closer than its radius; a second hit on a lesion counts neither way.
    A lesion takes precedence over an excluded finding, whatever the distances.

    Args:
        shared: whether one mark hits every lesion it lies in, as LUNA16's organisers count, not only the nearest.
    """
    pairs = pairs_within(marks, lesions)
    if not shared:
        pairs = nearest(pairs, len(marks))
    is_hit = np.zeros(len(marks), dtype=bool)
    is_hit[pairs.mark] = True
    in_excluded = np.zeros(len(marks), dtype=bool)
    if excluded is not None and len(excluded):
        in_excluded[pairs_within(marks, excluded).mark] = True
    return Match(pairs, is_hit, in_excluded & ~is_hit)
