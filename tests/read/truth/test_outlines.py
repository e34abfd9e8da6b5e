import json

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline
from lesionkit.core.trace import Polygon
from lesionkit.read.truth.outlines import read_outline
from lesionkit.write.geojson import Feature, write_geojson

SQUARE = [[100, 200], [500, 200], [500, 600], [100, 600]]
HOLE = [[200, 300], [300, 300], [300, 400], [200, 400]]
ISLAND = [[240, 340], [260, 340], [260, 360], [240, 360]]


def asap(tmp_path, *annotations, order=str):
    """An ASAP file of (group, vertices) or (group, vertices, type)."""
    parts = []
    for group, vertices, *kind in annotations:
        corners = "".join(f'<Coordinate Order="{order(i)}" X="{x}" Y="{y}" />' for i, (x, y) in enumerate(vertices))
        kind = kind[0] if kind else "Polygon"
        parts.append(f'<Annotation Name="a" Type="{kind}" PartOfGroup="{group}">{corners}</Annotation>')
    path = tmp_path / "a.xml"
    path.write_text(f"<ASAP_Annotations>{''.join(parts)}</ASAP_Annotations>", encoding="utf-8")
    return path


def aperio(tmp_path, *layers):
    """An ImageScope file of (name of the layer, [(vertices, words of the region)])."""
    text = ""
    for name, regions in layers:
        text += f'<Annotation Name="{name}"><Regions>'
        for vertices, words in regions:
            told = "".join(f' {key}="{value}"' for key, value in words.items())
            text += f"<Region{told}><Vertices>"
            text += "".join(f'<Vertex X="{x}" Y="{y}" Z="0"/>' for x, y in vertices) + "</Vertices></Region>"
        text += "</Regions></Annotation>"
    path = tmp_path / "a.xml"
    path.write_text(f'<Annotations MicronsPerPixel="0.5">{text}</Annotations>', encoding="utf-8")
    return path


def geojson(tmp_path, *features, plain=False):
    """A GeoJSON file of (class or None, geometry)."""
    held = [
        {"type": "Feature", "geometry": geometry, "properties": {"classification": {"name": name}} if name else {}}
        for name, geometry in features
    ]
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(held if plain else {"type": "FeatureCollection", "features": held}), encoding="utf-8")
    return path


def polygon(*rings):
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]] for ring in rings]}


def area(outline: Outline, step=20):
    """Pixels of tumour, in samples of `step`."""
    return int(outline.sampled(step).mask.sum()) * step * step


def rings(outline):
    return [ring.tolist() for ring in outline.rings]


# --- ASAP -----------------------------------------------------------------------------------------------------------


def test_what_is_left_out_of_asap_is_said_and_the_rest_counts(tmp_path):
    stray, dot = [[1, 1], [9, 9]], [[5, 5]]
    outline = read_outline(
        asap(tmp_path, ("Tumor", SQUARE), ("Tumor", stray), ("None", HOLE), ("Tumor", dot, "Dot"), ("_2", HOLE))
    )
    assert rings(outline) == [SQUARE]
    assert [hole.tolist() for hole in outline.holes] == [HOLE]
    assert outline.notes == (
        "left out: 1 of 5 outlines, of fewer than three vertices that differ",
        "left out: 1 of 5 outlines, of the group 'None'",
        "left out: 1 of 5 outlines, of something that is no area (a point, a line, a measure)",
    )


def test_a_stray_line_alone_is_a_healthy_slide_and_said(tmp_path):
    outline = read_outline(asap(tmp_path, ("Tumor", SQUARE[:2])))
    assert not outline.has_tumour
    assert "left out: 1 of 1 outlines" in outline.notes[0]


def test_where_nothing_has_a_group_all_is_tumour(tmp_path):
    outline = read_outline(asap(tmp_path, ("None", SQUARE), ("", HOLE)))
    assert rings(outline) == [SQUARE, HOLE]
    assert outline.notes == ("none of its 2 outlines has a group; all were taken for tumour",)


def test_what_lies_left_of_the_slide_is_cut_off(tmp_path):
    outline = read_outline(asap(tmp_path, ("Tumor", [[-100, 200], [100, 200], [100, 400], [-100, 400]])))
    assert area(outline) == 100 * 200
    assert min(ring.min() for ring in outline.rings) == 0
    assert outline.notes == ("cut off at the slide's left or upper edge: 1 of 1 outlines",)
    away = [("Tumor", [[-9, -9], [-5, -9], [-5, -5]])]
    with pytest.raises(LesionkitError, match="but all 1 outlines are beyond the slide's left or upper edge"):
        read_outline(asap(tmp_path, *away))
    assert "left out: 1 of 2 outlines, beyond" in read_outline(asap(tmp_path, *away, ("Tumor", SQUARE))).notes[0]


