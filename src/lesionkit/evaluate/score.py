"""What every protocol returns: figures with their intervals, curves, and the protocol they came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.display import Displayed


@dataclass(frozen=True)
class Figure(Displayed):
    """One number of a score.

    Attributes:
        lower, upper: 95 % confidence interval; None where none is defined.
        note: what it is divided by, or how the interval was made.
    """

    value: float
    lower: float | None = None
    upper: float | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Curve(Displayed):
    """Points of a curve from the strictest threshold to the loosest.

    Attributes:
        x, y: (n,) coordinates, for FROC false positives per case and sensitivity.
        threshold: (n,) lowest score that counts at that point; inf where nothing does.
        lower, upper: (n,) 95 % band of y, or None.
        step: whether the curve is a step function (exact) or straight between points (interpolated).
    """

    name: str
    x_label: str
    y_label: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    threshold: NDArray[np.float64]
    lower: NDArray[np.float64] | None = None
    upper: NDArray[np.float64] | None = None
    step: bool = False


@dataclass(frozen=True)
class OperatingPoint:
    """A quoted point of a curve and the score threshold behind it, to be applied to new data."""

    name: str
    threshold: float
    x: float
    y: float


@dataclass(frozen=True, eq=False)
class Resamples:
    """The figures of every bootstrap draw of cases. Two scores with equal keys are paired, draw by draw.

    Attributes:
        key: names the draws, see `lesionkit.evaluate.bootstrap.draw_key`.
        figures: (draws,) values by the name of the figure; nan where a draw leaves it undefined.
    """

    key: str
    figures: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Score(Displayed):
    """The result of one protocol on one set of cases.

    Attributes:
        protocol: "luna16 official", "luna16 exact", "camelyon16 exact", "siim" …
        rule: the protocol in one or two sentences, for whoever reads the page.
        figures: by name; the first is the headline.
        counts: denominators and counts by name: scans, lesions, hits, false_positives, ignored …
        curves: to be plotted together.
        subgroups: one row of plain values per subgroup, with its own denominators and intervals.
        warnings: sentences, among them every known deviation of an official protocol that changed this result.
        facts: input files, versions, seeds: what JSON can hold.
        resamples: what a comparison with another system on the same cases needs; None if the protocol draws none.
    """

    protocol: str
    rule: str
    figures: Mapping[str, Figure]
    counts: Mapping[str, int]
    curves: tuple[Curve, ...] = ()
    operating_points: tuple[OperatingPoint, ...] = ()
    subgroups: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    resamples: Resamples | None = None
