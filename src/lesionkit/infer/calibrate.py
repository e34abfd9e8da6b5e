"""Scores of models -> probabilities; fitted on validation images, never on those that are scored.

The original z-scored the very test scores it submitted, with weights chosen by the leader board (row 4.20): `z-score`
does the same arithmetic with mean and deviation of validation slides, to compare with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression
from scipy.special import logit

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.logistic import Floats, Logistic, fit_logistic

ORIGINAL_WEIGHTS = {"phase 1": (0.822, 0.178), "phase 2": (0.66, 0.02)}
"""Of z-scores: U-Net and Inception; simple net A and simple net B. The 90 it added changes no rank."""

Method: TypeAlias = Literal["platt", "logit", "isotonic", "z-score"]
_SURE = 1e-9


@dataclass(frozen=True)
class Platt:
    """A logistic curve of the score (Platt 1999); keeps the order of scores."""

    slope: float
    intercept: float

    def __call__(self, scores: ArrayLike) -> Floats:
        """(n,) probabilities."""
        return Logistic((self.slope,), self.intercept)(_column(scores)[:, None])


@dataclass(frozen=True)
class LogitPlatt:
    """Platt's curve of the logit of a score that is a probability already; keeps the order of scores."""

    slope: float
    intercept: float

    def __call__(self, scores: ArrayLike) -> Floats:
        """(n,) probabilities of (n,) scores in 0..1."""
        return Logistic((self.slope,), self.intercept)(logit(np.clip(_column(scores), _SURE, 1 - _SURE))[:, None])


@dataclass(frozen=True)
class Isotonic:
    """A rising line through the points that pooling adjacent violators gives; makes ties where it is flat."""

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __call__(self, scores: ArrayLike) -> Floats:
        """(n,) probabilities; beyond the fitted scores the outermost ones."""
        return np.interp(_column(scores), self.scores, self.probabilities)


@dataclass(frozen=True)
class ZScore:
    """Deviations from the mean, in standard deviations: no probability."""

    mean: float
    deviation: float

    def __call__(self, scores: ArrayLike) -> Floats:
        """(n,) z-scores."""
        return (_column(scores) - self.mean) / self.deviation


Calibration: TypeAlias = Platt | LogitPlatt | Isotonic | ZScore
_CURVES: Mapping[str, type[Any]] = {"platt": Platt, "logit": LogitPlatt, "isotonic": Isotonic, "z-score": ZScore}


def calibration_to_card(curve: Calibration) -> dict[str, Any]:
    """What JSON can hold of a curve. Inverse of `calibration_of_card`."""
    return {"method": next(name for name, kind in _CURVES.items() if type(curve) is kind), **asdict(curve)}


def calibration_of_card(card: Mapping[str, Any]) -> Calibration:
    """The curve that a model's card holds; those of the first models name no method.

    Raises:
        LesionkitError: the entry is damaged.
    """
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in card.items()}
    try:
        curve: Calibration = _CURVES[str(given.pop("method", "platt"))](**given)
    except (KeyError, TypeError) as error:
        raise LesionkitError(f"the calibration of the model is damaged ({error!r}); train again") from error
    return curve


def fit_calibration(scores: ArrayLike, positive: ArrayLike, method: Method, part: str) -> Calibration:
    """Fit one model's calibration.

    Args:
        scores: (n,) of images, or of candidates in images, that the model has not learned from.
        positive: (n,) whether each is true: holds tumour, is a lesion.
        part: of the split they are of; must be "validation", which out-of-fold scores of training slides are too.

    Raises:
        LesionkitError: another part, lengths differ, a score is not finite, slides of one kind, equal scores.
    """
    if part != "validation":
        raise LesionkitError(
            f"calibrations are fitted on validation slides only, got slides of part '{part}'; what is fitted on test "
            "slides cannot be measured on them"
        )
    values, truth = _column(scores), np.asarray(positive, dtype=bool)
    if len(values) != len(truth) or truth.all() or not truth.any():
        raise LesionkitError(
            f"a calibration needs as many scores as labels, of slides with and without tumour, got {len(values)} "
            f"scores and {len(truth)} labels, {int(truth.sum())} of them positive"
        )
    if method == "isotonic":
        places, where = np.unique(values, return_inverse=True)
        slides = np.bincount(where)
        fitted_shares = isotonic_regression(np.bincount(where, truth) / slides, weights=slides).x
        return Isotonic(tuple(places.tolist()), tuple(fitted_shares.tolist()))
    if values.std() < 1e-12:
        raise LesionkitError(f"all {len(values)} scores are {values[0]:g}; a model that says the same of all is no use")
    if method == "z-score":
        return ZScore(float(values.mean()), float(values.std()))
    # Platt's targets: as if one more slide of each kind had been seen, so that the curve never becomes a step.
    n_positive, n_negative = int(truth.sum()), int((~truth).sum())
    targets = np.where(truth, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    inputs = logit(np.clip(values, _SURE, 1 - _SURE)) if method == "logit" else values
    fitted = fit_logistic(inputs[:, None], targets)
    return (LogitPlatt if method == "logit" else Platt)(fitted.coefficients[0], fitted.intercept)


def calibrated_average(
    scores: ArrayLike, calibrations: Sequence[Calibration], weights: Sequence[float] | None = None
) -> Floats:
    """(slides,) the weighted mean of calibrated scores.

    Args:
        scores: (slides, models).
        calibrations: one per model.
        weights: one per model, not negative, divided by their sum; equal if None.

    Raises:
        LesionkitError: numbers of models differ, or impossible weights.

    >>> calibrated_average([[1.0, 4.0]], [ZScore(0, 1), ZScore(2, 1)], weights=(3, 1)).tolist()
    [1.25]
    """
    rows = np.asarray(scores, dtype=np.float64)
    share = np.ones(len(calibrations)) if weights is None else np.asarray(weights, dtype=np.float64)
    if rows.ndim != 2 or not rows.shape[1] == len(calibrations) == len(share) > 0:
        raise LesionkitError(
            f"an ensemble of {len(calibrations)} models and {len(share)} weights needs scores (slides, models), got "
            f"shape {rows.shape}"
        )
    if not (np.isfinite(share).all() and (share >= 0).all() and share.sum() > 0):
        raise LesionkitError(f"weights must not be negative and not all 0, got {share.tolist()}")
    calibrated = np.stack([curve(rows[:, i]) for i, curve in enumerate(calibrations)], axis=1)
    return np.asarray(calibrated @ (share / share.sum()))


def _column(scores: ArrayLike) -> Floats:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise LesionkitError(f"scores are one finite number per slide, got an array of shape {values.shape}")
    return values
