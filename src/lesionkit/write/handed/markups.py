"""Balls in a volume -> markups of 3D Slicer: a list of points, and a box around each finding.

The schema is `markups-schema-v1.0.3`; positions say that they are LPS, which Slicer turns into its own RAS.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lesionkit.core.files import write_text
from lesionkit.core.handed import Balls
from lesionkit.core.lesion import Candidate
from lesionkit.write.handed.balls import UNKNOWN_MM
from lesionkit.write.handed.names import name_of

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
_UPRIGHT = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
_COLOUR = [0.78, 0.0, 0.0]


def write_markups_of_balls(handed: Balls, out: Path) -> list[Path]:
    """Write `CASE.mrk.json`, a point per finding, and `CASE-N.mrk.json`, a box around finding N; points may be none."""
    name = name_of(handed)
    points = [_point(handed, number, ball) for number, ball in enumerate(handed.balls, start=1)]
    listed = {
        "type": "Fiducial",
        "name": f"{handed.lesion}s",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        "labelFormat": "%N-%d",
        "controlPoints": points,
        "display": {"visibility": True, "color": _COLOUR, "selectedColor": _COLOUR},
    }
    files = [_write(out / f"{name}.mrk.json", listed)]
    for number, ball in enumerate(handed.balls, start=1):
        files.append(_write(out / f"{name}-{number}.mrk.json", _box(handed, number, ball)))
    return files


def _point(handed: Balls, number: int, ball: Candidate) -> dict[str, Any]:
    size = "" if ball.diameter_mm is None else f", diameter {ball.diameter_mm:.1f} mm"
    return {
        "id": str(number),
        "label": f"{handed.lesion} {number}",
        "description": f"score {ball.score:.4g}{size}",
        "associatedNodeID": "",
        "position": np.round(ball.centre_mm, 4).tolist(),
        "orientation": _UPRIGHT,
        "selected": True,
        "locked": False,
        "visibility": True,
        "positionStatus": "defined",
    }


def _box(handed: Balls, number: int, ball: Candidate) -> dict[str, Any]:
    point = _point(handed, number, ball)
    return {
        "type": "ROI",
        "name": point["label"],
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        "roiType": "Box",
        "center": point["position"],
        "orientation": _UPRIGHT,
        "size": [round(ball.diameter_mm or UNKNOWN_MM, 3)] * 3,
        "insideOut": False,
        "controlPoints": [point],
        "display": {"visibility": True, "color": _COLOUR, "selectedColor": _COLOUR, "fillOpacity": 0.1},
    }


def _write(path: Path, markup: Mapping[str, Any]) -> Path:
    return write_text(path, json.dumps({"@schema": SCHEMA, "markups": [markup]}, indent=1) + "\n")
