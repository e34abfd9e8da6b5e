"""The page of a data set of slides: how many patches each has, of which kind, and what of it is no tissue."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from lesionkit.report.curves import histogram_svg
from lesionkit.report.render import Table, write_page

_BINS = 20


def write_patch_page(
    path: Path, slides: Sequence[Mapping[str, Any]], total: Mapping[str, Any], title: str = "Patches", note: str = ""
) -> Path:
    """Write one self-contained page at `path` (system 4, row 4.1).

    Args:
        slides: one row of plain values per slide; `patches`, `tumour` and `ratio` are drawn, all is listed.
        total: the same of all slides together.
        note: what was counted, in a sentence.
    """
    return write_page(
        Path(path),
        "patch_page.html",
        title=title,
        note=note,
        numbers=_numbers(slides, total),
        plots=_plots(slides),
        table=Table.of([*slides, total] if slides else []),
    )


def _numbers(slides: Sequence[Mapping[str, Any]], total: Mapping[str, Any]) -> list[tuple[str, str]]:
    ratio = total.get("ratio")
    return [
        (f"{len(slides):,}", "slides"),
        (f"{int(total.get('patches', 0)):,}", "patches of tissue"),
        (f"{int(total.get('tumour', 0)):,}", "all tumour"),
        (f"{int(total.get('boundary', 0)):,}", "part tumour, not drawn"),
        (f"{ratio:.1f} : 1" if ratio is not None else "–", "normal to tumour"),
        (f"{sum(bool(row.get('few_tumour')) for row in slides)}", "slides with little tumour"),
    ]


def _plots(slides: Sequence[Mapping[str, Any]]) -> list[Markup]:
    plots = []
    for name, label in (("patches", "patches of tissue per slide"), ("tumour", "tumour patches per slide with any")):
        values = [float(row[name]) for row in slides if row.get(name)]
        if values:
            plots.append(histogram_svg(values, label, np.linspace(0, max(values), _BINS + 1).tolist()))
    ratios = [float(np.log10(row["ratio"])) for row in slides if row.get("ratio")]
    if ratios:
        edges = np.linspace(min(*ratios, -1.0), max(*ratios, 3.0), _BINS + 1).tolist()
        plots.append(histogram_svg(ratios, "log10 of normal : tumour, per slide with tumour", edges))
    return plots
