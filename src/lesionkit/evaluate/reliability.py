"""Whether scores are probabilities: of what has a score of about 0.7, is 70 % true?"""

from dataclasses import dataclass

import numpy as np

from lesionkit.evaluate.score import Curve
from lesionkit.evaluate.tally import Tally

_BINS, _LEAST = 10, 5


@dataclass(frozen=True, eq=False)
class Reliability:
    """Scores against the share that is true.

    Attributes:
        curves: the measured one with a 95 % band (Wilson), and the line where scores are probabilities.
        brier: mean squared distance of score and truth; 0 is perfect.
        gap: mean distance of score and share, weighted by how many there are.
        note: what was counted.
    """

    curves: tuple[Curve, ...]
    brier: float
    gap: float
    note: str


def reliability(tally: Tally) -> Reliability | None:
    """Of groups of equal size by score, the mean score and the share that is true; None of too few or of one kind.

    Of a detector each candidate counts that hits a lesion first or is a false positive; one group holds five at least.
    """
    score, truth = tally.scored
    bins = min(_BINS, len(score) // _LEAST)
    if bins < 2 or truth.all() or not truth.any() or score.min() < 0 or score.max() > 1:
        return None
    from scipy.stats import binomtest
    from sklearn.metrics import brier_score_loss

    groups = [group for group in np.array_split(np.argsort(score, kind="stable"), bins) if len(group)]
    said = np.array([score[group].mean() for group in groups])
    share = np.array([truth[group].mean() for group in groups])
    limits = [binomtest(int(truth[g].sum()), len(g)).proportion_ci(method="wilson") for g in groups]
    lower, upper = (np.array([getattr(limit, end) for limit in limits]) for end in ("low", "high"))
    first = np.array([score[group].min() for group in groups])
    measured = Curve("measured", "score", "share that is true", said, share, first, lower, upper)
    line = np.array([0.0, 1.0])
    ideal = Curve("scores that are probabilities", "score", "share that is true", line, line, line)
    weight = np.array([len(group) for group in groups]) / len(score)
    what = f"{tally.unit}s" if tally.per_image else "candidates"
    note = f"{len(score)} {what}, {int(truth.sum())} of them true, in {len(groups)} groups of equal size"
    return Reliability(
        (measured, ideal), float(brier_score_loss(truth, score)), float(weight @ np.abs(said - share)), note
    )
