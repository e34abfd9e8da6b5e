"""Sensitivity at quoted rates of false positives and its mean, the CPM, with bootstrap intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lesionkit.evaluate.bootstrap import bootstrapped, interval, resample_froc
from lesionkit.evaluate.froc import Detections, rate_name, sensitivity_at
from lesionkit.evaluate.score import Curve, Figure

RATES = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
"""False positives per case at which the CPM is taken."""

_BAND_POINTS = 193


@dataclass(frozen=True, eq=False)
class Quoted:
    """Sensitivity at the quoted rates.

    Attributes:
        rates, sensitivity: (r,).
        samples: (draws, r) sensitivities of the bootstrap.
    """

    rates: NDArray[np.float64]
    sensitivity: NDArray[np.float64]
    samples: NDArray[np.float64]

    @property
    def cpm(self) -> float:
        return float(self.sensitivity.mean())

    @property
    def cpm_samples(self) -> NDArray[np.float64]:
        return np.asarray(self.samples.mean(axis=1))


def at_rates(curve: Curve, rates: Sequence[float]) -> NDArray[np.float64]:
    """(r,) sensitivity of a curve: the highest attained on a step curve, else straight between its points."""
    if curve.step:
        return sensitivity_at(curve, rates)
    return np.interp(np.asarray(rates, dtype=np.float64), curve.x, curve.y)


def quote(found: Detections, curve: Curve, rates: Sequence[float], draws: NDArray[np.int32]) -> Quoted:
    """Read the curve at the rates and repeat that for every draw of cases."""
    samples = resample_froc(found, rates, draws, straight=not curve.step)
    return Quoted(np.asarray(rates, dtype=np.float64), at_rates(curve, rates), samples)


def cpm_figures(quoted: Quoted, n_lesions: int, patients: int, unit: str = "case") -> dict[str, Figure]:
    """The CPM first, then the sensitivity at each rate, with 95 % percentile intervals over draws of cases.

    Args:
        patients: how many patients have a lesion.
        unit: what a rate is per, "scan" or "slide".
    """
    if not n_lesions:
        return {"cpm": Figure(float("nan"), note=f"not defined: there is no lesion in any {unit}")}
    names = ", ".join(map(rate_name, quoted.rates))
    note = f"mean sensitivity at {names} false positives per {unit}; {n_lesions} lesions"
    figures = {"cpm": bootstrapped(quoted.cpm, quoted.cpm_samples, note, patients)}
    for i, rate in enumerate(quoted.rates):
        each = f"of {n_lesions} lesions, {rate:g} false per {unit}"
        figures[sensitivity_name(float(rate))] = bootstrapped(
            quoted.sensitivity[i], quoted.samples[:, i], each, patients
        )
    return figures


def cpm_samples(quoted: Quoted) -> dict[str, NDArray[np.float64]]:
    """The bootstrap draws under the names of `cpm_figures`."""
    each = {sensitivity_name(float(rate)): quoted.samples[:, i] for i, rate in enumerate(quoted.rates)}
    return {"cpm": quoted.cpm_samples, **each}


def sensitivity_name(rate: float) -> str:
    """The name of a figure.

    >>> sensitivity_name(0.125)
    'sensitivity at 1/8'
    """
    return f"sensitivity at {rate_name(rate)}"


def band(
    found: Detections, curve: Curve, rates: Sequence[float], draws: NDArray[np.int32], patients: int
) -> tuple[Curve, ...]:
    """Mean of the resampled curves and their 95 % band, between the lowest and the highest quoted rate.

    Args:
        patients: how many patients have a lesion; with fewer than two there is no such curve.
    """
    if patients < 2:
        return ()
    x = np.union1d(np.geomspace(min(rates), max(rates), _BAND_POINTS), rates)
    samples = resample_froc(found, x, draws, straight=not curve.step)
    lower, upper = interval(samples)
    defined = samples[~np.isnan(samples).any(axis=1)]
    mean = Curve(
        name="bootstrap mean",
        x_label=curve.x_label,
        y_label=curve.y_label,
        x=x,
        y=defined.mean(axis=0) if len(defined) else np.full(len(x), np.nan),
        threshold=np.full(len(x), np.nan),
        lower=lower,
        upper=upper,
    )
    return (mean,)
