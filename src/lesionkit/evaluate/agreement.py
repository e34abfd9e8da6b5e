"""How far readers, or a system and a truth, agree beyond chance; and what the readers' votes are."""

import itertools
import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.bootstrap import SAMPLES, SEED, bootstrapped, draw_cases
from lesionkit.evaluate.score import Score


def kappa(
    first: Sequence[Hashable], second: Sequence[Hashable], levels: Sequence[Hashable], quadratic: bool = False
) -> float:
    """Agreement of two readers beyond chance: Cohen's kappa.

    Args:
        levels: every answer, in order; neighbours are one step apart.
        quadratic: a disagreement weighs the square of the steps between its levels; else any weighs as much.

    Returns:
        1 for full agreement, 0 for that of chance, nan where both always give one and the same answer.

    >>> kappa(["yes", "yes", "no", "no"], ["yes", "no", "no", "no"], ["no", "yes"])
    0.5
    >>> round(kappa(["low", "mid", "high"], ["low", "mid", "mid"], ["low", "mid", "high"], quadratic=True), 12)
    0.666666666667
    """
    from sklearn.metrics import cohen_kappa_score

    one, other = _codes(first, levels), _codes(second, levels)
    _check_pairs(one, other)
    if len({*one.tolist(), *other.tolist()}) < 2:
        return math.nan
    steps = np.arange(len(levels))
    return float(cohen_kappa_score(one, other, labels=steps, weights="quadratic" if quadratic else None))


def resample_kappa(
    first: NDArray[np.intp], second: NDArray[np.intp], draws: NDArray[np.int32], quadratic: bool = True
) -> NDArray[np.float64]:
    """(samples,) kappa of every draw of items.

    Args:
        first, second: (n,) answers as steps from 0.
        draws: (samples, n) how often each item is drawn, from `lesionkit.evaluate.bootstrap.draw_cases`.
        quadratic: weigh a disagreement by the square of its steps; otherwise all weigh alike.
    """
    _check_pairs(first, second)
    steps = np.arange(max(first.max(), second.max()) + 1)
    apart = steps[:, None] - steps
    weight = (apart**2 if quadratic else apart != 0).astype(np.float64)
    observed = draws @ weight[first, second]
    of_first, of_second = (draws @ (answers[:, None] == steps).astype(np.float64) for answers in (first, second))
    expected = np.einsum("sa,ab,sb->s", of_first, weight, of_second) / draws.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 0, 1.0 - observed / expected, np.nan)


def votes(readings: pd.DataFrame, levels: Sequence[Hashable]) -> NDArray[np.int64]:
    """(items, levels) how many readers gave each answer.

    Args:
        readings: one row per item, one column per reader; a missing answer is not counted.

    >>> votes(pd.DataFrame({"reader 1": ["yes", "no"], "reader 2": ["yes", None]}), ["no", "yes"]).tolist()
    [[0, 2], [1, 0]]
    """
    known = readings.isna() | readings.isin(list(levels))
    if not known.to_numpy().all():
        item, reader = np.argwhere(~known.to_numpy())[0]
        raise LesionkitError(
            f"answers must be among {', '.join(map(str, levels))}, got {readings.iloc[item, reader]!r} by "
            f"{readings.columns[reader]} for '{readings.index[item]}'"
        )
    return np.stack([(readings == level).sum(axis=1).to_numpy(dtype=np.int64) for level in levels], axis=1)


def fleiss_kappa(counted: NDArray[np.int64]) -> float:
    """Agreement of several readers beyond chance (Fleiss 1971), from `votes`.

    Args:
        counted: (items, levels); every item has the same number of at least two readers.

    Returns:
        1 for full agreement, nan where all give one and the same answer throughout.

    >>> fleiss_kappa(np.array([[2, 0], [0, 2], [1, 1]]))
    0.33333333333333326
    """
    return float(_resample_fleiss(counted, np.ones((1, len(counted)), dtype=np.int32))[0])


