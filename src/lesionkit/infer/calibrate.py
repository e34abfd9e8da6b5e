"""Scores of models -> probabilities that can be averaged; fitted on validation slides, never on those that are scored.

The original z-scored the very test scores it submitted, with weights chosen by the leader board (row 4.20): `z-score`
does the same arithmetic with mean and deviation of validation slides, to compare with.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import read_document, write_text
from lesionkit.infer.logistic import Floats, Logistic, fit_logistic

FORMAT = "lesionkit ensemble 1"
ORIGINAL_WEIGHTS = {"phase 1": (0.822, 0.178), "phase 2": (0.66, 0.02)}
"""Of z-scores: U-Net and Inception; simple net A and simple net B. The 90 it added changes no rank."""

Method: TypeAlias = Literal["platt", "isotonic", "z-score"]


@dataclass(frozen=True)
class Platt:
    """A logistic curve of the score (Platt 1999); keeps the order of scores."""

    slope: float
    intercept: float

    def __call__(self, scores: ArrayLike) -> Floats:
        """(n,) probabilities."""
        return Logistic((self.slope,), self.intercept)(_column(scores)[:, None])


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


Calibration: TypeAlias = Platt | Isotonic | ZScore
_KINDS: dict[str, type[Platt] | type[Isotonic] | type[ZScore]] = {
    "platt": Platt,
    "isotonic": Isotonic,
    "z-score": ZScore,
}


def fit_calibration(scores: ArrayLike, positive: ArrayLike, method: Method, part: str) -> Calibration:
    """Fit one model's calibration.

    Args:
        scores: (slides,) of slides the model has not learned from.
        positive: (slides,) whether each holds tumour.
        part: of the split the slides are of; must be "validation", which out-of-fold scores of training slides are too.

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
        return _isotonic(values, truth)
    if values.std() < 1e-12:
        raise LesionkitError(f"all {len(values)} scores are {values[0]:g}; a model that says the same of all is no use")
    if method == "z-score":
        return ZScore(float(values.mean()), float(values.std()))
    # Platt's targets: as if one more slide of each kind had been seen, so that the curve never becomes a step.
    n_positive, n_negative = int(truth.sum()), int((~truth).sum())
    targets = np.where(truth, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    fitted = fit_logistic(values[:, None], targets)
    return Platt(fitted.coefficients[0], fitted.intercept)


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


@dataclass(frozen=True)
class Ensemble:
    """Named models with their calibrations and weights, to be kept with the run."""

    calibrations: Mapping[str, Calibration]
    weights: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, scores: Mapping[str, ArrayLike]) -> Floats:
        """(slides,) calibrated average of each model's (slides,) scores.

        Raises:
            LesionkitError: the scores of a model are missing.
        """
        missing = [name for name in self.calibrations if name not in scores]
        if missing:
            raise LesionkitError(f"the ensemble needs scores of '{missing[0]}', got those of {', '.join(scores)}")
        table = np.stack([_column(scores[name]) for name in self.calibrations], axis=1)
        weights = [self.weights.get(name, 1.0) for name in self.calibrations]
        return calibrated_average(table, list(self.calibrations.values()), weights)


def write_ensemble(path: Path, ensemble: Ensemble) -> Path:
    """Write it as JSON; returns the path. Inverse of `read_ensemble`."""
    kind_of = {kind: method for method, kind in _KINDS.items()}
    models = {
        name: {"method": kind_of[type(curve)], "weight": ensemble.weights.get(name, 1.0), **vars(curve)}
        for name, curve in ensemble.calibrations.items()
    }
    return write_text(Path(path), json.dumps({"format": FORMAT, "models": models}, indent=1) + "\n")


def read_ensemble(path: Path) -> Ensemble:
    """Read what `write_ensemble` wrote.

    Raises:
        LesionkitError: no such file, or another content.
    """
    return read_document(path, "an ensemble", FORMAT, _parsed)


def _parsed(content: Mapping[str, Any]) -> Ensemble:
    calibrations, weights = {}, {}
    for name, model in content["models"].items():
        values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in model.items()}
        weights[name] = float(values.pop("weight"))
        calibrations[name] = _KINDS[values.pop("method")](**values)
    return Ensemble(calibrations, weights)


def _isotonic(values: Floats, truth: Any) -> Isotonic:
    """Pool adjacent violators: neighbours whose shares of positives fall are made one, until none falls."""
    places, where = np.unique(values, return_inverse=True)
    count = np.bincount(where).astype(float)
    share = np.bincount(where, truth) / count
    pools: list[tuple[float, float, int]] = []  # share, slides, distinct scores
    for mean, weight in zip(share.tolist(), count.tolist(), strict=True):
        pools.append((mean, weight, 1))
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            (first, n, some), (second, m, more) = pools[-2:]
            pools[-2:] = [((first * n + second * m) / (n + m), n + m, some + more)]
    fitted = np.repeat([pool[0] for pool in pools], [pool[2] for pool in pools])
    return Isotonic(tuple(places.tolist()), tuple(fitted.tolist()))


def _column(scores: ArrayLike) -> Floats:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise LesionkitError(f"scores are one finite number per slide, got an array of shape {values.shape}")
    return values
