"""LUNA16: which mark counts as what. The first half of the protocol; `luna16` is the second."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from lesionkit.core.errors import LesionkitError
from lesionkit.core.match import Match, Places, match
from lesionkit.core.settings import Settings
from lesionkit.evaluate.bootstrap import SAMPLES, SEED
from lesionkit.evaluate.cpm import RATES
from lesionkit.evaluate.froc import Detections
from lesionkit.evaluate.table import Rows, checked_series, number_column, outside_unit_interval, rows_of

MARKS_PER_SCAN = 100
"""`official` keeps the marks that score strictly higher than the 101st of their scan."""

UNKNOWN_DIAMETER_MM = 10.0
"""Diameter of a finding without one (-1 in the table, 0 from our reader), as the organisers set it."""


class Luna16Settings(Settings):
    """How to score LUNA16."""

    protocol: Literal["official", "exact"] = "official"
    """`official` is the organisers' script; `exact` a step curve over all marks, one nodule per mark."""
    rates: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = RATES
    """False positives per scan at which the CPM is taken."""
    bootstrap: PositiveInt = SAMPLES
    """Draws of scans behind the 95 % intervals."""
    seed: NonNegativeInt = SEED
    """Seed of the draws."""
    by: tuple[str, ...] = ()
    """Columns of the truth table, or of the table of cases, whose values make subgroups."""
    ignore_unknown_series: bool = False
    """Leave out marks in series that are not listed, and say how many, instead of refusing them."""


@dataclass(frozen=True, eq=False)
class Luna16Tables:
    """Checked input: what belongs to the listed scans.

    Attributes:
        series: the listed scans; their number is the denominator.
        marks, nodules, excluded: rows of listed scans.
        score: (marks,) probability.
        warnings: what the reader of the score must know of the input.
    """

    series: pd.Index
    marks: Rows
    score: NDArray[np.float64]
    nodules: Rows
    excluded: Rows
    warnings: tuple[str, ...]

    @classmethod
    def check(
        cls,
        marks: pd.DataFrame,
        annotations: pd.DataFrame,
        excluded: pd.DataFrame | None,
        series: Sequence[str],
        *,
        ignore_unknown_series: bool = False,
    ) -> "Luna16Tables":
        """Turn tables into arrays.

        Raises:
            LesionkitError: a series listed twice, marks in unknown series, values that are not finite, a truth table
                that shares no series with the list.
        """
        index = checked_series(series)
        score = number_column(marks, "probability", "marks")
        mark_rows = rows_of(marks, index, "marks")
        nodules = rows_of(annotations, index, "truth", _radius_mm(annotations, "truth"))
        others = annotations.iloc[:0] if excluded is None else excluded
        excluded_rows = rows_of(others, index, "excluded findings", _radius_mm(others, "excluded findings"))
        warnings = [
            outside_unit_interval(marks, score),
            _unknown_series(mark_rows, ignore_unknown_series),
            _unlisted_truth(nodules, len(index), "nodules"),
            _unknown_diameters(annotations),
        ]
        found = tuple(sentence for sentence in warnings if sentence)
        return cls(index, mark_rows, score[mark_rows.position], nodules, excluded_rows, found)

    def detections(self, matched: Match, kept: NDArray[np.bool_]) -> Detections:
        """What counts of the marks that were kept."""
        wrong = matched.is_false_positive
        case, score = self.marks.places.case[kept], self.score[kept]
        n_nodules = len(self.nodules.places)
        return Detections(
            len(self.series),
            self.nodules.places.case,
            matched.lesion_scores(score, n_nodules),
            case[wrong],
            score[wrong],
        )

    def match(self, kept: NDArray[np.bool_], *, shared: bool) -> Match:
        """Match the marks that were kept with nodules and excluded findings."""
        marks = Places(self.marks.places.case[kept], self.marks.places.centre_mm[kept])
        return match(marks, self.nodules.places, self.excluded.places, shared=shared)


def kept_marks(case: NDArray[np.intp], score: NDArray[np.float64], limit: int = MARKS_PER_SCAN) -> NDArray[np.bool_]:
    """The organisers' rule: where a scan has more marks than the limit, those above the (limit + 1)-th are kept.

    A tie with that one loses all its marks, so fewer than `limit` may remain.

    >>> kept_marks(np.array([0, 0, 0]), np.array([0.9, 0.5, 0.5]), limit=2)
    array([ True, False, False])
    """
    order = np.lexsort((-score, case))
    ordered = case[order]
    first = np.searchsorted(ordered, ordered, side="left")
    beyond = order[np.arange(len(order)) - first == limit]
    threshold = np.full(int(case.max(initial=-1)) + 1, -np.inf)
    threshold[case[beyond]] = score[beyond]
    return np.asarray(score > threshold[case])


def _radius_mm(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    diameter = number_column(frame, "diameter_mm", name)
    return np.where(diameter <= 0, UNKNOWN_DIAMETER_MM, diameter) / 2


def _unknown_series(marks: Rows, ignore: bool) -> str | None:
    if not marks.elsewhere:
        return None
    total = marks.elsewhere + len(marks.position)
    what = f"{marks.elsewhere} of {total} marks lie in series that are not listed, first {marks.first_elsewhere}"
    if not ignore:
        raise LesionkitError(f"{what}; list every searched series, or pass --ignore-unknown-series to leave them out")
    return f"{what}; they are left out"


def _unlisted_truth(nodules: Rows, n_series: int, what: str) -> str | None:
    if not nodules.elsewhere:
        return None
    total = nodules.elsewhere + len(nodules.position)
    sentence = (
        f"{nodules.elsewhere} of {total} {what} lie in series that are not listed, first {nodules.first_elsewhere}"
    )
    if not len(nodules.position):
        raise LesionkitError(f"{sentence}; the series list and the truth must be of the same data set")
    return f"{sentence}; they are not scored: the denominators are {n_series} scans and {len(nodules.position)} {what}"


def _unknown_diameters(annotations: pd.DataFrame) -> str | None:
    unknown = int((annotations["diameter_mm"].to_numpy() <= 0).sum())
    if not unknown:
        return None
    return f"{unknown} of {len(annotations)} nodules have no diameter; {UNKNOWN_DIAMETER_MM:g} mm is taken"
