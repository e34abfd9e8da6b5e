"""How what the networks of a chain say is joined: fitted on candidates that none of them learned from."""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lesionkit.infer.logistic import fit_logistic
from lesionkit.nets.cube.chain_settings import JoinSettings

How: TypeAlias = Literal["mean", "weighted", "stacking"]
_RIDGE = 1e-2


def joined_by(
    logits: NDArray[np.float64], hits: NDArray[np.bool_], how: Literal["mean", "weighted", "stacking"]
) -> JoinSettings:
    """How the networks of a chain are joined, as measured on candidates of validation scans.

    Where they tell nothing – no candidate is a lesion, or all are – the mean.

    Args:
        logits: (n, 1 + cubes) of the network that draws and of those that judge.
        hits: (n,) which candidates are lesions.
        how: "mean", "weighted" by how far each one's AUC is above one half, or "stacking".
    """
    count = logits.shape[1] - 1
    equal: tuple[float, ...] = (0.0, *(1 / count,) * count) if count else (1.0,)
    if not hits.any() or hits.all():
        return JoinSettings(coefficients=equal)
    if how == "stacking":
        fitted = fit_logistic(logits, hits.astype(float), _RIDGE)
        return JoinSettings(coefficients=fitted.coefficients, intercept=fitted.intercept)
    weights = np.array(equal) if how == "mean" or not count else _above_chance(logits, hits)
    # One curve more, so that what is said is a probability.
    curve = fit_logistic((logits @ weights)[:, None], hits.astype(float), _RIDGE)
    return JoinSettings(coefficients=tuple((weights * curve.coefficients[0]).tolist()), intercept=curve.intercept)


def reranked_by(logits: NDArray[np.float64], hits: NDArray[np.bool_]) -> JoinSettings | None:
    """How what a faster model says of its candidates is joined with what a chain says: by a logistic model of all.

    Args:
        logits: (n, 2 + cubes) of the faster model, of the network that draws and of those that judge.
        hits: (n,) which candidates are lesions.

    Returns:
        None where no candidate is a lesion, or all are.
    """
    if not hits.any() or hits.all():
        return None
    fitted = fit_logistic(logits, hits.astype(float), _RIDGE)
    return JoinSettings(coefficients=fitted.coefficients, intercept=fitted.intercept)


def _above_chance(logits: NDArray[np.float64], hits: NDArray[np.bool_]) -> NDArray[np.float64]:
    from sklearn.metrics import roc_auc_score

    above = [max(float(roc_auc_score(hits, column)) - 0.5, 0.0) for column in logits[:, 1:].T]
    total = sum(above)
    shares = [one / total for one in above] if total else [1 / len(above)] * len(above)
    return np.array([0.0, *shares])
