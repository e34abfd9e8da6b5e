"""What each candidate of a scan is, where the truth is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from lesionkit.core.lesion import Lesion
from lesionkit.core.match import Match, Places, match
from lesionkit.report.found import FoundCase
from lesionkit.report.picture import MarkKind

Verdict: TypeAlias = Literal["hit", "repeat", "excluded", "false positive"]


@dataclass(frozen=True)
class Judged:
    """Candidates against lesions by the rule of the evaluator: a hit lies closer to the centre than the radius.

    Attributes:
        verdicts: one per candidate; "repeat" is a further hit on a lesion that a stronger candidate hit.
        found_by: one per lesion: rank (from 1) of the strongest candidate that hits it, None where it is missed.
    """

    verdicts: tuple[Verdict, ...]
    found_by: tuple[int | None, ...]

    @property
    def n_found(self) -> int:
        return sum(rank is not None for rank in self.found_by)

    def n_found_among(self, first: int) -> int:
        """How many lesions one of the first so many candidates hits."""
        return sum(rank is not None and rank <= first for rank in self.found_by)


def judge(case: FoundCase) -> Judged | None:
    """Every candidate's verdict; None where nobody knows the truth."""
    if case.truth is None:
        return None
    points = np.array([c.centre_mm for c in case.candidates], dtype=float).reshape(-1, 3)
    marks = Places(np.zeros(len(points), dtype=np.intp), points)
    result = match(marks, _balls(case.truth), _balls(case.excluded))
    found_by: list[int | None] = [None] * len(case.truth)
    verdicts: list[Verdict] = ["false positive"] * len(points)
    for ignored in np.flatnonzero(result.is_ignored).tolist():
        verdicts[ignored] = "excluded"
    for mark, lesion in _in_order(result):
        first = found_by[lesion] is None
        if first:
            found_by[lesion] = mark + 1
        verdicts[mark] = "hit" if first else "repeat"
    return Judged(tuple(verdicts), tuple(found_by))


def _in_order(result: Match) -> list[tuple[int, int]]:
    return sorted(zip(result.pairs.mark.tolist(), result.pairs.lesion.tolist(), strict=True))


def _balls(lesions: Sequence[Lesion]) -> Places:
    if not lesions:
        return Places.none()
    centres = np.array([lesion.centre_mm for lesion in lesions], dtype=float)
    radii = np.array([max(lesion.radius_mm, 0.0) for lesion in lesions])
    return Places(np.zeros(len(lesions), dtype=np.intp), centres, radii)


def rings_of(case: FoundCase) -> tuple[tuple[Lesion, MarkKind], ...]:
    """The findings of the truth, to be drawn as circles."""
    kinds: tuple[tuple[Sequence[Lesion], MarkKind], ...] = ((case.truth or (), "lesion"), (case.excluded, "excluded"))
    return tuple((lesion, kind) for lesions, kind in kinds for lesion in lesions)
