"""3D Slicer's markups (.mrk.json, .fcsv) -> lesions."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Lesion
from lesionkit.core.untrusted import reads
from lesionkit.read.truth.marked import Marked

SUFFIXES = (".mrk.json", ".fcsv")

_TO_LPS = {"LPS": (1, 1, 1), "RAS": (-1, -1, 1), "1": (1, 1, 1), "0": (-1, -1, 1)}


@reads("markups of 3D Slicer")
def read_markups(path: Path) -> Marked:
    """The lesions of a file of markups, in LPS mm whatever its coordinate system is.

    A point is a lesion of unknown diameter, a line is its diameter, a ROI its box; other markups are passed over.

    Raises:
        LesionkitError: no such file, or one whose points or coordinate system cannot be told.
    """
    try:
        if path.name.lower().endswith(".fcsv"):
            return Marked(path, (), tuple(_of_table(path.read_text(encoding="utf-8"))))
        held = json.loads(path.read_text(encoding="utf-8"))
        found = [lesion for one in held["markups"] for lesion in _of_markup(one)]
        other = sorted({str(one.get("type")) for one in held["markups"]} - {"Fiducial", "Line", "ROI"})
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise LesionkitError(
            f"{path} must be markups as 3D Slicer saves them, got {type(error).__name__}: {error}; save them again"
        ) from error
    notes = (f"{path.name}: markups of type {', '.join(other)} were passed over",) if other else ()
    return Marked(path, (), tuple(found), notes)


def _of_markup(one: Mapping[str, Any]) -> Iterator[Lesion]:
    turn = _turn(str(one.get("coordinateSystem", "LPS")))
    points = [p for p in one.get("controlPoints", ()) if p.get("positionStatus", "defined") == "defined"]
    places = [np.array(p["position"], dtype=float) * turn for p in points]
    if one["type"] == "Fiducial":
        for point, place in zip(points, places, strict=True):
            yield _lesion(place, 0.0, str(point.get("label", "")))
    elif one["type"] == "Line" and len(places) == 2:
        yield _lesion((places[0] + places[1]) / 2, float(np.linalg.norm(places[0] - places[1])), _name(points))
    elif one["type"] == "ROI":
        centre = np.array(one.get("center") or points[0]["position"], dtype=float) * turn
        yield _lesion(centre, float(np.mean(np.abs(one["size"]))), _name(points))


def _name(points: Sequence[Mapping[str, Any]]) -> str:
    return str(points[0].get("label", "")) if points else ""


def _lesion(place: np.ndarray[tuple[int, ...], np.dtype[np.float64]], diameter: float, name: str) -> Lesion:
    if place.shape != (3,) or not np.isfinite(place).all():
        raise ValueError(f"a position of {place.tolist()}")
    return Lesion(tuple(place.tolist()), diameter, lesion_id=name)


def _turn(system: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    if system.upper() not in _TO_LPS:
        raise ValueError(f"the coordinate system '{system}', which is neither LPS nor RAS")
    return np.array(_TO_LPS[system.upper()], dtype=float)


def _of_table(text: str) -> Iterator[Lesion]:
    """Markups before Slicer 5: comments with the system and the columns, then rows."""
    system, columns = "RAS", ["id", "x", "y", "z", "ow", "ox", "oy", "oz", "vis", "sel", "lock", "label"]
    for line in text.splitlines():
        name, _, value = line.removeprefix("#").partition("=")
        if line.startswith("#") and name.strip() == "CoordinateSystem":
            system = value.strip()
        elif line.startswith("#") and name.strip() == "columns":
            columns = [word.strip() for word in value.split(",")]
        elif line.strip() and not line.startswith("#"):
            row = dict(zip(columns, next(csv.reader([line])), strict=False))
            place = np.array([float(row[axis]) for axis in "xyz"]) * _turn(system)
            yield _lesion(place, 0.0, row.get("label", ""))
