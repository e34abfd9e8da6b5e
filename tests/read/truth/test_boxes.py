import json

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.truth.boxes import is_box_marks, read_box_marks

IMAGE = {"box": [[1, 2, 3, 4, 5, 6]], "label": [0], "label_scores": [0.5], "image": "/data/1.2.3/1.2.3.nii.gz"}


@pytest.fixture
def read(tmp_path):
    def read(held, name="r.json"):
        (tmp_path / name).write_text(json.dumps(held))
        return read_box_marks(tmp_path / name)

    return read


def test_a_box_is_a_mark_at_its_centre_as_large_as_the_mean_of_its_sides(read):
    assert read([IMAGE]).to_dict("index") == {
        1: {"seriesuid": "1.2.3", "coordX": 1, "coordY": 2, "coordZ": 3, "probability": 0.5, "diameter_mm": 5}
    }


@pytest.mark.parametrize("name", ["1.2.3.mhd", "C:\\data\\1.2.3.mha", "1.2.3", "a/b/1.2.3.NRRD"])
def test_a_series_is_the_name_of_its_file(read, name):
    assert read({"validation": [{**IMAGE, "image": name}]})["seriesuid"].tolist() == ["1.2.3"]


def test_uids_that_nndetection_writes_with_underscores_have_dots(read):
    image = {**IMAGE, "image": "1_3_6_1_4_1_14519.nii.gz"}
    assert read([image])["seriesuid"].tolist() == ["1.3.6.1.4.1.14519"]


def test_an_image_without_boxes_has_no_marks(read):
    assert len(read([{**IMAGE, "box": [], "label_scores": []}])) == 0
    assert len(read({}, "case_boxes.json")) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image": None}, r"image 1 must name its file \('image'\)"),
        ({"label_scores": None}, "has boxes without scores"),
        ({"label_scores": [0.5, 0.5]}, "got 2 for 1"),
        ({"box": [[1, 2, 3]]}, r"must have 6 finite numbers, got \[1, 2, 3\]"),
        ({"box": [[1, 2, 3, 4, -5, 6]]}, "a centre and three lengths"),
        ({"label_scores": [float("nan")]}, "must have a finite number as score"),
        ({"label_scores": ["high"]}, "must have a finite number as score"),
    ],
)
def test_what_is_no_box_is_named(read, change, said):
    with pytest.raises(LesionkitError, match=said):
        read([{**IMAGE, **change}])


def test_files_that_are_missing_or_something_else_are_one_sentence(read, tmp_path):
    for held in ([], {}, 3, "x", [{"cases": 1}]):
        with pytest.raises(LesionkitError, match="must hold boxes as MONAI writes them"):
            read(held)
    with pytest.raises(LesionkitError, match="cannot be read"):
        read_box_marks(tmp_path / "none.json")
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(LesionkitError, match="must be JSON, but is damaged"):
        read_box_marks(tmp_path / "b.json")
    with pytest.raises(LesionkitError, match=r"place is told by c_boxes.nii.gz, which is not beside it"):
        read({"1": {"box": [0, 0, 2, 2, 0, 2], "score": 1}}, "c_boxes.json")


def test_only_json_and_folders_of_it_are_boxes(tmp_path):
    (tmp_path / "p").mkdir()
    assert not is_box_marks(tmp_path / "p")
    (tmp_path / "p/a_boxes.json").write_text("{}")
    assert is_box_marks(tmp_path / "p")
    assert is_box_marks(tmp_path / "r.json")
    assert not is_box_marks(tmp_path / "r.csv")
