"""Apply a stored operating point to new data: fix the threshold on one set, count on another."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.evaluate.bootstrap import bootstrapped, resample_means
from lesionkit.evaluate.froc import Detections
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.score import Figure, OperatingPoint


def accepted(point: OperatingPoint, scores: ArrayLike) -> NDArray[np.bool_]:
    """Which candidates count at an operating point: score ≥ threshold.

    >>> accepted(OperatingPoint("1 false positive per scan", threshold=0.5, x=1.0, y=0.8), [0.4, 0.5]).tolist()
    [False, True]
    """
    return np.asarray(np.asarray(scores, dtype=np.float64) >= point.threshold)


def apply_operating_point(
    point: OperatingPoint,
    found: Detections,
    samples: int = 1000,
    seed: int = 1607,
    patients: Patients | None = None,
    unit: str = "case",
    per_image: bool = False,
    is_new: bool = True,
) -> dict[str, Figure]:
    """What a threshold that was fixed before gives on new data.

    Args:
        patients: of the cases; None where each is of another.
        unit: what a case is called.
        per_image: there is one score per case: a positive one is a lesion, a negative one a false positive.
        is_new: false for the data that the threshold was set on, of which notes need not say so.

    Returns:
        "sensitivity" and "false positives per case" (of `unit`), or with `per_image` "sensitivity" and "specificity";
        each with a 95 % interval over draws of patients, or Wilson's where all draws agree.
    """
    hit = accepted(point, found.lesion_score) & (found.lesion_score > -np.inf)
    wrong = accepted(point, found.false_score)
    patients = patients or Patients(np.arange(found.n_cases))
    draws = patients.draw(samples, seed)
    at = f" at threshold {point.threshold:.4g} ({point.name} where it was set)" if is_new else ""
    what = f"positive {unit}s" if per_image else "lesions"
    sensitivity = _share(hit, found.lesion_case, found.n_cases, patients, draws, f"{what}{at}")
    if per_image:
        specificity = _share(~wrong, found.false_case, found.n_cases, patients, draws, f"negative {unit}s{at}")
        return {"sensitivity": sensitivity, "specificity": specificity}
    false = np.bincount(found.false_case[wrong], minlength=found.n_cases)
    rate = bootstrapped(
        wrong.sum() / found.n_cases,
        resample_means(false, draws),
        f"{wrong.sum()} in {found.n_cases} {unit}s{at}",
        len(patients),
    )
    return {"sensitivity": sensitivity, f"false positives per {unit}": rate}


def _share(
    right: NDArray[np.bool_],
    case: NDArray[np.intp],
    n_cases: int,
    patients: Patients,
    draws: NDArray[np.int32],
    note: str,
) -> Figure:
    """Of things that lie in cases, the share that is right."""
    things, rights = np.bincount(case, minlength=n_cases), np.bincount(case[right], minlength=n_cases)
    with np.errstate(invalid="ignore"):
        drawn = (draws @ rights) / (draws @ things).astype(np.float64)
        value = np.float64(right.sum()) / len(case)
    whose = patients.among(case)
    figure = bootstrapped(value, drawn, f"{right.sum()} of {len(case)} {note}", whose)
    if figure.lower is None or figure.lower != figure.upper:
        return figure
    # All draws agree, which says nothing of how sure the share is; a patient counts as one observation.
    from scipy.stats import binomtest

    limits = binomtest(round(float(value) * whose), whose).proportion_ci(method="wilson")
    return Figure(figure.value, float(limits.low), float(limits.high), f"{figure.note}; interval after Wilson")


def applied_figures(
    points: Sequence[OperatingPoint],
    found: Detections,
    samples: int,
    seed: int,
    patients: Patients | None = None,
    unit: str = "case",
    per_image: bool = False,
) -> dict[str, Figure]:
    """The figures of several points, named after what they promised: "sensitivity at the threshold for …"."""
    figures = {}
    for point in points:
        for name, figure in apply_operating_point(point, found, samples, seed, patients, unit, per_image).items():
            figures[f"{name} at the threshold for {point.name}"] = figure
    return figures
