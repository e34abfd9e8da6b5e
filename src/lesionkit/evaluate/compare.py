"""Compare two systems on the same cases: the bootstrap draws are shared, so the differences are paired."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.bootstrap import interval
from lesionkit.evaluate.score import Figure, Score

RULE = (
    "Difference second - first with its 95 % percentile interval over draws of cases that both systems share; "
    "p is two-sided: twice the share of draws on the other side of zero, at most 1."
)


def compare_scores(first: Score, second: Score, names: tuple[str, str] = ("first", "second")) -> Score:
    """Difference of every figure that two scores share, with its interval and p-value.

    Args:
        first, second: of the same protocol, on the same cases and truth, with the same seed and number of draws.
        names: what to call the systems.

    Returns:
        Score with, for every figure, "<figure>: second - first" and "<figure>: p", and the main curve of both.

    Raises:
        LesionkitError: the protocols, cases, truth or draws differ.
    """
    before, after = first.resamples, second.resamples
    if first.protocol != second.protocol:
        raise LesionkitError(
            f"two systems must be scored by the same protocol, got '{first.protocol}' and '{second.protocol}'"
        )
    if before is None or after is None:
        raise LesionkitError(f"protocol '{first.protocol}' stores no bootstrap draws; it cannot be compared")
    if before.key != after.key:
        raise LesionkitError(
            "two systems must be scored on the same cases and truth with the same draws, "
            f"got '{before.key}' and '{after.key}'; score both with the same tables and seed"
        )
    figures: dict[str, Figure] = {}
    for name in before.figures:
        if name in after.figures and name in first.figures and name in second.figures:
            value = second.figures[name].value - first.figures[name].value
            drawn = after.figures[name] - before.figures[name]
            if any(score.figures[name].lower is None for score in (first, second)):
                # What has no interval of its own, as a figure of one patient, has none of its difference.
                drawn = np.full(len(drawn), np.nan)
            figures |= difference(name, value, drawn, names)
    curves = tuple(
        replace(score.curves[0], name=f"{system}: {score.curves[0].name}")
        for system, score in zip(names, (first, second), strict=True)
        if score.curves
    )
    warnings = [f"{system}: {w}" for system, s in zip(names, (first, second), strict=True) for w in s.warnings]
    return Score(
        protocol=f"{first.protocol} comparison",
        rule=RULE,
        figures=figures,
        counts=_shared_counts(first, second),
        curves=curves,
        warnings=tuple(warnings),
        facts={"first": names[0], "second": names[1], "draws": before.key},
    )


def difference(
    name: str, value: float, drawn: NDArray[np.float64], names: tuple[str, str] = ("first", "second")
) -> dict[str, Figure]:
    """A difference with its interval, and its p-value.

    Args:
        drawn: (draws,) the difference in each draw; nan where it is not defined.
    """
    defined = drawn[~np.isnan(drawn)]
    lower, upper = map(float, interval(defined)) if len(defined) else (None, None)
    p = p_value(defined)
    note = f"{len(defined)} paired draws of cases" if len(defined) else "no interval: one of the two has none"
    return {
        f"{name}: {names[1]} - {names[0]}": Figure(value, lower, upper, note),
        f"{name}: p": Figure(p, note=f"two-sided, {note}"),
    }


def p_value(drawn: NDArray[np.float64]) -> float:
    """Two-sided bootstrap p of the hypothesis that the difference is zero; never below 2 / (draws + 1).

    >>> p_value(np.array([0.1, 0.2, 0.1])), p_value(np.zeros(3))
    (0.5, 1.0)
    """
    if not len(drawn):
        return float("nan")
    not_above, not_below = (drawn <= 0).sum(), (drawn >= 0).sum()
    return float(min(1.0, 2 * (1 + min(not_above, not_below)) / (len(drawn) + 1)))


def _shared_counts(first: Score, second: Score) -> dict[str, int]:
    """The denominators: counts that are equal in both."""
    return {name: n for name, n in first.counts.items() if second.counts.get(name) == n}
