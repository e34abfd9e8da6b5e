"""Scores of parts of a data set: by size of the lesion, density, centre, consensus or any column of a table."""

import itertools
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.bootstrap import bootstrapped
from lesionkit.evaluate.cpm import Quoted, quote, sensitivity_name
from lesionkit.evaluate.froc import Detections, froc
from lesionkit.evaluate.patients import Patients

DIAMETER_EDGES_MM = (0.0, 4.0, 6.0, 8.0, 15.0, 30.0, np.inf)
"""Bins of a diameter: the steps at which guidelines for lung nodules change their advice."""

UNKNOWN = "unknown"
_FEW_VALUES = 8


def group_labels(values: pd.Series, name: str = "") -> tuple[NDArray[np.object_], tuple[str, ...]]:
    """A label for every row, and the labels in the order to show them.

    A column of numbers with more than eight different values is cut into bins: a diameter at 4, 6, 8, 15 and 30 mm, any
    other at its quartiles. A bin holds its lower end and not its upper. Missing values are "unknown".

    >>> group_labels(pd.Series(["solid", None, "part-solid"]))
    (array(['solid', 'unknown', 'part-solid'], dtype=object), ('part-solid', 'solid', 'unknown'))
    """
    missing = values.isna().to_numpy()
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > _FEW_VALUES:
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        edges = np.array(DIAMETER_EDGES_MM) if "diameter" in name else _quartiles(numbers[~missing])
        bin_index = np.searchsorted(edges, numbers, side="right") - 1
        names = [_bin_name(low, high) for low, high in itertools.pairwise(edges.tolist())]
        labels = np.array([*names, UNKNOWN], dtype=object)[np.where(missing, len(names), bin_index)]
        order = [*names, UNKNOWN]
    else:
        ordered = sorted(values[~missing].unique().tolist(), key=lambda v: (isinstance(v, str), v))
        order = [*map(_plain_name, ordered), UNKNOWN]
        labels = np.array([UNKNOWN if m else _plain_name(v) for v, m in zip(values, missing, strict=True)], object)
    present = set(labels)
    return labels, tuple(dict.fromkeys(label for label in order if label in present))


@dataclass(frozen=True)
class Subgrouping:
    """How every subgroup of a score is read.

    Attributes:
        rates: false positives per case.
        samples, seed: draws of cases behind the intervals.
        step: whether a sensitivity is the highest attained (exact) or interpolated (official LUNA16).
    """

    rates: tuple[float, ...]
    samples: int
    seed: int
    step: bool = True


def subgroup_rows(
    found: Detections,
    column: str,
    values: pd.Series,
    of: Literal["lesions", "cases"],
    how: Subgrouping,
    patients: Patients | None = None,
) -> tuple[dict[str, Any], ...]:
    """One row per subgroup: its denominators, its CPM with a 95 % interval, its sensitivity at every rate.

    A subgroup of lesions keeps the false positives and the number of all cases; hits on other lesions count neither
    way. A subgroup of cases has its own false positives and its own number of cases.

    Args:
        values: (n lesions,) or (n cases,) the column by which they are told apart.
        patients: of all cases; None where each is of another. A subgroup of fewer than two has no interval.

    Returns:
        keys column, group, of, cases, lesions, hits, false_positives, cpm, lower, upper, "sensitivity at 1/8" …;
        numbers that are not defined are None.
    """
    expected = found.n_lesions if of == "lesions" else found.n_cases
    if len(values) != expected:
        raise LesionkitError(f"column {column} must have one value for each of {expected} {of}, got {len(values)}")
    labels, order = group_labels(values, column)
    patients = patients or Patients(np.arange(found.n_cases))
    rows = []
    for label in order:
        inside = labels == label
        part = found.of_lesions(inside) if of == "lesions" else found.of_cases(inside)
        theirs = patients if of == "lesions" else patients.part(inside)
        curve = replace(froc(part), step=how.step)
        quoted = quote(part, curve, how.rates, theirs.draw(how.samples, how.seed))
        rows.append({"column": column, "group": label, "of": of, **_row(part, quoted, theirs.among(part.lesion_case))})
    return tuple(rows)


def _row(part: Detections, quoted: Quoted, patients: int) -> dict[str, Any]:
    figure = bootstrapped(quoted.cpm, quoted.cpm_samples, "", patients)
    each = {sensitivity_name(float(r)): _defined(s) for r, s in zip(quoted.rates, quoted.sensitivity, strict=True)}
    return {
        "cases": part.n_cases,
        "lesions": part.n_lesions,
        "hits": part.n_hits,
        "false_positives": part.n_false_positives,
        "cpm": _defined(quoted.cpm),
        "lower": figure.lower,
        "upper": figure.upper,
        **each,
    }


def _defined(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _quartiles(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    inner = np.unique(np.quantile(numbers, (0.25, 0.5, 0.75)))
    return np.array([-np.inf, *inner, np.inf])


def _bin_name(low: float, high: float) -> str:
    if not np.isfinite(high):
        return f"{low:g} or more"
    if low in (-np.inf, 0.0):
        return f"below {high:g}"
    return f"{low:g} to {high:g}"


def _plain_name(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
