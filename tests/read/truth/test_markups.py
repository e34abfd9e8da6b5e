import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.read.truth.markups import read_markups


def write(path, *markups):
    path.write_text(json.dumps({"@schema": "https://…/markups-schema-v1.0.3.json#", "markups": list(markups)}))
    return path


def fiducial(*positions, system="LPS", **more):
    points = [{"id": str(n), "label": f"F-{n}", "position": list(p), **more} for n, p in enumerate(positions, 1)]
    return {"type": "Fiducial", "coordinateSystem": system, "controlPoints": points}


number = st.floats(-500, 500).map(lambda value: round(value, 3))


@given(place=st.tuples(number, number, number))
def test_a_point_is_at_the_same_place_in_either_system(tmp_path_factory, place):
    x, y, z = place
    folder = tmp_path_factory.mktemp("markups")
    ours = read_markups(write(folder / "a.mrk.json", fiducial(place)))
    turned = read_markups(write(folder / "b.mrk.json", fiducial((-x, -y, z), system="RAS")))
    assert ours.lesions == turned.lesions
    assert (ours.lesions[0].centre_mm, ours.lesions[0].diameter_mm) == (place, 0.0)


def test_a_line_is_a_diameter_and_a_roi_a_box(tmp_path):
    line = {**fiducial((0, 0, 0), (0, 8, 0)), "type": "Line"}
    roi = {**fiducial((1, 2, 3), system="RAS"), "type": "ROI", "center": [1, 2, 3], "size": [4, 5, 6]}
    found = read_markups(write(tmp_path / "a.mrk.json", line, roi, {"type": "Plane", "controlPoints": []}))
    assert [(one.centre_mm, one.diameter_mm) for one in found.lesions] == [((0, 4, 0), 8), ((-1, -2, 3), 5)]
    assert found.notes == ("a.mrk.json: markups of type Plane were passed over",)


def test_points_that_were_not_placed_yet_are_none_and_no_point_is_a_healthy_scan(tmp_path):
    assert read_markups(write(tmp_path / "a.mrk.json", fiducial((0, 0, 0), positionStatus="undefined"))).lesions == ()


@pytest.mark.parametrize(("system", "x"), [("LPS", 5.0), ("RAS", -5.0), ("0", -5.0)])
def test_tables_of_older_versions_are_read(tmp_path, system, x):
    lines = ["# Markups fiducial file version = 4.11", f"# CoordinateSystem = {system}", "# columns = id,x,y,z,label"]
    (tmp_path / "a.fcsv").write_text("\n".join([*lines, "1,5,0,2,F"]))
    (lesion,) = read_markups(tmp_path / "a.fcsv").lesions
    assert (lesion.centre_mm, lesion.lesion_id) == ((x, 0.0, 2.0), "F")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no json", "JSONDecodeError"),
        ("{}", "KeyError: 'markups'"),
        (json.dumps({"markups": [fiducial((0, 0))]}), "ValueError|position"),
        (json.dumps({"markups": [fiducial((0, 0, 0), system="IJK")]}), "the coordinate system 'IJK', which is neither"),
    ],
)
def test_what_slicer_did_not_save_is_one_sentence(tmp_path, text, why):
    (tmp_path / "a.mrk.json").write_text(text)
    with pytest.raises(LesionkitError, match=f"must be markups as 3D Slicer saves them, got .*({why})"):
        read_markups(tmp_path / "a.mrk.json")
