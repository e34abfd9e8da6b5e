"""The ROC curve of a yes-or-no question per case, the area below it, and its interval."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.bootstrap import ONE_PATIENT, bootstrapped
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.score import Curve, Figure, OperatingPoint

_NORMAL_975 = 1.959963984540054
_DRAWS_AT_ONCE = 64


def auc(positive: ArrayLike, score: ArrayLike) -> float:
    """Probability that a positive case outscores a negative one; equal scores count half.

    Args:
        positive: (n,) whether the case is positive.
        score: (n,) finite.

    Returns:
        nan where there is no positive or no negative case: the area is not defined.

    >>> auc([1, 1, 0, 0], [0.9, 0.4, 0.4, 0.1])
    0.875
    """
    truth, values = _checked(positive, score)
    if truth.all() or not truth.any():
        return math.nan
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, values))


def auc_figure(positive: ArrayLike, score: ArrayLike) -> Figure:
    """The area with its 95 % interval after DeLong, DeLong and Clarke-Pearson (Biometrics 1988).

    The interval is that of a normal distribution, cut at 0 and 1. Where all positives outscore all negatives, or none
    does, it would have no width and Newcombe's takes its place. It is None with fewer than two cases of either kind.
    """
    truth, values = _checked(positive, score)
    area = auc(truth, values)
    n_positive = int(truth.sum())
    n_negative = len(truth) - n_positive
    note = f"{n_positive} positive and {n_negative} negative cases"
    if min(n_positive, n_negative) < 2:
        return Figure(area, note=f"{note}; no interval: {ONE_PATIENT} of a kind" if not math.isnan(area) else note)
    from scipy.stats import rankdata  # half a second, which only those pay who ask for an interval

    # Placement values: how much of the other group a case outscores.
    everything = rankdata(values)
    of_positive = (everything[truth] - rankdata(values[truth])) / n_negative
    of_negative = 1.0 - (everything[~truth] - rankdata(values[~truth])) / n_positive
    if min(area, 1 - area) < 1e-12:
        least = _newcombe_bound(n_positive, n_negative)
        lower, upper = (least, 1.0) if area > 0.5 else (0.0, 1.0 - least)
        return Figure(area, lower, upper, f"{note}; interval after Newcombe, as DeLong's has no width here")
    variance = of_positive.var(ddof=1) / n_positive + of_negative.var(ddof=1) / n_negative
    reach = _NORMAL_975 * math.sqrt(variance)
    return Figure(area, max(0.0, area - reach), min(1.0, area + reach), f"{note}; interval after DeLong")


def area_of_patients(positive: ArrayLike, score: ArrayLike, whose: Patients, samples: int, seed: int) -> Figure:
    """The area with its 95 % interval: DeLong's where every case is of another patient, else by bootstrap.

    There is none where all positive, or all negative, cases are of one patient.
    """
    truth = np.asarray(positive).astype(bool)
    fewest = min(whose.among(truth), whose.among(~truth))
    if len(whose) == len(truth):
        return auc_figure(truth, score)
    note = f"{truth.sum()} positive and {(~truth).sum()} negative cases of {len(whose)} patients"
    drawn = resample_auc(truth, score, whose.draw(samples, seed))
    return bootstrapped(auc(truth, score), drawn, note, fewest, "patients")


def roc(positive: ArrayLike, score: ArrayLike, name: str = "ROC") -> Curve:
    """The curve through every distinct score, cases of equal score entering together.

    Returns:
        Curve with x = 1 - specificity and y = sensitivity, straight between its points, nan where undefined.

    >>> curve = roc([1, 0], [0.9, 0.4])
    >>> [*zip(curve.threshold.tolist(), curve.x.tolist(), curve.y.tolist())]
    [(inf, 0.0, 0.0), (0.9, 0.0, 1.0), (0.4, 1.0, 1.0)]
    """
    truth, values = _checked(positive, score)
    threshold = np.unique(values)[::-1]
    hits, alarms = np.sort(values[truth]), np.sort(values[~truth])
    with np.errstate(invalid="ignore"):
        y = (len(hits) - np.searchsorted(hits, threshold)) / np.float64(len(hits))
        x = (len(alarms) - np.searchsorted(alarms, threshold)) / np.float64(len(alarms))
    return Curve(
        name=name,
        x_label="1 - specificity",
        y_label="sensitivity",
        x=np.concatenate([[0.0], x]),
        y=np.concatenate([[0.0], y]),
        threshold=np.concatenate([[np.inf], threshold]),
    )


def roc_points(curve: Curve, sensitivities: Sequence[float] = (0.9, 0.95)) -> tuple[OperatingPoint, ...]:
    """The strictest thresholds with at least these sensitivities, and the one of the largest Youden index."""
    if np.isnan(curve.x).any() or np.isnan(curve.y).any():
        return ()
    wanted = [(f"sensitivity of at least {s:g}", int(np.flatnonzero(curve.y >= s - 1e-12)[0])) for s in sensitivities]
    wanted.append(("largest sensitivity + specificity", int(np.argmax(curve.y - curve.x))))
    return tuple(
        OperatingPoint(name, float(curve.threshold[i]), float(curve.x[i]), float(curve.y[i])) for name, i in wanted
    )


def resample_auc(positive: ArrayLike, score: ArrayLike, draws: NDArray[np.int32]) -> NDArray[np.float64]:
    """(samples,) area of every draw of cases; nan where a draw lacks positives or negatives.

    Args:
        draws: (samples, n) how often each case is drawn, from `lesionkit.evaluate.bootstrap.draw_cases`.
    """
    truth, values = _checked(positive, score)
    order = np.argsort(values, kind="stable")
    truth, values = truth[order], values[order]
    groups = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    result = np.empty(len(draws))
    for start in range(0, len(draws), _DRAWS_AT_ONCE):
        drawn = draws[start : start + _DRAWS_AT_ONCE, order].astype(np.float64)
        of_positive = np.add.reduceat(drawn * truth, groups, axis=1)
        of_negative = np.add.reduceat(drawn * ~truth, groups, axis=1)
        outscored = np.cumsum(of_negative, axis=1) - of_negative / 2
        pairs = of_positive.sum(axis=1) * of_negative.sum(axis=1)
        with np.errstate(invalid="ignore"):
            result[start : start + _DRAWS_AT_ONCE] = (of_positive * outscored).sum(axis=1) / pairs
    return result


def _newcombe_bound(n_positive: int, n_negative: int) -> float:
    """Lower end of the 95 % interval of an observed area of 1: Newcombe 2006 (Statistics in Medicine), method 5."""
    from scipy.optimize import brentq

    size = (n_positive + n_negative) / 2 - 1

    def excess(area: float) -> float:
        spread = area * (1 - area) * (1 + size * ((1 - area) / (2 - area) + area / (1 + area)))
        return (1 - area) ** 2 - _NORMAL_975**2 * spread / (n_positive * n_negative)

    return float(brentq(excess, 1e-9, 1 - 1e-9))


def _checked(positive: ArrayLike, score: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    truth = np.asarray(positive).astype(bool)
    values = np.asarray(score, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != values.shape or not len(truth):
        raise LesionkitError(f"an ROC needs one score per case, got {truth.shape} labels and {values.shape} scores")
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise LesionkitError(f"scores must be finite, got {values[wrong[0]]} for case {wrong[0] + 1}")
    return truth, values
