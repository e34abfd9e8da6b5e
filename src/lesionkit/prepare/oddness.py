"""Rank cases by how odd their lungs are, so that a gallery shows the doubtful cuts first."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPICAL = {"lung_volume_l": (4.5, 0.35), "lung_left_right_ratio": (0.88, 0.12), "lung_cover_ratio": (0.17, 0.4)}
"""Middle and spread (of the logarithm) of an adult in full inspiration, the left lung being the smaller one. They
stand in where there are too few cases to know their own."""
FEW = 8


def oddest_first(facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Case ids, oddest first: failures, then the largest deviation in volume, left/right ratio or cover ratio.

    Args:
        facts: per case id the facts that `prepare_ct` gives; a missing or nan value is odd.

    >>> usual = {"lung_volume_l": 4.5, "lung_left_right_ratio": 0.9, "lung_cover_ratio": 0.17}
    >>> oddest_first({"a": usual, "b": {**usual, "lung_left_right_ratio": 0.3}, "c": {"lung_failure": "no air"}})
    ['c', 'b', 'a']
    """
    ids = list(facts)
    odd = np.zeros(len(ids))
    for name in TYPICAL:
        odd = np.maximum(odd, _deviations([facts[i].get(name) for i in ids], *TYPICAL[name]))
    failed = np.array([bool(facts[i].get("lung_failure")) for i in ids], dtype=bool)
    return [ids[i] for i in np.lexsort((-odd, ~failed))]


def _deviations(values: Sequence[float | None], middle: float, spread: float) -> NDArray[np.float64]:
    """How many spreads each value lies from the middle on a logarithmic scale; inf where it is unknown."""
    known = [v is not None and math.isfinite(v) and v > 0 for v in values]
    logs = np.array([math.log(v) if k and v is not None else 0.0 for v, k in zip(values, known, strict=True)])
    centre, width = math.log(middle), spread
    if sum(known) >= FEW:
        inside = logs[known]
        centre = float(np.median(inside))
        width = max(1.4826 * float(np.median(np.abs(inside - centre))), spread / 4)
    return np.where(known, np.abs(logs - centre) / width, np.inf)
