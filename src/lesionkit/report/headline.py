"""A figure of a score as one line of the closing table."""

import math

from lesionkit.evaluate.bootstrap import ONE_PATIENT
from lesionkit.evaluate.score import Score


def figure_text(score: Score, name: str, counts: str = "") -> str:
    """A figure with its interval, where it has one, and its denominators: "0.88 (95 % interval 0.78 to 0.96) on …"."""
    figure = score.figures[name]
    known = figure.lower is not None and figure.upper is not None and math.isfinite(figure.value)
    interval = f" (95 % interval {figure.lower:.3f} to {figure.upper:.3f})" if known else ""
    if ONE_PATIENT in figure.note and not known:
        interval = f" (no interval: {ONE_PATIENT})"
    return f"{figure.value:.3f}{interval}{f' on {counts}' if counts else ''}"
