"""Curves and histograms, drawn by matplotlib: into a page as inline SVG that follows its colours, or into a file.

Matplotlib is imported when the first plot is drawn, so that a page without plots does not wait for it.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.evaluate.score import Curve, OperatingPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours on paper; in a page each becomes the variable of the style sheet beside it.
INK, GRID = "#1b2530", "#c9d1d9"
SERIES = ("#0b6e99", "#c4550a", "#3d7d2b", "#8a3fa0", "#a08400", "#b0304f")
_VARIABLES = {INK: "var(--ink)", GRID: "var(--rule)"} | {c: f"var(--series-{i})" for i, c in enumerate(SERIES, 1)}
_DASHES: tuple[tuple[float, ...], ...] = ((), (6, 2), (2, 1.5), (8, 2, 2, 2), (4, 1), (1, 1))
_RATES = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)
_RATE_NAMES = ("1/8", "1/4", "1/2", "1", "2", "4", "8")
_MOST_POINTS = 1000


def plot_curves(curves: Sequence[Curve], path: Path) -> Path:
    """Write one plot of all curves; the suffix chooses PNG or SVG.

    Raises:
        LesionkitError: another suffix, or no curve.
    """
    path = Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("png", "svg"):
        raise LesionkitError(f"a plot is written as .png or .svg, got '{path.name}'; choose one of them")
    with _style("plot"), replacing(path) as temporary:
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        _draw_curves(curves, ()).savefig(temporary, format=kind, dpi=160, facecolor="white", metadata=metadata)
    return path


def curves_svg(curves: Sequence[Curve], points: Sequence[OperatingPoint] = ()) -> Markup:
    """One inline SVG of all curves; operating points are dots."""
    names = ", ".join(curve.name for curve in curves)
    with _style(names):
        figure = _draw_curves(curves, points)
        return _inline(figure, f"Plot of {curves[0].y_label} against {curves[0].x_label}: {names}")


def histogram_svg(values: Sequence[float], label: str, edges: Sequence[float]) -> Markup:
    """One inline SVG: how many values fall between neighbouring edges; those beyond are put into the outer bins."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=np.asarray(edges, dtype=float))
    with _style(label):
        figure = Figure(figsize=(4.6, 2.7), layout="constrained")
        axes = figure.subplots()
        axes.bar(edges[:-1], counts, width=np.diff(edges) * 0.92, align="edge", color=SERIES[0])
        axes.set_xlabel(label)
        axes.set_ylabel("number")
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.grid(axis="y")
        return _inline(figure, f"Histogram of {label}: {len(values)} values, median {np.median(values):.3g}")


def _draw_curves(curves: Sequence[Curve], points: Sequence[OperatingPoint]) -> Figure:
    from matplotlib.figure import Figure

    if not curves:
        raise LesionkitError("a plot needs at least one curve, got none")
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    is_froc = curves[0].x_label.startswith("false positives per")
    for number, curve in enumerate(curves):
        _draw_curve(axes, curve, number % len(SERIES), is_froc)
    shown = [p for p in points if not is_froc or _RATES[0] * 0.99 <= p.x <= _RATES[-1] * 1.01]
    axes.plot([p.x for p in shown], [p.y for p in shown], "o", color=SERIES[0], markersize=5, zorder=4)
    axes.set_xlabel(curves[0].x_label)
    axes.set_ylabel(curves[0].y_label)
    axes.grid(visible=True)
    _set_scales(axes, curves, is_froc)
    if len(curves) > 1 or len(curves[0].name) > 4:
        axes.legend(frameon=False, loc="best")
    return figure


def _draw_curve(axes: Axes, curve: Curve, number: int, is_froc: bool) -> None:
    keep = _kept(curve)
    x, y = curve.x[keep], curve.y[keep]
    lower, upper = (None if band is None else band[keep] for band in (curve.lower, curve.upper))
    if is_froc and len(x):  # beyond the last mark nothing more is found
        x, y = np.append(np.maximum(x, 1e-9), max(_RATES[-1] * 2, x[-1])), np.append(y, y[-1])
        lower, upper = (None if band is None else np.append(band, band[-1]) for band in (lower, upper))
    style = "steps-post" if curve.step else "default"
    dashes = _DASHES[number]
    (line,) = axes.plot(x, y, color=SERIES[number], drawstyle=style, linewidth=1.9, label=curve.name, zorder=3)
    if dashes:
        line.set_dashes(dashes)
    if lower is not None and upper is not None:
        axes.fill_between(
            x, lower, upper, step="post" if curve.step else None, color=SERIES[number], alpha=0.16, linewidth=0
        )


def _kept(curve: Curve) -> NDArray[np.intp]:
    """Positions of at most a few thousand points, evenly spread along the curve's own length on the page."""
    n = len(curve.x)
    if n <= _MOST_POINTS:
        return np.arange(n)
    x = np.log2(np.clip(curve.x, 1 / 16, 16)) / 8
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(np.nan_to_num(curve.y))))])
    at = np.searchsorted(length, np.linspace(0, length[-1], _MOST_POINTS))
    return np.unique(np.concatenate([[0], np.minimum(at, n - 1), [n - 1]]))


def _set_scales(axes: Axes, curves: Sequence[Curve], is_froc: bool) -> None:
    if is_froc:
        axes.set_xscale("log", base=2)
        axes.set_xlim(_RATES[0] * 0.92, _RATES[-1] * 1.09)
        axes.set_xticks(_RATES, _RATE_NAMES)
        axes.minorticks_off()
    highest = max((float(np.nanmax(c.y)) for c in curves if len(c.y) and np.isfinite(c.y).any()), default=1.0)
    lowest = min((float(np.nanmin(c.y)) for c in curves if len(c.y) and np.isfinite(c.y).any()), default=0.0)
    if lowest >= 0 and highest <= 1:
        axes.set_ylim(-0.01, 1.02)
        axes.set_yticks(np.linspace(0, 1, 6))


@contextmanager
def _style(salt: str) -> Iterator[None]:
    import matplotlib

    look: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": GRID,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "xtick.color": GRID,
        "ytick.color": GRID,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
    }
    with matplotlib.rc_context(look):
        yield


def _inline(figure: Figure, alt: str) -> Markup:
    """The figure as an SVG element that takes its colours and its font from the page."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    viewbox = re.search(r'viewBox="[^"]*"', svg)
    body = svg[svg.index(">") + 1 :]
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, variable)
    body = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", body)
    prefix = "p" + hashlib.sha256((alt + body).encode()).hexdigest()[:8]
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r"url\(#", f"url(#{prefix}-", body)
    body = re.sub(r'xlink:href="#', f'href="#{prefix}-', body)
    head = f'<svg class="plot" role="img" {viewbox.group(0) if viewbox else ""} aria-label="'
    return Markup(head) + alt + Markup('">') + Markup(body)
