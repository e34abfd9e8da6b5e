"""Files of outlines -> tumour of one slide: ASAP's and Aperio's XML, QuPath's GeoJSON, and JSON of rings.

What somebody drew is seldom tidy. What is no area, belongs to another group or lies off the slide is left out or cut,
and the outline's `notes` say so; the rest counts.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
import numpy as np
from defusedxml.common import DefusedXmlException

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline, Ring, clip_ring, joined_ring
from lesionkit.core.untrusted import reads

SUFFIXES = (".xml", ".json", ".geojson")
TUMOUR_GROUPS = {"_0", "_1", "tumor", "tumour", "metastases", "metastasis", "carcinoma", "cancer"}
HOLE_GROUPS = {"_2", "exclusion", "normal"}
REJECTED_GROUPS = {"ignore*", "ignore", "false positive", "negative", "benign"}
"""Of findings that a reader looked at and rejected: they count for nothing, and a slide of them alone is healthy."""

_NO_GROUP = {"", "none"}
_ASAP_AREAS = ("polygon", "spline", "rectangle")
_LARGEST = 4e5  # the largest slides have 300,000 pixels a side; what is beyond costs memory where it is painted
_ELLIPSE, _APERIO_AREAS = "2", ("0", "1", "2")
_GEOMETRIES = {"Polygon", "MultiPolygon", "GeometryCollection", "Point", "MultiPoint", "LineString", "MultiLineString"}


@dataclass(frozen=True)
class _Drawn:
    """Something that was drawn.

    Attributes:
        group: as written, "" for none.
        rings: vertices (x, y) as written; further ones are holes of the first. None for what is no area.
        is_hole: cut out of others, whatever its group.
    """

    group: str
    rings: Sequence[Sequence[Any]] | None
    is_hole: bool = False


@reads("a file of outlines")
def read_outline(path: Path) -> Outline:
    """The tumour that a file of outlines draws, in pixels of the finest level.

    ASAP (groups `_0`, `_1`, `Tumor`, `metastases` … are tumour; `_2`, `Exclusion`, `normal` are holes), Aperio
    ImageScope (layers and regions named so; negative regions are holes), GeoJSON (QuPath: classes named so), and JSON
    with the rings `positive` and the holes `negative`. Where nothing in the file has a group, all of it is tumour.

    Returns:
        What counts; `notes` say what was left out and cut. GeoJSON counts from the corner of what is shown.

    Raises:
        LesionkitError: no such file, another format, or groups none of which is tumour or hole.
    """
    if path.suffix.lower() == ".xml":
        drawn, notes = _of_xml(path)
        return _outline(drawn, notes)
    held = _parsed(path)
    if _is_geojson(held):
        return _outline(list(_of_geojson(held)), [], from_shown=True)
    return _outline(_of_rings(held), [])


def _outline(drawn: Sequence[_Drawn], notes: list[str], from_shown: bool = False) -> Outline:
    known = TUMOUR_GROUPS | HOLE_GROUPS
    groups = {_word(one.group) for one in drawn if one.rings is not None}
    if groups and not groups & (known | REJECTED_GROUPS):
        if groups - _NO_GROUP:
            first = next(one.group for one in drawn if one.rings is not None and _word(one.group) not in _NO_GROUP)
            raise LesionkitError(
                f"groups of annotations must be tumour ({', '.join(sorted(TUMOUR_GROUPS))}) or holes "
                f"({', '.join(sorted(HOLE_GROUPS))}), got '{first}'"
            )
        notes.append(f"none of its {len(drawn)} outlines has a group; all were taken for tumour")
        known = known | _NO_GROUP
    rings: list[Ring] = []
    holes: list[Ring] = []
    left_out: Counter[str] = Counter()
    for one in drawn:
        if one.rings is None:
            left_out["of something that is no area (a point, a line, a measure)"] += 1
        elif _word(one.group) not in known:
            left_out[f"of the group '{one.group}'"] += 1
        else:
            is_hole = one.is_hole or _word(one.group) in HOLE_GROUPS
            _add(one.rings, holes if is_hole else rings, holes, left_out)
    cut, strays = left_out.pop(_CUT, 0), left_out.pop(_STRAYS, 0)
    if not rings and not holes and (left_out[_NO_NUMBERS] or left_out[_BEYOND]):
        # Whatever was meant, it is not a healthy slide.
        raise LesionkitError(
            "vertices of outlines must be pairs of numbers x and y in pixels of the finest level, but all "
            f"{sum(left_out.values())} outlines are {_NO_NUMBERS if left_out[_NO_NUMBERS] else _BEYOND}"
        )
    notes += [f"left out: {count} of {len(drawn)} outlines, {why}" for why, count in left_out.items() if count]
    if strays:
        notes.append(f"left out: {strays} vertices that are no pixel of a slide")
    if cut:
        notes.append(f"cut off at the slide's left or upper edge: {cut} of {len(drawn)} outlines")
    return Outline(tuple(rings), tuple(holes), tuple(notes), from_shown)


_CUT, _STRAYS, _NO_NUMBERS = "cut", "strays", "with vertices that are no numbers"
_BEYOND = "beyond the slide's left or upper edge"


def _add(drawn: Sequence[Sequence[Any]], rings: list[Ring], holes: list[Ring], left_out: Counter[str]) -> None:
    """Add an outline with its holes, cut to the slide."""
    found = []
    for number, vertices in enumerate(drawn):
        ring, strays = _numbers(vertices)
        left_out[_STRAYS] += strays if ring is not None else 0
        if ring is None:
            left_out[_NO_NUMBERS] += 1
        elif np.linalg.matrix_rank(ring - ring[:1]) < 2:
            left_out["of fewer than three vertices that differ"] += 1
        elif len(inside := clip_ring(ring, (0.0, 0.0))) < 3:
            left_out[_BEYOND] += 1
        else:
            left_out[_CUT] += int((ring < 0).any())
            found.append(inside)
            continue
        if number == 0:
            return
    if len(found) > 1 and rings is not holes:
        # Tumour may lie within a hole: so holes of a polygon are its own, and not those of the slide.
        found = [joined_ring(found[0], found[1:])]
    rings += found


def _numbers(vertices: Sequence[Any]) -> tuple[Ring | None, int]:
    """(n, 2) vertices that can be, closing ones dropped, and how many cannot; None where none of some can."""
    pairs, strays = [], 0
    for vertex in vertices:
        try:
            x, y = (_number(vertex[axis]) for axis in (0, 1))
        except (TypeError, ValueError, KeyError, IndexError):
            strays += 1
            continue
        if not (abs(x) <= _LARGEST and abs(y) <= _LARGEST):
            strays += 1
        else:
            pairs.append((x, y))
    if len(pairs) > 1 and pairs[0] == pairs[-1]:
        pairs.pop()
    if not pairs:
        return (None if strays else np.zeros((1, 2))), strays
    return np.array(pairs, dtype=np.float64).reshape(-1, 2), strays


def _number(text: Any) -> float:
    return float(str(text).strip().replace(",", ".")) if isinstance(text, str) else float(text)


def _word(text: str) -> str:
    return text.strip().lower()


def _of_xml(path: Path) -> tuple[list[_Drawn], list[str]]:
    try:
        root = defusedxml.ElementTree.fromstring(path.read_bytes())
    except (ParseError, DefusedXmlException, OSError, ValueError) as error:
        raise LesionkitError(f"ASAP annotations must be well-formed XML, got {error}") from error
    if root.tag == "Annotations" and next(root.iter("Region"), None) is not None:
        return [
            _aperio_region(layer, region) for layer in root.iter("Annotation") for region in layer.iter("Region")
        ], []
    if root.tag not in ("ASAP_Annotations", "Annotations"):
        raise LesionkitError(f"outlines in XML must be of ASAP or Aperio ImageScope, got <{root.tag}>")
    notes: list[str] = []
    return [_asap_annotation(annotation, notes) for annotation in root.iter("Annotation")], notes


def _asap_annotation(annotation: Element, notes: list[str]) -> _Drawn:
    group = annotation.get("PartOfGroup", "")
    if _word(annotation.get("Type", "Polygon")) not in _ASAP_AREAS:
        return _Drawn(group, None)
    corners = list(annotation.iter("Coordinate"))
    try:
        corners.sort(key=lambda corner: _number(corner.get("Order", "0")))
    except ValueError:
        corners = list(annotation.iter("Coordinate"))
        notes.append(f"vertices of '{annotation.get('Name', '')}' have no Order and were taken as they stand")
    return _Drawn(group, [[(corner.get("X"), corner.get("Y")) for corner in corners]])


def _aperio_region(layer: Element, region: Element) -> _Drawn:
    said = [region.get("Text", ""), layer.get("Name", "")]
    said += [one.get("Value", "") for one in layer.findall("Attributes/Attribute") if one.get("Name") == "Description"]
    # Names of layers are often left as they come ("Layer 1"); what is known is taken, else what is written first.
    known = [text for text in said if _word(text) in TUMOUR_GROUPS | HOLE_GROUPS]
    written = [text for text in said if text.strip() and not _word(text).startswith(("layer", "annotation"))]
    group = (known or written or [""])[0]
    kind = region.get("Type", "0")
    if kind not in _APERIO_AREAS:
        return _Drawn(group, None)
    vertices: list[Any] = [(vertex.get("X"), vertex.get("Y")) for vertex in region.iter("Vertex")]
    box, _ = _numbers(vertices)
    if box is not None and len(box) >= 2 and (kind == _ELLIPSE or len(box) == 2):
        vertices = _within_box(box, is_ellipse=kind == _ELLIPSE)
    return _Drawn(group, [vertices], is_hole=region.get("NegativeROA", "0") == "1")


def _within_box(box: Ring, is_ellipse: bool) -> list[Any]:
    """The ellipse or the rectangle that fills a box; Aperio keeps two of its corners."""
    low, high = box.min(axis=0), box.max(axis=0)
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    unit = (
        np.column_stack([np.cos(turn), np.sin(turn)]) if is_ellipse else np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    )
    return list(((low + high) / 2 + unit * (high - low) / 2).tolist())


def _parsed(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise LesionkitError(
            f"outlines must be JSON with lists 'positive' and 'negative' of rings with 'vertices', or GeoJSON, got "
            f"{error!r}"
        ) from error


def _of_rings(held: Any) -> list[_Drawn]:
    if not isinstance(held, dict) or "positive" not in held:
        got = ", ".join(map(str, held)) if isinstance(held, dict) else type(held).__name__
        raise LesionkitError(f"outlines need the key 'positive', got {got or 'nothing'}")
    try:
        return [
            _Drawn(group, [ring["vertices"]])
            for kind, group in (("positive", "tumor"), ("negative", "exclusion"))
            for ring in held.get(kind, ())
        ]
    except (TypeError, KeyError, AttributeError) as error:
        raise LesionkitError(
            f"outlines must be JSON with lists 'positive' and 'negative' of rings with 'vertices', got {error!r}"
        ) from error


def _is_geojson(held: Any) -> bool:
    first = held[0] if isinstance(held, list) and held else held
    return isinstance(first, dict) and first.get("type") in {"FeatureCollection", "Feature", *_GEOMETRIES}


def _of_geojson(held: Any) -> Iterator[_Drawn]:
    features = held if isinstance(held, list) else held.get("features", [held])
    for feature in features:
        if not isinstance(feature, dict):
            raise LesionkitError(f"GeoJSON must hold features, got {type(feature).__name__}")
        properties = feature.get("properties") or {}
        named = properties.get("classification") or properties.get("class") or ""
        name = str(named.get("name") or "") if isinstance(named, dict) else str(named)
        # QuPath derives classes from others: "Tumor: Positive".
        yield from _of_geometry(feature.get("geometry", feature), name.partition(":")[0])


def _of_geometry(geometry: Any, group: str) -> Iterable[_Drawn]:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind == "GeometryCollection":
        return [one for part in geometry.get("geometries", ()) for one in _of_geometry(part, group)]
    if kind == "Polygon":
        return [_Drawn(group, geometry.get("coordinates") or [[]])]
    if kind == "MultiPolygon":
        return [_Drawn(group, rings) for rings in geometry.get("coordinates") or ()]
    return [_Drawn(group, None)]
