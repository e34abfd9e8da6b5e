from pathlib import Path

import pytest

from lesionkit.read.chest_rows import ImageRow
from lesionkit.recipes.xray.copies import contents, patients_joined, unlabelled_apart


@pytest.fixture
def image(tmp_path):
    """image(name, content, patient): a row of a file with this content."""

    def make(name, content, patient="", folder="data"):
        file = tmp_path / folder / f"{name}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
        return ImageRow(name, patient or name, str(file))

    return make


def test_images_under_two_names_make_their_patients_one_with_all_that_they_have(image):
    rows = [image("a", "1", "p"), image("b", "2", "q"), image("c", "1", "q"), image("d", "3", "r")]
    joined, said = patients_joined(rows)
    assert [row.patient_id for row in joined] == ["p", "p", "p", "r"]
    assert said == [
        "1 images are in the data set twice, first 'a' as 'c'; they count as of one patient and stay together"
    ]


def test_patients_are_joined_over_several_copies(image):
    chain = [image("a", "1", "p"), image("b", "1", "q"), image("c", "2", "q"), image("d", "2", "r")]
    assert {row.patient_id for row in patients_joined(chain)[0]} == {"p"}


def test_where_nothing_is_twice_nothing_changes(image):
    rows = [image("a", "1", "p"), image("b", "22", "p"), image("c", "3", "q"), ImageRow("d", "s", "x", failure="gone")]
    assert patients_joined(rows) == (rows, [])


def test_an_unlabelled_copy_of_an_image_is_left_out_and_a_name_of_the_data_set_is_changed(image):
    rows = [image("a", "1"), image("b", "2")]
    further = [image(name, content, folder="free") for name, content in (("a", "9"), ("z", "2"), ("y", "8"))]
    apart, said = unlabelled_apart(rows, further)
    assert [(row.case_id, row.path) for row in apart] == [
        *(("unlabelled-a", further[0].path), ("y", further[2].path)),
    ]
    assert said[0].startswith("1 unlabelled radiographs are images of the data set, first 'z'; they are left out")


def test_a_file_whose_size_no_other_has_is_not_read(image):
    files = [Path(image(name, content).path) for name, content in (("a", "1"), ("b", "2"), ("c", "33"))]
    assert set(contents(files)) == set(files[:2])
