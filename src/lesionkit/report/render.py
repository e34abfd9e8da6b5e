"""Assemble a page: templates, number formats, tables of facts. Every page is one file without anything from outside."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import lesionkit
from lesionkit.core.files import write_text

_SHORT = 8


@dataclass(frozen=True)
class FactGroup:
    """Rows of name and value under one title; long ones are folded."""

    title: str
    rows: tuple[tuple[str, str], ...]
    summary: str = ""

    @property
    def is_short(self) -> bool:
        return len(self.rows) <= _SHORT


@dataclass(frozen=True)
class Table:
    """Rows of plain values that share columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> "Table":
        """Every column that occurs, in the order of its first row; None where a row lacks it."""
        columns = tuple(dict.fromkeys(name for row in rows for name in row))
        return cls(columns, tuple(tuple(row.get(name) for name in columns) for row in rows))

    @property
    def is_word(self) -> tuple[bool, ...]:
        """Per column whether it holds text, which stands on the left."""
        return tuple(any(isinstance(row[i], str) for row in self.rows) for i in range(len(self.columns)))


def render(template: str, **values: Any) -> Markup:
    """A template of this package filled with values; text is escaped."""
    return Markup(_environment().get_template(template).render(version=lesionkit.__version__, **values))


def write_page(path: Path, template: str, **values: Any) -> Path:
    """Render a template and write it in one step."""
    return write_text(path, str(render(template, **values)))


def format_mm(value: float | None) -> str:
    """A length as the tables show it.

    >>> format_mm(-115.96), format_mm(None)
    ('−116.0', '–')
    """
    return "–" if value is None else f"{value:.1f}".replace("-", "−")


def format_score(value: float) -> str:
    """A score between 0 and 1 with three decimals, others with three significant digits.

    >>> format_score(0.9), format_score(12.345)
    ('0.900', '12.3')
    """
    return (f"{value:.3f}" if abs(value) <= 1 else f"{value:.3g}").replace("-", "−")


def format_figure(value: Any) -> str:
    """Any value of a table or of facts, for reading.

    >>> [format_figure(v) for v in (0.775910364, 888, 55000, 1e-7, True, None, float("nan"), float("inf"), [1, 2.5])]
    ['0.7759', '888', '55000', '1e-07', 'yes', '–', 'not defined', '∞', '1, 2.5']
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value).replace("-", "−")
    if isinstance(value, float):
        if not math.isfinite(value):
            return _unusual(value)
        return re.sub("^-", "−", f"{value:.4g}")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(format_figure(part) for part in value)
    return str(value)


def format_area(share: float | None) -> str:
    """A share of an image in percent, small ones with more digits.

    >>> [format_area(v) for v in (0.1234, 0.004, 0.0, None)]
    ['12.3 %', '0.40 %', '0 %', '–']
    """
    if share is None:
        return "–"
    return f"{100 * share:.{1 if share >= 0.01 else 2}f} %" if share else "0 %"


def format_decimal(value: float, digits: int = 4) -> str:
    """A figure of a score with a fixed number of decimals.

    >>> [format_decimal(v) for v in (0.775910364, 0.5, 12.3456, float("nan"))]
    ['0.7759', '0.5000', '12.3456', 'not defined']
    """
    return f"{value:.{digits}f}".replace("-", "−") if math.isfinite(value) else _unusual(value)


def format_threshold(value: float) -> str:
    """A score threshold with enough digits to be applied to new data.

    >>> format_threshold(0.123456789), format_threshold(float("inf"))
    ('0.123457', '∞')
    """
    return f"{value:.6g}" if math.isfinite(value) else _unusual(value)


def _unusual(value: float) -> str:
    return "not defined" if math.isnan(value) else "∞" if value > 0 else "−∞"


def fact_groups(facts: Mapping[str, Any], leave_out: Sequence[str] = ("warnings",)) -> tuple[FactGroup, ...]:
    """Facts as groups of rows: one per nested mapping, and one of everything that stands alone."""
    groups, single = [], []
    for name, value in facts.items():
        if name in leave_out or value is None or value == {}:
            continue
        if isinstance(value, Mapping):
            groups.append(_group(name, value))
        else:
            single.append((name.replace("_", " "), format_figure(value)))
    return (*([FactGroup("Details", tuple(single))] if single else []), *groups)


def total_seconds(facts: Mapping[str, Any]) -> float | None:
    """What all stages took together; None where nobody measured.

    >>> total_seconds({"seconds": {"read": 0.5, "search": 2.0}})
    2.5
    """
    seconds = facts.get("seconds")
    if not seconds:
        return None
    return float(seconds["total"] if "total" in seconds else sum(seconds.values()))


def _group(name: str, value: Mapping[str, Any]) -> FactGroup:
    if name == "seconds":
        rows = tuple((stage.replace("_", " "), f"{seconds:.2f} s") for stage, seconds in value.items())
        return FactGroup("Time", rows, f"{total_seconds({'seconds': value}) or 0.0:.1f} s in all")
    rows = tuple(_flat(value))
    if name != "settings":  # these keep the names that --set takes
        rows = tuple((row.replace("_", " "), text) for row, text in rows)
    return FactGroup(name.replace("_", " ").capitalize(), rows)


def _flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows = []
    for name, part in value.items():
        if isinstance(part, Mapping):
            rows.extend(_flat(part, f"{prefix}{name}."))
        else:
            rows.append((f"{prefix}{name}", format_figure(part)))
    return rows


def _path(points: Sequence[Sequence[float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lesionkit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": format_figure,
        "decimal": format_decimal,
        "threshold": format_threshold,
        "mm": format_mm,
        "score": format_score,
        "path": _path,
        "px": lambda value: f"{value:.1f}",
        "percent": lambda share: f"{100 * share:.1f}%",
        "area": format_area,
    }
    return environment
