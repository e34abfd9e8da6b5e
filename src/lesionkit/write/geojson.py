"""Regions on a slide -> GeoJSON that QuPath opens by drag and drop."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.outline import Ring
from lesionkit.core.trace import Polygon

TUMOUR = ("Tumor", (200, 0, 0))
"""Name and colour of QuPath's own class for tumour."""


@dataclass(frozen=True)
class Feature:
    """A region with what is believed of it.

    Attributes:
        polygon: in pixels of the finest level of what QuPath shows, which begins where the scanner saw something: of a
            slide read with `crop_to_bounds` these are the pixels of its finest level.
        measurements: numbers QuPath lists: "score", "area_mm2" …
        name: shown with it, empty for none.
        classification: name and RGB of its class.
        kind: annotations can be edited in QuPath; detections can be many.
    """

    polygon: Polygon
    measurements: Mapping[str, float] = field(default_factory=dict)
    name: str = ""
    classification: tuple[str, tuple[int, int, int]] = TUMOUR
    kind: Literal["annotation", "detection"] = "annotation"


def write_geojson(path: Path, features: Iterable[Feature]) -> Path:
    """Write a FeatureCollection, one feature at a time; returns the path. None is a valid file too.

    Rings are closed; outer ones run counter-clockwise in the axes of GeoJSON (RFC 7946), which is clockwise as seen on
    an image.

    Raises:
        LesionkitError: a vertex or measurement that is not finite, an unwritable folder.
    """
    path = Path(path)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for number, feature in enumerate(features):
            file.write(",\n" if number else "\n")
            file.write(json.dumps(_as_object(feature, number), allow_nan=False))
        file.write("\n]}\n")
    return path


def _as_object(feature: Feature, number: int) -> dict[str, Any]:
    rings = (feature.polygon.ring, *feature.polygon.holes)
    numbers = {name: float(value) for name, value in feature.measurements.items()}
    wrong = next((name for name, value in numbers.items() if not np.isfinite(value)), None)
    if wrong is not None:
        raise LesionkitError(
            f"measurements must be finite, got {numbers[wrong]} as '{wrong}' of feature {number + 1}; leave it out"
        )
    if not all(np.isfinite(ring).all() for ring in rings):
        raise LesionkitError(f"vertices must be finite, but those of feature {number + 1} are not")
    label, rgb = feature.classification
    properties: dict[str, Any] = {
        "objectType": feature.kind,
        "classification": {"name": label, "color": list(rgb)},
        "measurements": numbers,
    }
    if feature.name:
        properties["name"] = feature.name
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [_closed(ring) for ring in rings]},
        "properties": properties,
    }


def _closed(ring: Ring) -> Sequence[Sequence[float]]:
    """Vertices with the first repeated at the end; whole numbers without a point."""
    vertices = np.round(np.concatenate([ring, ring[:1]]), 2).tolist()
    return [[int(value) if value == int(value) else value for value in vertex] for vertex in vertices]
