"""The page of `lesionkit sweep`: every trial, and how each came along."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lesionkit.evaluate.score import Curve
from lesionkit.report.curves import curves_svg
from lesionkit.report.render import Table, write_page


def write_sweep_page(
    out: Path, rows: Sequence[Mapping[str, Any]], curves: Sequence[Curve] = (), title: str = "Search of settings"
) -> Path:
    """Write OUT/sweep.html: a table of trials in the order given, and one plot of their curves.

    Args:
        rows: per trial its settings and results, plain values; columns in the order they first occur.
        curves: for example value against step, one per trial.
    """
    return write_page(
        Path(out) / "sweep.html",
        "sweep_page.html",
        title=title,
        table=Table.of(rows),
        plot=curves_svg(curves) if curves else None,
    )
