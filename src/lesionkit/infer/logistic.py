"""Penalised logistic regression on few features, standardised as it learns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from lesionkit.core.errors import LesionkitError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Logistic:
    """A fitted model: the logit is `features @ coefficients + intercept`, of features as they come."""

    coefficients: tuple[float, ...]
    intercept: float

    def __call__(self, features: ArrayLike) -> Floats:
        """(n,) probabilities of (n, features).

        Raises:
            LesionkitError: another number of features.
        """
        rows = np.asarray(features, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.coefficients):
            raise LesionkitError(
                f"a model of {len(self.coefficients)} features needs an array (cases, {len(self.coefficients)}), got "
                f"shape {rows.shape}"
            )
        probability: Floats = expit(rows @ np.array(self.coefficients) + self.intercept)
        return probability


def fit_logistic(features: ArrayLike, targets: ArrayLike, ridge: float = 0.0) -> Logistic:
    """The model of least mean cross-entropy; a convex problem, so that no seed plays a part.

    Args:
        features: (n, features), finite; each is standardised first and features that never change get no weight.
        targets: (n,) 0..1, the probability that a case is positive.
        ridge: penalty on half the squared coefficients of standardised features.

    Raises:
        LesionkitError: lengths differ, a value is not finite, or all targets are of one kind.
    """
    rows, truth = np.asarray(features, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[0] != truth.size or not np.isfinite(rows).all():
        raise LesionkitError(
            f"a model needs finite features (cases, features) and a target of each case, got features of shape "
            f"{rows.shape} and {truth.size} targets"
        )
    if not truth.size or (truth > 0.5).all() or (truth <= 0.5).all():
        raise LesionkitError(
            f"a model learns from cases with and without tumour, got {truth.size} cases of one kind; give both"
        )
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    scale = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    tells = scale > 0
    values = least_cross_entropy(((rows - mean) * scale)[:, tells], truth, ridge)
    coefficients = np.zeros_like(scale)
    coefficients[tells] = values[:-1] * scale[tells]
    return Logistic(tuple(coefficients.tolist()), float(values[-1] - coefficients @ mean))


def least_cross_entropy(inputs: Floats, truth: Floats, ridge: float) -> Floats:
    """Coefficients and intercept (features + 1,) of least mean cross-entropy and penalty; a convex problem.

    Args:
        inputs: (n, features), of a comparable size each; none leaves the intercept alone.
        truth: (n,) 0..1.
        ridge: penalty on half the squared coefficients; the intercept has none.
    """

    if not inputs.shape[1]:
        share = float(truth.mean())
        return np.array([np.log(share / (1 - share))])
    from sklearn.linear_model import LogisticRegression

    # A target between 0 and 1 is a case of each kind, weighted; and there the penalty is one half, here the mean is.
    kind = np.repeat([1, 0], len(truth))
    weight = np.concatenate([truth, 1 - truth])
    model = LogisticRegression(
        C=1 / (ridge * len(truth)) if ridge else np.inf, solver="newton-cholesky", tol=1e-10, max_iter=500
    )
    model.fit(np.concatenate([inputs, inputs])[weight > 0], kind[weight > 0], weight[weight > 0])
    return np.append(model.coef_[0], model.intercept_)


def cross_entropy(probability: ArrayLike, targets: ArrayLike) -> float:
    """Mean cross-entropy, with probabilities kept 1e-6 away from certainty."""
    p, truth = np.clip(np.asarray(probability, dtype=float), 1e-6, 1 - 1e-6), np.asarray(targets, dtype=float)
    return float(-np.mean(truth * np.log(p) + (1 - truth) * np.log(1 - p)))
