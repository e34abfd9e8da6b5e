"""Which false alarms are shown again: rules over scores alone, whatever kind of image they are of."""

from typing import Literal, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

Rule: TypeAlias = Literal["rate", "hardest", "spread", "none"]
_BANDS = 10


def strongest_of_each(group: ArrayLike, score: ArrayLike, most: int) -> NDArray[np.bool_]:
    """(n,) which entries are among the `most` highest of their group; of equal ones the first.

    Args:
        group: (n,) what an entry belongs to, such as its scan or slide.
        score: (n,) higher is stronger.

    >>> strongest_of_each(["a", "a", "a", "b"], [0.1, 0.9, 0.9, 0.2], 1)
    array([False,  True, False,  True])
    """
    _, names = np.unique(np.asarray(group), return_inverse=True)
    order = np.lexsort((-np.asarray(score, dtype=float), names))
    ordered = names[order]
    place = np.arange(len(order)) - np.searchsorted(ordered, ordered, side="left")
    chosen = np.zeros(len(order), dtype=bool)
    chosen[order[place < most]] = True
    return chosen


def score_at_rate(score: ArrayLike, n_cases: int, per_case: float) -> float:
    """The lowest score above which no more than so many false alarms per case lie; -inf where there are fewer.

    Args:
        score: (n,) of false alarms in all cases together.

    >>> score_at_rate([0.9, 0.8, 0.7, 0.1], n_cases=2, per_case=1), score_at_rate([0.9], n_cases=2, per_case=1)
    (0.8, -inf)
    """
    ordered = np.sort(np.asarray(score, dtype=float))[::-1]
    count = int(per_case * n_cases)
    return float(ordered[count - 1]) if 0 < count <= len(ordered) else float("inf") if count == 0 else -float("inf")


def chosen_alarms(
    rule: Rule, case: ArrayLike, score: ArrayLike, n_cases: int, per_case: int, rng: Generator
) -> NDArray[np.bool_]:
    """(n,) which false alarms are shown again; every rule chooses about `per_case` of them per case.

    `rate` takes those above the score that gives so many false alarms per case, wherever they are, so that bad cases
    give many; `hardest` the strongest of each case; `spread` as many from each of ten bands of scores between the
    lowest and the highest, so that doubtful ones are among them; `none` takes none.

    Args:
        case: (n,) which case an alarm is in.
        score: (n,) higher is stronger.
        n_cases: how many were looked at, also those without any.
    """
    scores = np.asarray(score, dtype=float)
    if rule == "none" or not len(scores):
        return np.zeros(len(scores), dtype=bool)
    if rule == "hardest":
        return strongest_of_each(case, scores, per_case)
    if rule == "spread":
        return _spread(scores, per_case * n_cases, rng)
    return np.asarray(scores >= score_at_rate(scores, n_cases, per_case))


def _spread(scores: NDArray[np.float64], count: int, rng: Generator) -> NDArray[np.bool_]:
    """As many of each band of scores; what a band lacks, the others give."""
    edges = np.linspace(scores.min(), scores.max(), _BANDS + 1)
    band = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, _BANDS - 1)
    order = rng.permutation(len(scores))
    order = order[np.argsort(band[order], kind="stable")]
    ordered = band[order]
    # In rounds: the first of every band, then the second of every band, and so on.
    turn = np.arange(len(order)) - np.searchsorted(ordered, ordered, side="left")
    chosen = np.zeros(len(scores), dtype=bool)
    chosen[order[np.argsort(turn, kind="stable")[:count]]] = True
    return chosen