@pytest.mark.parametrize(
    ("order", "first"), [(lambda i: f"{(i + 1) % 4},0", 3), (lambda i: str(-i), 3), (lambda i: "", 0)]
)
def test_vertices_are_sorted_by_their_order_or_taken_as_they_stand(tmp_path, order, first):
    outline = read_outline(asap(tmp_path, ("Tumor", SQUARE), order=order))
    assert outline.rings[0][0].tolist() == SQUARE[first]
    assert area(outline) == 400 * 400
    assert bool(outline.notes) is not bool(order(1))


def test_coordinates_may_have_a_comma(tmp_path):
    path = asap(tmp_path, ("Tumor", SQUARE))
    path.write_text(path.read_text().replace('X="100"', 'X="100,5"'))
    assert read_outline(path).rings[0][0].tolist() == [100.5, 200]


@pytest.mark.parametrize("text", ["<html/>", "<LidcReadMessage/>", "<Annotations_of_mine/>"])
def test_another_kind_of_xml_is_no_healthy_slide(tmp_path, text):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(LesionkitError, match="outlines in XML must be of ASAP or Aperio ImageScope, got <"):
        read_outline(tmp_path / "a.xml")


# --- Aperio ---------------------------------------------------------------------------------------------------------


def test_aperio_has_layers_negative_regions_boxes_and_ellipses(tmp_path):
    box, ellipse = [[1000, 1000], [1200, 1100]], [[2000, 2000], [2400, 2200]]
    outline = read_outline(
        aperio(
            tmp_path,
            ("Tumor", [(SQUARE, {"Type": "0"}), (HOLE, {"Type": "0", "NegativeROA": "1"}), (box, {"Type": "1"})]),
            ("Layer 2", [(ellipse, {"Type": "2", "Text": "metastasis"}), (box, {"Type": "4", "Text": "tumor"})]),
            ("Necrosis", [(SQUARE, {"Type": "0"})]),
        )
    )
    assert rings(outline)[:2] == [SQUARE, [[1000, 1000], [1200, 1000], [1200, 1100], [1000, 1100]]]
    assert [hole.tolist() for hole in outline.holes] == [HOLE]
    assert outline.rings[2].min(axis=0).round().tolist() == [2000, 2000]
    assert area(Outline((outline.rings[2],))) == pytest.approx(np.pi * 200 * 100, rel=0.03)
    assert len(outline.notes) == 2
    assert "of the group 'Necrosis'" in outline.notes[1]


def test_layers_that_nobody_named_are_tumour(tmp_path):
    outline = read_outline(aperio(tmp_path, ("", [(SQUARE, {"Type": "0"})]), ("Layer 1", [(HOLE, {"Type": "0"})])))
    assert rings(outline) == [SQUARE, HOLE]
    assert "none of its 2 outlines has a group" in outline.notes[0]


# --- GeoJSON --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plain", [False, True])
def test_geojson_of_qupath_has_classes_holes_and_islands(tmp_path, plain):
    many = {
        "type": "MultiPolygon",
        "coordinates": [polygon(SQUARE, HOLE)["coordinates"], polygon(ISLAND)["coordinates"]],
    }
    stroma = ("Stroma", polygon([[0, 0], [900, 0], [900, 900]]))
    point = ("Tumor", {"type": "Point", "coordinates": [1, 2]})
    outline = read_outline(geojson(tmp_path, ("Tumor: Positive", many), stroma, point, plain=plain))
    assert area(outline) == 400 * 400 - 100 * 100 + 20 * 20
    assert outline.from_shown
    assert "of the group 'Stroma'" in outline.notes[0]
    assert "no area" in outline.notes[1]


def test_geojson_without_classes_is_tumour_and_without_tumour_is_refused(tmp_path):
    assert area(read_outline(geojson(tmp_path, (None, polygon(SQUARE))))) == 400 * 400
    with pytest.raises(LesionkitError, match=r"must be tumour .* or holes .*, got 'Stroma'"):
        read_outline(geojson(tmp_path, ("Stroma", polygon(SQUARE))))
    assert not read_outline(geojson(tmp_path)).has_tumour


def test_a_class_that_is_a_hole_is_cut_out(tmp_path):
    outline = read_outline(geojson(tmp_path, ("Tumor", polygon(SQUARE)), ("Exclusion", polygon(HOLE))))
    assert area(outline) == 400 * 400 - 100 * 100
    assert [hole.tolist() for hole in outline.holes] == [HOLE]


def test_what_is_written_for_qupath_is_read_back(tmp_path):
    piece = Polygon(np.array(SQUARE, float), (np.array(HOLE, float),), 1)
    path = write_geojson(tmp_path / "a.geojson", [Feature(piece, {"score": 0.5}, "region 1")])
    outline = read_outline(path)
    assert area(outline) == 400 * 400 - 100 * 100
    assert outline.notes == ()


def test_vertices_that_are_no_pixels_are_left_out_of_their_outline_and_said(tmp_path):
    strays = [["", 3], ["nan", 5], [10**9, 200]]
    outline = read_outline(asap(tmp_path, ("Tumor", [*SQUARE[:2], *strays, *SQUARE[2:]])))
    assert rings(outline) == [SQUARE]
    assert outline.notes == ("left out: 3 vertices that are no pixel of a slide",)
