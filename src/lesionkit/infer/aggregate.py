"""A small trained aggregator: features of a slide's probability map -> the probability that it holds tumour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.infer.logistic import Floats, Logistic, cross_entropy, fit_logistic


class AggregatorSettings(Settings):
    """How the aggregator is fitted."""

    features: tuple[str, ...] = ()
    """Names of the features it sees; none for all."""
    ridges: tuple[float, ...] = Field(default=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0), min_length=1)
    """Penalties tried; the one with the least cross-entropy on patients left out is taken."""
    folds: int = Field(default=5, ge=2)
    """Of patients, for the choice of the penalty and for the probabilities out of fold; as many as there are patients
    of the rarer kind where these are fewer."""
    seed: int = 0
    """Of the deal of patients to folds."""


@dataclass(frozen=True)
class Aggregator:
    """A fitted aggregator.

    Attributes:
        features: names, in the order of the model's coefficients.
        ridge: the penalty that was chosen.
    """

    features: tuple[str, ...]
    model: Logistic
    ridge: float

    def __call__(self, features: Mapping[str, float]) -> float:
        """Probability that a slide with these features holds tumour.

        Raises:
            LesionkitError: a feature is missing.
        """
        return float(self.model(_table([features], self.features))[0])


@dataclass(frozen=True, eq=False)
class Aggregation:
    """What fitting gave.

    Attributes:
        aggregator: fitted on all slides.
        out_of_fold: (slides,) probability of each slide by a model whose coefficients and penalty have not seen its
            patient; only these may be scored on the same slides.
        ridges: the penalty that each fold chose; if they differ much, there are too few slides.
    """

    aggregator: Aggregator
    out_of_fold: Floats
    ridges: tuple[float, ...]


def fit_aggregator(
    features: Sequence[Mapping[str, float]],
    positive: ArrayLike,
    patients: Sequence[str],
    settings: AggregatorSettings | None = None,
) -> Aggregation:
    """Fit the aggregator, and by nested cross-validation by patient say how it does on slides it has not seen.

    Args:
        features: of each slide, see `slide_features`.
        positive: (slides,) whether it holds tumour.
        patients: of each slide; slides of one are never on both sides.

    Raises:
        LesionkitError: lengths differ, an unknown feature, fewer than four patients with, or without, a slide with
            tumour.
    """
    settings, truth = settings or AggregatorSettings(), np.asarray(positive, dtype=bool)
    if not len(features) == len(truth) == len(patients):
        raise LesionkitError(
            f"each slide needs features, a label and a patient, got {len(features)}, {len(truth)} and {len(patients)} "
            "of them"
        )
    if not len(features):
        raise LesionkitError("an aggregator learns from slides, got none")
    names = settings.features or tuple(features[0])
    rows, owner = _table(features, names), np.unique(np.array(patients), return_inverse=True)[1]
    fold = deal(truth, owner, settings.folds, settings.seed)
    out_of_fold, chosen = np.zeros(len(truth)), []
    for held in range(fold.max() + 1):
        seen = fold != held
        ridge = _choose(rows[seen], truth[seen], owner[seen], settings)
        out_of_fold[~seen] = fit_logistic(rows[seen], truth[seen], ridge)(rows[~seen])
        chosen.append(ridge)
    ridge = _choose(rows, truth, owner, settings)
    return Aggregation(Aggregator(names, fit_logistic(rows, truth, ridge), ridge), out_of_fold, tuple(chosen))


def deal(positive: NDArray[np.bool_], owner: NDArray[np.intp], folds: int, seed: int) -> NDArray[np.intp]:
    """(slides,) fold of each; patients are dealt, those with tumour and those without each evenly.

    Args:
        owner: (slides,) number of the patient of each.
        folds: at most; as many as there are patients of the rarer kind if these are fewer.

    Raises:
        LesionkitError: a kind has fewer than two patients.
    """
    with_tumour = np.unique(owner[positive])
    kinds = (with_tumour, np.setdiff1d(owner, with_tumour))
    rarer = min(len(kind) for kind in kinds)
    if rarer < 2:
        raise LesionkitError(
            f"folds need at least two patients with tumour and two without on either side, got {len(kinds[0])} and "
            f"{len(kinds[1])}; give more slides"
        )
    rng, fold = np.random.default_rng(seed), np.zeros(owner.max() + 1, dtype=np.intp)
    for kind in kinds:
        fold[rng.permutation(kind)] = np.arange(len(kind)) % min(folds, rarer)
    return np.asarray(fold[owner])


def _choose(rows: Floats, truth: NDArray[np.bool_], owner: NDArray[np.intp], settings: AggregatorSettings) -> float:
    """The penalty of least cross-entropy on patients left out; of equals the largest."""
    if len(settings.ridges) == 1:
        return settings.ridges[0]
    fold = deal(truth, np.unique(owner, return_inverse=True)[1], settings.folds, settings.seed + 1)
    ridges = sorted(settings.ridges, reverse=True)
    losses = []
    for ridge in ridges:
        probability = np.zeros(len(truth))
        for held in range(fold.max() + 1):
            seen = fold != held
            probability[~seen] = fit_logistic(rows[seen], truth[seen], ridge)(rows[~seen])
        losses.append(cross_entropy(probability, truth))
    return ridges[int(np.argmin(losses))]


def _table(features: Sequence[Mapping[str, float]], names: Sequence[str]) -> Floats:
    for number, row in enumerate(features):
        missing = [name for name in names if name not in row]
        if missing:
            raise LesionkitError(
                f"slide {number} has no feature '{missing[0]}'; it has {', '.join(row)}; compute all slides' features "
                "with one version"
            )
    return np.array([[row[name] for name in names] for row in features], dtype=np.float64).reshape(-1, len(names))
