"""The exact FROC curve: a step function, in which marks of equal score enter together.

Nothing here knows how a candidate hits a lesion (a ball, a mask) nor in how many dimensions: a protocol hands over
`Detections`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.core.match import Places, match
from lesionkit.evaluate.score import Curve, OperatingPoint

FALSE_POSITIVE_LABEL = "false positives per case"


@dataclass(frozen=True, eq=False)
class Detections:
    """What matching leaves to count: the best hit of every lesion, and the false positives.

    Second hits on a lesion and marks on excluded findings are in neither list.

    Attributes:
        n_cases: number of cases that were searched, healthy ones and ones without marks included.
        lesion_case: (n lesions,) index of the lesion's case, 0 … n_cases - 1.
        lesion_score: (n lesions,) highest score of the candidates that hit it; -inf where it is missed.
        false_case: (n false positives,) index of the case.
        false_score: (n false positives,) finite scores.
    """

    n_cases: int
    lesion_case: NDArray[np.intp]
    lesion_score: NDArray[np.float64]
    false_case: NDArray[np.intp]
    false_score: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("lesion_case", "false_case"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.intp).reshape(-1))
        for name in ("lesion_score", "false_score"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64).reshape(-1))
        if self.n_cases < 1:
            raise LesionkitError(f"a FROC needs at least one case, got {self.n_cases}; give the list of all cases")
        if len(self.lesion_case) != len(self.lesion_score) or len(self.false_case) != len(self.false_score):
            raise LesionkitError(
                f"every lesion and false positive has one case and one score, got {len(self.lesion_case)} and "
                f"{len(self.lesion_score)} for lesions, {len(self.false_case)} and {len(self.false_score)} for marks"
            )
        for case in (self.lesion_case, self.false_case):
            if len(case) and not 0 <= case.min() <= case.max() < self.n_cases:
                raise LesionkitError(f"case indices must lie in 0 … {self.n_cases - 1}, got up to {case.max()}")
        if np.isnan(self.lesion_score).any() or not np.isfinite(self.false_score).all():
            raise LesionkitError("scores must be finite (a missed lesion has -inf); remove or repair the marks")

    @property
    def n_lesions(self) -> int:
        return len(self.lesion_case)

    @property
    def n_hits(self) -> int:
        return int((self.lesion_score > -np.inf).sum())

    @property
    def n_false_positives(self) -> int:
        return len(self.false_case)

    def of_lesions(self, keep: NDArray[np.bool_]) -> "Detections":
        """Only some lesions; hits on the others count neither way, false positives of all cases stay."""
        return Detections(
            self.n_cases, self.lesion_case[keep], self.lesion_score[keep], self.false_case, self.false_score
        )

    def of_cases(self, keep: NDArray[np.bool_]) -> "Detections":
        """Only some cases: their lesions, their false positives, and their number as the denominator."""
        renumbered = np.cumsum(keep) - 1
        lesions, false = keep[self.lesion_case], keep[self.false_case]
        return Detections(
            int(keep.sum()),
            renumbered[self.lesion_case[lesions]],
            self.lesion_score[lesions],
            renumbered[self.false_case[false]],
            self.false_score[false],
        )


def detections(
    candidates: Mapping[str, Sequence[Candidate]],
    lesions: Mapping[str, Sequence[Lesion]],
    excluded: Mapping[str, Sequence[Lesion]] | None = None,
) -> Detections:
    """Match candidates with lesions that are balls, in any number of dimensions.

    A candidate hits the nearest lesion whose centre is closer than its radius; a second hit on a lesion counts neither
    way, nor does a candidate inside an excluded finding.

    Args:
        candidates: per case id; a case without an entry has none.
        lesions: per case id; every scored case has an entry, empty if healthy.
        excluded: per case id; findings that are neither lesions nor healthy.

    Raises:
        LesionkitError: candidates of a case that has no entry in the truth.
    """
    unknown = [case_id for case_id, found in candidates.items() if found and case_id not in lesions]
    if unknown:
        raise LesionkitError(
            f"{len(unknown)} of {len(candidates)} cases have candidates but no truth entry, first '{unknown[0]}'; "
            "give healthy cases an empty list"
        )
    number = {case_id: i for i, case_id in enumerate(lesions)}
    marks = [(number[c], m.centre_mm, m.score) for c, found in candidates.items() if found for m in found]
    balls = _places(number, lesions)
    ndim = len(marks[0][1]) if marks else balls.centre_mm.shape[1]
    points = Places(
        np.array([m[0] for m in marks], dtype=np.intp), np.array([m[1] for m in marks], float).reshape(-1, ndim)
    )
    score = np.array([m[2] for m in marks], dtype=np.float64)
    found = match(points, balls, _places(number, excluded or {}))
    wrong = found.is_false_positive
    return Detections(len(number), balls.case, found.lesion_scores(score, len(balls)), points.case[wrong], score[wrong])


def _places(number: Mapping[str, int], lesions: Mapping[str, Sequence[Lesion]]) -> Places:
    rows = [(number[c], lesion) for c, found in lesions.items() if c in number for lesion in found]
    if not rows:
        return Places.none()
    return Places(
        np.array([case for case, _ in rows], dtype=np.intp),
        np.array([lesion.centre_mm for _, lesion in rows], dtype=np.float64),
        np.array([lesion.radius_mm for _, lesion in rows], dtype=np.float64),
    )


def froc(found: Detections, name: str = "FROC", case_word: str = "case") -> Curve:
    """The exact curve: one point per distinct score, from nothing accepted (threshold inf) to everything.

    Marks of equal score enter together, so the curve does not depend on the order of rows. Without any lesion the
    sensitivity is nan: it is not defined, and not 0.

    Returns:
        Curve with x = false positives per case, y = sensitivity, both non-decreasing.

    >>> found = Detections(2, [0], [0.9], [1], [0.4])
    >>> curve = froc(found)
    >>> [*zip(curve.threshold.tolist(), curve.x.tolist(), curve.y.tolist())]
    [(inf, 0.0, 0.0), (0.9, 0.0, 1.0), (0.4, 0.5, 1.0)]
    """
    hits = np.sort(found.lesion_score[found.lesion_score > -np.inf])
    wrong = np.sort(found.false_score)
    threshold = np.unique(np.concatenate([hits, wrong]))[::-1]
    n_hits = len(hits) - np.searchsorted(hits, threshold, side="left")
    n_wrong = len(wrong) - np.searchsorted(wrong, threshold, side="left")
    with np.errstate(invalid="ignore"):
        y = np.concatenate([[0], n_hits]) / np.float64(found.n_lesions)
    return Curve(
        name=name,
        x_label=FALSE_POSITIVE_LABEL.replace("case", case_word),
        y_label="sensitivity",
        x=np.concatenate([[0], n_wrong]) / found.n_cases,
        y=y,
        threshold=np.concatenate([[np.inf], threshold]),
        step=True,
    )


def sensitivity_at(curve: Curve, rates: ArrayLike) -> NDArray[np.float64]:
    """Highest sensitivity attained with at most so many false positives per case; never interpolated.

    >>> sensitivity_at(froc(Detections(2, [0], [0.9], [1], [0.9])), [0.25, 0.5, 1.0])
    array([0., 1., 1.])
    """
    last = np.searchsorted(curve.x, np.asarray(rates, dtype=np.float64), side="right") - 1
    return np.asarray(curve.y[last])


def operating_points(curve: Curve, rates: Sequence[float], unit: str = "per case") -> tuple[OperatingPoint, ...]:
    """The threshold behind each quoted sensitivity: the loosest that keeps at most that many false positives."""
    last = np.searchsorted(curve.x, np.asarray(rates, dtype=np.float64), side="right") - 1
    return tuple(
        OperatingPoint(
            f"{rate_name(rate)} false positives {unit}",
            float(curve.threshold[i]),
            float(curve.x[i]),
            float(curve.y[i]),
        )
        for rate, i in zip(rates, last, strict=True)
    )


def rate_name(rate: float) -> str:
    """A rate as people write it.

    >>> [rate_name(r) for r in (0.125, 0.25, 0.5, 1, 8, 0.3)]
    ['1/8', '1/4', '1/2', '1', '8', '0.3']
    """
    if 0 < rate < 1 and (1 / rate).is_integer():
        return f"1/{round(1 / rate)}"
    return f"{rate:g}"
