"""Stacking: one probability that an image holds a lesion, from those of several networks (system 3, row 3.39)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field
from scipy.special import expit

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.infer.logistic import Floats, least_cross_entropy


class StackSettings(Settings):
    """How the logistic models are fitted."""

    folds: int = Field(5, ge=2)
    """A model per fold is fitted on the others; their probabilities are averaged."""
    ridge: float = Field(1e-3, gt=0)
    """Penalty on half the squared coefficients (not the intercept) beside the mean cross-entropy. The second place
    stopped early instead, at the best loss of the very fold it left out."""
    seed: int = 48
    """Of the deal of patients to folds."""


@dataclass(frozen=True, eq=False)
class Stack:
    """The fitted models.

    Attributes:
        coefficients: (folds, 2n + 2) of the features of n networks, the intercept last.
        out_of_fold: (images,) each image's probability from the model that has not seen its patient; on these, not on
            `predict` of the same images, a threshold is to be searched.
    """

    coefficients: Floats
    out_of_fold: Floats

    def predict(self, probabilities: ArrayLike) -> Floats:
        """(images,) the mean of the models' probabilities, from (images, n) of the networks in the fitted order.

        Raises:
            LesionkitError: another number of networks.
        """
        inputs = stack_features(probabilities)
        n_networks, fitted = (inputs.shape[1] - 1) // 2, (self.coefficients.shape[1] - 2) // 2
        if n_networks != fitted:
            raise LesionkitError(f"the stack was fitted on {fitted} networks, got probabilities of {n_networks}")
        mean: Floats = _probability(inputs, self.coefficients.T).mean(axis=1)
        return mean


def stack_features(probabilities: ArrayLike) -> Floats:
    """(images, 2n + 1): the n probabilities, their mean, and half of each one's difference to the next, in a circle.

    All are linear in the probabilities, so a logistic model of them is one of the n alone (section 6, item 13); the
    penalty is what the others change.

    >>> stack_features([[0.2, 0.6]]).round(3).tolist()
    [[0.2, 0.6, 0.4, -0.2, 0.2]]
    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 2 or not p.size or not ((p >= 0) & (p <= 1)).all():
        raise LesionkitError(
            f"stacking needs probabilities 0..1 of (images, networks), got an array of shape {p.shape}"
            + (f" with values {p.min():g}..{p.max():g}" if p.size else "")
        )
    return np.column_stack([p, p.mean(axis=1), (p - np.roll(p, -1, axis=1)) / 2])


def fit_stack(
    probabilities: ArrayLike, nonempty: ArrayLike, patients: Sequence[str], settings: StackSettings | None = None
) -> Stack:
    """Fit the models on the networks' out-of-fold probabilities.

    Args:
        probabilities: (images, n), each from networks that have not seen the image's patient.
        nonempty: (images,) which images hold a lesion.
        patients: (images,) the patient of each; one patient is never on both sides.

    Raises:
        LesionkitError: lengths differ, fewer patients than folds, or a fold whose others have images of one kind only.
    """
    settings = settings or StackSettings()
    inputs, truth = stack_features(probabilities), np.asarray(nonempty, np.float64)
    if not len(inputs) == len(truth) == len(patients):
        raise LesionkitError(
            f"each image needs probabilities, a truth and a patient, got {len(inputs)}, {len(truth)} and "
            f"{len(patients)} of them"
        )
    names, patient = np.unique(np.array(patients), return_inverse=True)
    if len(names) < settings.folds:
        raise LesionkitError(f"{settings.folds} folds need as many patients, got {len(names)}; set folds lower")
    fold = np.random.default_rng(settings.seed).permutation(np.arange(len(names)) % settings.folds)[patient]
    coefficients, out_of_fold = [], np.zeros(len(truth))
    for held in range(settings.folds):
        seen = fold != held
        if len(np.unique(truth[seen])) < 2:
            raise LesionkitError(
                f"a stack learns from images with and without lesion, but without fold {held} all are of one kind; set "
                "folds higher or give more images"
            )
        coefficients.append(least_cross_entropy(inputs[seen], truth[seen], settings.ridge))
        out_of_fold[~seen] = _probability(inputs[~seen], coefficients[-1])
    return Stack(np.array(coefficients), out_of_fold)


def _probability(inputs: Floats, coefficients: Floats) -> Floats:
    """Of one model (features + 1,) or of several (features + 1, models)."""
    probability: Floats = expit(inputs @ coefficients[:-1] + coefficients[-1])
    return probability
