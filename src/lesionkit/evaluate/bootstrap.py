"""Bootstrap over cases: draw cases with replacement, score each draw, take percentiles.

The draws are a matrix of counts made from a seed, so the same cases and the same seed give the same draws for two
systems: their resampled figures are paired.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.froc import Detections
from lesionkit.evaluate.score import Figure

SEED = 1607
SAMPLES = 1000
ONE_PATIENT = "one patient"
"""Why a figure has no interval."""
_CELLS_AT_ONCE = 1 << 20


def draw_cases(n_cases: int, samples: int = SAMPLES, seed: int = SEED) -> NDArray[np.int32]:
    """How often each case is drawn: (samples, n_cases) counts, every row sums to n_cases."""
    if n_cases < 1 or samples < 1:
        raise LesionkitError(f"a bootstrap needs at least one case and one sample, got {n_cases} and {samples}")
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, n_cases, size=(samples, n_cases)) + np.arange(samples)[:, None] * n_cases
    counts = np.bincount(drawn.ravel(), minlength=samples * n_cases)
    return counts.reshape(samples, n_cases).astype(np.int32)


def resample_means(values: ArrayLike, draws: NDArray[np.int32]) -> NDArray[np.float64]:
    """(samples,) mean over the drawn cases of a value per case (n_cases,); nan values are left out, as undefined."""
    per_case = np.asarray(values, dtype=np.float64)
    defined = ~np.isnan(per_case)
    total = draws @ np.where(defined, per_case, 0.0)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / (draws @ defined.astype(np.float64)))


def resample_froc(
    found: Detections, rates: Sequence[float] | NDArray[np.float64], draws: NDArray[np.int32], *, straight: bool = False
) -> NDArray[np.float64]:
    """Sensitivity of every draw at every rate of false positives per case.

    Args:
        rates: (r,) increasing or not, each at least 0.
        draws: (samples, n_cases) from `draw_cases`, or from `Patients.draw`, whose draws differ in how many cases.
        straight: interpolate linearly between the points of the curve, as LUNA16's organisers do; the default is the
            highest sensitivity attained with at most that many false positives.

    Returns:
        (samples, r); nan in rows whose draw has no lesion.
    """
    if draws.shape[1] != found.n_cases:
        raise LesionkitError(f"draws are over {draws.shape[1]} cases but {found.n_cases} are scored; draw again")
    wanted = np.asarray(rates, dtype=np.float64)
    ranked = _Ranked.of(found)
    # Every rate is reached within the best-scored false positives; more of them are looked at where a draw needs more.
    prefix = math.ceil(1.3 * float(wanted.max(initial=0.0)) * found.n_cases) + 64
    result = np.empty((len(draws), len(wanted)))
    start = 0
    while start < len(draws):
        width = min(prefix, len(ranked.wrong_case)) + len(ranked.hit_case) + 1
        stop = start + max(1, _CELLS_AT_ONCE // width)
        n_found = _hits_of_draws(ranked, draws[start:stop], wanted, prefix, straight)
        if n_found is None:
            prefix *= 2
            continue
        n_lesions = draws[start:stop] @ ranked.lesions_per_case
        with np.errstate(invalid="ignore"):
            result[start:stop] = n_found / n_lesions[:, None].astype(np.float64)
        start = stop
    return result


def interval(samples: NDArray[np.float64], confidence: float = 0.95) -> tuple[Any, Any]:
    """Lower and upper percentile over the first axis, as order statistics; undefined (nan) draws are left out.

    The order statistic is the one LUNA16's organisers take: number floor(p n) of n sorted values, counted from 0.

    >>> [float(limit) for limit in interval(np.arange(1000.0))]
    [25.0, 975.0]
    """
    ordered = np.sort(samples, axis=0)  # nan goes last
    n = (~np.isnan(ordered)).sum(axis=0)
    tail = (1.0 - confidence) / 2.0
    limits = []
    for p in (tail, 1.0 - tail):
        rank = np.clip(np.floor(p * n), 0, np.maximum(n - 1, 0)).astype(np.intp)
        limits.append(np.take_along_axis(ordered, rank[None], axis=0)[0])
    return limits[0], limits[1]


def bootstrapped(value: Any, samples: NDArray[np.float64], note: str, patients: int, over: str = "") -> Figure:
    """A figure with the 95 % interval of its draws: the only place where a bootstrap becomes an interval.

    There is none where the value or all draws are undefined (nan), and none from fewer than two patients: every draw
    of one patient is that patient, so the interval would have no width and claim what nobody knows.

    Args:
        samples: (draws,) the figure in every draw.
        note: what the figure is of.
        patients: of how many patients the cases are that the figure is of.
        over: what is drawn, to be told where there is an interval.
    """
    if np.isnan(value):
        return Figure(float(value), note=note)
    if patients < 2:
        return Figure(float(value), note=f"{note}; no interval: {ONE_PATIENT}")
    lower, upper = interval(samples)
    if np.isnan(lower):
        return Figure(float(value), note=f"{note}; no interval: it is not defined in any draw")
    drawn = f"; interval by bootstrap over {over}" if over else ""
    return Figure(float(value), float(lower), float(upper), note + drawn)


def draw_key(case_ids: Iterable[str], truth: Iterable[object], samples: int, seed: int) -> str:
    """Name of a set of draws. Equal keys mean the same cases in the same order, the same truth and the same draws."""
    digest = hashlib.sha256()
    for word in (*case_ids, "", *map(str, truth)):
        digest.update(word.encode())
        digest.update(b"\0")
    return f"{samples} draws, seed {seed}, cases and truth {digest.hexdigest()[:16]}"


@dataclass(frozen=True, eq=False)
class _Ranked:
    """False positives and hits, each from the highest score down."""

    wrong_case: NDArray[np.intp]
    wrong_score: NDArray[np.float64]
    hit_case: NDArray[np.intp]
    hit_score: NDArray[np.float64]
    lesions_per_case: NDArray[np.intp]

    @classmethod
    def of(cls, found: Detections) -> "_Ranked":
        is_hit = found.lesion_score > -np.inf
        hit_case, hit_score = found.lesion_case[is_hit], found.lesion_score[is_hit]
        wrong = np.argsort(-found.false_score, kind="stable")
        hits = np.argsort(-hit_score, kind="stable")
        return cls(
            found.false_case[wrong],
            found.false_score[wrong],
            hit_case[hits],
            hit_score[hits],
            np.bincount(found.lesion_case, minlength=found.n_cases),
        )


def _hits_of_draws(
    ranked: _Ranked, draws: NDArray[np.int32], rates: NDArray[np.float64], prefix: int, straight: bool
) -> NDArray[np.float64] | None:
    """(draws, rates) hit lesions, fractional between points if `straight`; None where `prefix` is too short."""
    n_cases = draws.sum(axis=1)
    tie_ends = _tie_ends(ranked.wrong_score, prefix)
    n_wrong = np.cumsum(np.take(draws, ranked.wrong_case[:prefix], axis=1), axis=1, dtype=np.int32)
    if len(tie_ends) < n_wrong.shape[1]:
        n_wrong = n_wrong[:, tie_ends]
    reached = n_wrong[:, -1] if len(tie_ends) else np.zeros(len(draws), dtype=np.int32)
    if prefix < len(ranked.wrong_case) and (reached <= rates.max(initial=0.0) * n_cases).any():
        return None
    n_hits = np.zeros((len(draws), len(ranked.hit_case) + 1), dtype=np.int32)
    np.cumsum(np.take(draws, ranked.hit_case, axis=1), axis=1, out=n_hits[:, 1:])
    # Hits that enter before, and until, each group of false positives; after the last group all hits have entered.
    score = -ranked.wrong_score[tie_ends]
    before = np.append(np.searchsorted(-ranked.hit_score, score, side="left"), len(ranked.hit_score))
    until = np.append(np.searchsorted(-ranked.hit_score, score, side="right"), len(ranked.hit_score))
    found = np.empty((len(draws), len(rates)))
    for i, (wrong, hits) in enumerate(zip(n_wrong, n_hits, strict=True)):
        x = np.concatenate([[0.0], wrong / n_cases[i], [np.inf]])
        beyond = np.searchsorted(x, rates, side="right")  # first group that is too much
        found[i] = hits[before[beyond - 1]]
        if straight:
            share = (rates - x[beyond - 1]) / (x[beyond] - x[beyond - 1])
            found[i] += share * (hits[until[beyond - 1]] - hits[before[beyond - 1]])
    return found


def _tie_ends(ordered: NDArray[np.float64], prefix: int) -> NDArray[np.intp]:
    """Positions within the prefix of the last of each run of equal values; a run that the prefix cuts has none."""
    is_end = np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)]
    return np.flatnonzero(is_end[:prefix])