def score_readers(
    readings: pd.DataFrame, levels: Sequence[Hashable], ordered: bool = False, samples: int = SAMPLES, seed: int = SEED
) -> Score:
    """Agreement of all readers of a truth, and of each two.

    Args:
        readings: one row per item (a lesion, a case), one column per reader; every reader answers every item.
        levels: every answer; in order if `ordered`, and then pairs are weighted by the square of the steps.
    """
    if readings.shape[1] < 2 or not len(readings):
        raise LesionkitError(f"agreement needs items and at least two readers, got a table of shape {readings.shape}")
    counted = votes(readings, levels)
    draws = draw_cases(len(readings), samples, seed)
    unanimous = (counted.max(axis=1) == readings.shape[1]).astype(np.float64)
    note = f"{readings.shape[1]} readers, {len(readings)} items"
    return Score(
        protocol="readers",
        rule="Agreement beyond chance: Fleiss' kappa of all readers, "
        + ("quadratic weighted kappa" if ordered else "Cohen's kappa")
        + " of each two.",
        figures={
            "fleiss kappa": bootstrapped(
                fleiss_kappa(counted), _resample_fleiss(counted, draws), note, len(readings), "items"
            ),
            "unanimous": bootstrapped(
                unanimous.mean(), draws @ unanimous / len(unanimous), note, len(readings), "items"
            ),
        },
        counts={"items": len(readings), "readers": readings.shape[1], "unanimous_items": int(unanimous.sum())},
        subgroups=tuple(_pairs(readings, levels, ordered, draws)),
        facts={"levels": [str(level) for level in levels], "samples": samples, "seed": seed},
    )


def _pairs(
    readings: pd.DataFrame, levels: Sequence[Hashable], ordered: bool, draws: NDArray[np.int32]
) -> list[dict[str, Any]]:
    codes = {reader: _codes(readings[reader].tolist(), levels) for reader in readings.columns}
    rows = []
    for one, other in itertools.combinations(readings.columns, 2):
        value = kappa(readings[one].tolist(), readings[other].tolist(), levels, ordered)
        figure = bootstrapped(value, resample_kappa(codes[one], codes[other], draws, ordered), "", len(readings))
        rows.append(
            {
                "readers": f"{one} and {other}",
                "items": len(readings),
                "same_answer": int((codes[one] == codes[other]).sum()),
                "kappa": None if math.isnan(figure.value) else figure.value,
                "lower": figure.lower,
                "upper": figure.upper,
            }
        )
    return rows


def _resample_fleiss(counted: NDArray[np.int64], draws: NDArray[np.int32]) -> NDArray[np.float64]:
    readers = np.asarray(counted).sum(axis=1)
    if not len(readers) or readers.min() < 2 or readers.min() != readers.max():
        raise LesionkitError(
            "Fleiss' kappa needs the same number of at least two answers for every item, got "
            + (f"{readers.min()} to {readers.max()}" if len(readers) else "no item")
        )
    n = int(readers[0])
    same = (counted * (counted - 1)).sum(axis=1) / (n * (n - 1))
    n_items = draws.sum(axis=1)
    observed = draws @ same / n_items
    by_chance = (((draws @ counted) / (n_items * n)[:, None]) ** 2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(by_chance < 1, (observed - by_chance) / (1 - by_chance), np.nan)


def _codes(answers: Sequence[Hashable], levels: Sequence[Hashable]) -> NDArray[np.intp]:
    number = {level: i for i, level in enumerate(levels)}
    unknown = [answer for answer in answers if answer not in number]
    if unknown:
        raise LesionkitError(f"answers must be among {', '.join(map(str, levels))}, got {unknown[0]!r}")
    return np.array([number[answer] for answer in answers], dtype=np.intp)


def _check_pairs(first: NDArray[np.intp], second: NDArray[np.intp]) -> None:
    if first.shape != second.shape or not len(first):
        raise LesionkitError(f"kappa needs two answers for each item, got {len(first)} and {len(second)} answers")
