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
) -> dict[str, Figure]:
    """Sensitivity and false positives per case of new data at a threshold that was fixed before.

    Args:
        patients: of the cases; None where each is of another.

    Returns:
        "sensitivity" and "false positives per case", each with a 95 % interval over draws of cases.
    """
    hit = accepted(point, found.lesion_score) & (found.lesion_score > -np.inf)
    wrong = accepted(point, found.false_score)
    patients = patients or Patients(np.arange(found.n_cases))
    draws = patients.draw(samples, seed)
    lesions = np.bincount(found.lesion_case, minlength=found.n_cases)
    hits = np.bincount(found.lesion_case[hit], minlength=found.n_cases)
    false = np.bincount(found.false_case[wrong], minlength=found.n_cases)
    with np.errstate(invalid="ignore"):
        drawn = (draws @ hits) / (draws @ lesions).astype(np.float64)
        sensitivity = np.float64(hit.sum()) / found.n_lesions
    at = f"at threshold {point.threshold:g} ({point.name} where it was set)"
    return {
        "sensitivity": bootstrapped(
            sensitivity,
            drawn,
            f"{hit.sum()} of {found.n_lesions} lesions {at}",
            patients.among(found.lesion_case),
        ),
        "false positives per case": bootstrapped(
            wrong.sum() / found.n_cases,
            resample_means(false, draws),
            f"{wrong.sum()} in {found.n_cases} cases {at}",
            len(patients),
        ),
    }


def applied_figures(
    points: Sequence[OperatingPoint], found: Detections, samples: int, seed: int, patients: Patients | None = None
) -> dict[str, Figure]:
    """The figures of several points, named after what they promised: "sensitivity at the threshold for …"."""
    figures = {}
    for point in points:
        for name, figure in apply_operating_point(point, found, samples, seed, patients).items():
            figures[f"{name} at the threshold for {point.name}"] = figure
    return figures
