"""The lesion FROC of CAMELYON16's organisers, deviations and all (their script Evaluation_FROC.py).

Every annotated region contributes one score: its best hit, or 0 where it is missed or isolated tumour cells. The
distinct scores of regions and false positives are the thresholds, of which the lowest is dropped. So a detector whose
lowest score is a real one loses the marks that have it: with four of four lesions hit at different scores and no false
positive the average sensitivity is 0.75, at equal scores 0. A missed region hides that, for its 0 is dropped instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.evaluate.score import Curve

RATES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False positives per slide at which the sensitivity is averaged."""

_CELLS_AT_ONCE = 1 << 20


@dataclass(frozen=True, eq=False)
class OfficialScores:
    """What the script counts.

    Attributes:
        n_slides: scored slides.
        region_slide, region_score: (regions,) slide and score of each annotated region; 0 where missed or isolated
            tumour cells.
        lesions_per_slide: (slides,) regions that are to be found, without isolated tumour cells.
        false_slide, false_score: (false positives,).
        drop_lowest: as the script does.
    """

    n_slides: int
    region_slide: NDArray[np.intp]
    region_score: NDArray[np.float64]
    lesions_per_slide: NDArray[np.intp]
    false_slide: NDArray[np.intp]
    false_score: NDArray[np.float64]
    drop_lowest: bool = True


def official_froc(
    false_scores: ArrayLike, region_scores: ArrayLike, n_lesions: int, n_slides: int, drop_lowest: bool = True
) -> Curve:
    """The curve of the script from its own lists, on straight lines between points; nan without lesions.

    Args:
        drop_lowest: as the script does. False, for comparison, keeps every score, and a region of score 0 is a miss.

    >>> curve = official_froc([0.8, 0.6], [1, 1, 0, 0, 0.8, 0.8, 0], n_lesions=4, n_slides=2)
    >>> [*zip(curve.threshold.tolist(), curve.x.tolist(), curve.y.tolist())]
    [(inf, 0.0, 0.0), (1.0, 0.0, 0.5), (0.8, 0.5, 1.0), (0.6, 1.0, 1.0)]
    """
    regions, false = np.asarray(region_scores, dtype=np.float64), np.asarray(false_scores, dtype=np.float64)
    if not drop_lowest:
        regions = regions[regions > 0]
    everything_on_one_slide = OfficialScores(
        1,
        np.zeros(len(regions), dtype=np.intp),
        regions,
        np.array([n_lesions]),
        np.zeros(len(false), dtype=np.intp),
        false,
        drop_lowest,
    )
    threshold, n_false, n_hit = _points(everything_on_one_slide, np.ones((1, 1), dtype=np.int32))
    # Points that the lowest threshold would have added repeat the last one that is left; they go.
    kept = len(threshold) - 1 if drop_lowest and len(threshold) else len(threshold)
    with np.errstate(invalid="ignore", divide="ignore"):
        y = np.concatenate([[0], n_hit[0, :kept]]) / np.float64(n_lesions)
    return Curve(
        name="FROC",
        x_label="false positives per slide",
        y_label="sensitivity",
        x=np.concatenate([[0], n_false[0, :kept]]) / n_slides,
        y=y,
        threshold=np.concatenate([[np.inf], threshold[:kept]]),
    )


def resample_official(scores: OfficialScores, rates: Sequence[float], draws: NDArray[np.int32]) -> NDArray[np.float64]:
    """(draws, rates) sensitivity of the script for every draw of slides; nan where a draw has no lesion."""
    n_marks = len(scores.region_score) + len(scores.false_score)
    at_once = max(1, _CELLS_AT_ONCE // (n_marks + 1))
    result = np.empty((len(draws), len(rates)))
    for start in range(0, len(draws), at_once):
        some = draws[start : start + at_once]
        _, n_false, n_hit = _points(scores, some)
        n_lesions = some @ scores.lesions_per_slide
        for i, (false, hit, lesions) in enumerate(zip(n_false, n_hit, n_lesions, strict=True), start=start):
            x, y = np.concatenate([[0], false]) / some[i - start].sum(), np.concatenate([[0], hit])
            result[i] = np.interp(rates, x, y) / lesions if lesions else np.nan
    return result


def in_single_precision(scores: OfficialScores) -> OfficialScores:
    """The script keeps the scores of regions, not of false positives, in single precision; that breaks ties."""
    return replace(scores, region_score=scores.region_score.astype(np.float32).astype(np.float64))


def _points(
    scores: OfficialScores, draws: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Thresholds (t,) from the highest, and per draw (draws, t) false positives and regions at least as high."""
    threshold = np.unique(np.concatenate([scores.region_score, scores.false_score]))[::-1]
    n_false = _counts_above(scores.false_score, scores.false_slide, threshold, draws)
    n_hit = _counts_above(scores.region_score, scores.region_slide, threshold, draws)
    if scores.drop_lowest and len(threshold):
        n_marks = n_false + n_hit
        is_lowest = n_marks == n_marks[:, -1:]
        before = (~is_lowest).sum(axis=1, keepdims=True)  # thresholds that remain
        at = np.maximum(before - 1, 0)
        for counts in (n_false, n_hit):
            last = np.where(before > 0, np.take_along_axis(counts, at, axis=1), 0)
            np.copyto(counts, np.broadcast_to(last, counts.shape), where=is_lowest)
    return threshold, n_false, n_hit


def _counts_above(
    score: NDArray[np.float64], slide: NDArray[np.intp], threshold: NDArray[np.float64], draws: NDArray[np.int32]
) -> NDArray[np.int64]:
    order = np.argsort(-score, kind="stable")
    drawn = np.zeros((len(draws), len(order) + 1), dtype=np.int64)
    np.cumsum(np.take(draws, slide[order], axis=1), axis=1, out=drawn[:, 1:])
    return drawn[:, np.searchsorted(-score[order], -threshold, side="right")]
