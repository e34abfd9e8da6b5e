import json
import shutil

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Lesion
from lesionkit.read.catalogue import build_catalogue
from lesionkit.read.truth.marked import joined
from lesionkit.read.truth.marked_files import is_object, read_marked

BALL = (slice(4, 8), slice(10, 14), slice(20, 26))
CENTRE = (-20 + 22.5 * 1.5, 10 + 11.5 * 1.5, 100 + 5.5 * 2)


@pytest.fixture
def ball():
    held = np.zeros((12, 32, 32), bool)
    held[BALL] = True
    return held


@pytest.fixture
def data(drawn, tmp_path):
    """A data set of one DICOM scan."""
    drawn.write_slices(tmp_path / "scan", drawn.make_slices())
    return tmp_path


def row_of(data) -> dict:
    (row,) = build_catalogue(data).to_dict("records")
    return row


def centres(row) -> list:
    return [lesion["centre_mm"] for lesion in json.loads(row["lesions"])]


def test_a_seg_beside_its_scan_is_its_truth(drawn, data, ball):
    assert not row_of(data)["looked_at"]
    drawn.write_seg(data / "seg.dcm", drawn.make_slices(), {"nodule": ball})
    row = row_of(data)
    assert (row["looked_at"], row["lesion_count"]) == (True, 1)
    assert centres(row)[0] == pytest.approx(CENTRE)


def test_what_a_program_drew_alone_is_no_truth_until_somebody_says_so(drawn, data, ball):
    drawn.write_seg(data / "seg.dcm", drawn.make_slices(), {"nodule": ball}, algorithm="AUTOMATIC")
    assert not row_of(data)["looked_at"]
    assert len(read_marked(data / "seg.dcm").of(drawn.SERIES, alone=False).lesions) == 1


def test_segs_of_several_readers_are_joined_where_they_overlap(drawn, data, ball):
    for name, shift in (("a", 0), ("b", 1)):
        drawn.write_seg(data / f"{name}.dcm", drawn.make_slices(), {"nodule": np.roll(ball, shift, axis=2)})
    far = np.roll(ball, -15, axis=2)
    drawn.write_seg(data / "c.dcm", drawn.make_slices(), {"nodule": far})
    lesions = json.loads(row_of(data)["lesions"])
    assert sorted(lesion["facts"].get("votes", 1) for lesion in lesions) == [1, 2]


def test_an_rtstruct_of_another_series_is_not_this_ones(drawn, data):
    square = np.array([[0, 20, 105], [10, 20, 105], [10, 30, 105], [0, 30, 105.0]])
    file = drawn.write_rtstruct(data / "rt.dcm", {"GTV": [square, square + np.array([0, 0, 2])]})
    assert row_of(data)["lesion_count"] == 1
    content = file.read_bytes()
    file.write_bytes(content.replace(drawn.SERIES.encode(), drawn.SERIES.encode()[:-1] + b"2"))
    assert not row_of(data)["looked_at"]


@pytest.mark.parametrize("name", ["NAME.mrk.json", "NAME-nodules.mrk.json", "F.mrk.json"])
def test_markups_belong_to_the_scan_they_are_named_after_or_the_only_one(drawn, data, name):
    point = {"label": "F-1", "position": [-CENTRE[0], -CENTRE[1], CENTRE[2]]}
    markup = {"type": "Fiducial", "coordinateSystem": "RAS", "controlPoints": [point]}
    (data / name.replace("NAME", drawn.SERIES)).write_text(json.dumps({"markups": [markup]}))
    assert centres(row_of(data))[0] == pytest.approx(CENTRE)


def test_marks_outside_of_their_scan_and_damaged_files_are_warnings(drawn, data):
    far = {"type": "Fiducial", "controlPoints": [{"label": "F", "position": [900, 0, 0]}]}
    (data / "F.mrk.json").write_text(json.dumps({"markups": [far]}))
    row = row_of(data)
    assert (row["looked_at"], "what was marked is left out" in row["warnings"][-1]) == (False, True)
    (data / "F.mrk.json").write_text("{")
    assert "must be markups as 3D Slicer saves them" in row_of(data)["warnings"][-1]


def test_a_table_says_more_than_what_is_marked(drawn, data, ball):
    drawn.write_seg(data / "seg.dcm", drawn.make_slices(), {"nodule": ball})
    table = f"seriesuid,coordX,coordY,coordZ,diameter_mm\n{drawn.SERIES},0,20,110,5\n"
    (data / "annotations.csv").write_text(table)
    assert centres(row_of(data)) == [[0, 20, 110]]


def test_what_is_no_truth_is_said(tmp_path, drawn):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(LesionkitError, match=r"must hold lesions as annotations\.csv, DICOM SEG or RTSTRUCT"):
        read_marked(tmp_path)
    assert not is_object(tmp_path / "notes.txt")
    shutil.rmtree(tmp_path)


def test_two_lesions_of_one_file_are_never_joined():
    one, two = Lesion((0.0, 0.0, 0.0), 10), Lesion((2.0, 0.0, 0.0), 10)
    assert len(joined([[one, two]])) == 2
    assert [lesion.diameter_mm for lesion in joined([[one], [Lesion((1.0, 0.0, 0.0), 0.0)]])] == [10]
