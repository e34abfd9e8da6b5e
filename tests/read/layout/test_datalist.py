import json

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.layout.datalist import read_datalist


@pytest.fixture
def write(tmp_path):
    """A list beside files of its images; returns the folder."""

    def make(name="dataset.json", files=(), **parts):
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).touch()
        (tmp_path / name).write_text(json.dumps(parts))
        return tmp_path

    return make


def test_boxes_are_centre_and_size_in_the_world(write):
    box = [[10.0, -20.0, 30.0, 6.0, 8.0, 10.0]]
    data = write(
        files=["images/a.nii.gz", "b.nii.gz"],
        training=[{"image": "a.nii.gz", "box": box, "label": [0]}],
        validation=[{"image": "b.nii.gz", "box": [], "label": []}],
    )
    a, b = read_datalist(data).entries
    assert [(one.centre_mm, one.diameter_mm) for one in a.lesions] == [((10.0, -20.0, 30.0), 8.0)]
    assert (a.case_id, b.lesions, b.looked_at) == ("a", (), True)


def test_labels_may_be_maps_with_names_and_folds(write):
    data = write(
        files=["imagesTr/a.nii.gz", "labelsTr/a.nii.gz", "imagesTs/c.nii.gz"],
        labels={"0": "background", "1": "lung", "2": "tumour"},
        training=[{"image": ["./imagesTr/a.nii.gz"], "label": "./labelsTr/a.nii.gz", "fold": 3}],
        testing=["./imagesTs/c.nii.gz"],
    )
    a, c = read_datalist(data).entries
    assert (a.labels.name, a.values, a.fold) == ("a.nii.gz", {2}, "3")
    assert (c.case_id, c.looked_at) == ("c", False)


def test_a_list_that_was_made_elsewhere_finds_its_files_by_name(write):
    data = write(files=["images/a.nii.gz"], training=[{"image": "/home/other/a.nii.gz", "label": 1}])
    (a,) = read_datalist(data).entries
    assert (a.path, a.looked_at) == (data / "images" / "a.nii.gz", False)


def test_a_table_of_splits_and_other_json_are_no_lists(write, tmp_path):
    write("splits.json", train=["a", "b"], test=["c"])
    (tmp_path / "other.json").write_text("[1]")
    (tmp_path / "broken.json").write_text("{")
    assert read_datalist(tmp_path) is None


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        ({"image": "b.nii.gz"}, r"entry 1 of 'training': there is no file b\.nii\.gz beside the list"),
        ({"image": "a.nii.gz", "box": [[1, 2, 3]]}, "it must have an image and a label, ValueError"),
        ({"image": "a.nii.gz", "box": [[1, 2, 3, -4, 5, 6]]}, "a box must be a centre and a size in mm"),
        ({"image": "a.nii.gz", "label": "none.nii.gz"}, r"there is no file none\.nii\.gz beside the list"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_place(write, item, sentence):
    data = write(files=["a.nii.gz"], training=[item])
    with pytest.raises(LesionkitError, match=rf"dataset\.json: .*{sentence}"):
        read_datalist(data)
