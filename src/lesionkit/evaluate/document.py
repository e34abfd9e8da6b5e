"""A score as plain values and tables, to be kept in files, and back."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.score import Curve, Figure, OperatingPoint, Resamples, Score

NOTICE = "Research use only; not a medical device."
_CURVE_COLUMNS = ("x", "y", "threshold", "lower", "upper")


def to_document(score: Score) -> dict[str, Any]:
    """What JSON can hold of a score: all but the points of its curves and its bootstrap draws.

    A value that is not defined and a threshold that nothing reaches are None.
    """
    return {
        "notice": NOTICE,
        "protocol": score.protocol,
        "rule": score.rule,
        "figures": {
            name: {"value": _plain(f.value), "lower": _plain(f.lower), "upper": _plain(f.upper), "note": f.note}
            for name, f in score.figures.items()
        },
        "counts": {name: int(n) for name, n in score.counts.items()},
        "operating_points": [
            {"name": p.name, "threshold": _plain(p.threshold), "x": _plain(p.x), "y": _plain(p.y)}
            for p in score.operating_points
        ],
        "subgroups": [{key: _plain(value) for key, value in row.items()} for row in score.subgroups],
        "warnings": list(score.warnings),
        "curves": [
            {"name": c.name, "x_label": c.x_label, "y_label": c.y_label, "step": c.step, "points": len(c.x)}
            for c in score.curves
        ],
        "draws": score.resamples.key if score.resamples else None,
        "facts": dict(score.facts),
    }


def to_tables(score: Score) -> dict[str, pd.DataFrame]:
    """The tables of a score by name: "curve" with every point, "subgroups", "bootstrap" with a column per figure."""
    tables = {}
    if score.curves:
        tables["curve"] = pd.concat([_curve_frame(curve) for curve in score.curves], ignore_index=True)
    if score.subgroups:
        tables["subgroups"] = pd.DataFrame(list(score.subgroups))
    if score.resamples:
        tables["bootstrap"] = pd.DataFrame(dict(score.resamples.figures))
    return tables


def from_document(document: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> Score:
    """The score that `to_document` and `to_tables` came from.

    Raises:
        LesionkitError: an entry is missing or is not what it should be.
    """
    try:
        return Score(
            protocol=document["protocol"],
            rule=document["rule"],
            figures={name: Figure(**{**f, "value": _number(f["value"])}) for name, f in document["figures"].items()},
            counts=dict(document["counts"]),
            curves=tuple(_curve(entry, tables["curve"]) for entry in document["curves"]),
            operating_points=tuple(
                OperatingPoint(p["name"], _number(p["threshold"], math.inf), _number(p["x"]), _number(p["y"]))
                for p in document["operating_points"]
            ),
            subgroups=tuple(document["subgroups"]),
            warnings=tuple(document["warnings"]),
            facts=document["facts"],
            resamples=_resamples(document["draws"], tables),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LesionkitError(f"the score is damaged or of another version ({error!r}); evaluate again") from error


def _curve_frame(curve: Curve) -> pd.DataFrame:
    empty = np.full(len(curve.x), np.nan)
    columns = {name: getattr(curve, name) for name in _CURVE_COLUMNS}
    return pd.DataFrame(
        {"curve": curve.name, **{name: empty if values is None else values for name, values in columns.items()}}
    )


def _curve(entry: Mapping[str, Any], table: pd.DataFrame) -> Curve:
    rows = table[table["curve"] == entry["name"]]
    if len(rows) != entry["points"]:
        raise ValueError(f"curve '{entry['name']}' has {len(rows)} points instead of {entry['points']}")
    values = {name: rows[name].to_numpy(dtype=np.float64) for name in _CURVE_COLUMNS}
    has_band = len(rows) > 0 and not np.isnan(values["lower"]).all()
    return Curve(
        name=entry["name"],
        x_label=entry["x_label"],
        y_label=entry["y_label"],
        x=values["x"],
        y=values["y"],
        threshold=values["threshold"],
        lower=values["lower"] if has_band else None,
        upper=values["upper"] if has_band else None,
        step=bool(entry["step"]),
    )


def _resamples(key: str | None, tables: Mapping[str, pd.DataFrame]) -> Resamples | None:
    if key is None:
        return None
    table = tables["bootstrap"]
    return Resamples(key, {str(name): table[name].to_numpy(dtype=np.float64) for name in table.columns})


def _plain(value: Any) -> Any:
    """A Python value that strict JSON can hold."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float | None, missing: float = math.nan) -> float:
    return missing if value is None else float(value)
