import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.read.truth.outlined import read_outlined

TABLE = "nodule,patient_id,pixel_mm,split\na,007,0.5,train\nb,8,0.7,val\n"


def folder(path, table=TABLE, **arrays):
    write_text(path / "slices.csv", table)
    given = {"image_u8": np.full((2, 4, 4), 100, np.uint8), "readers_u8": np.zeros((2, 4, 4), np.uint8), **arrays}
    np.savez(path / "slices.npz", **given)
    return path


def test_eight_bits_are_hounsfield_units_and_rows_keep_what_the_table_says(tmp_path):
    read = read_outlined(folder(tmp_path))
    assert (read.hu == -450).all()
    assert read.pixel_mm.tolist() == [0.5, 0.7]
    assert read.rows[0] == {"lesion": "a", "patient_id": "007", "pixel_mm": 0.5, "split": "train"}


def test_hounsfield_units_are_taken_as_they_are(tmp_path):
    read = read_outlined(folder(tmp_path, image_hu=np.full((2, 4, 4), -77, np.int16)))
    assert (read.hu == -77).all()


@pytest.mark.parametrize(
    ("table", "arrays", "said"),
    [
        ("nodule,patient_id,split\na,1,train\nb,2,val\n", {}, "got none called pixel_mm"),
        ("nodule,patient_id,pixel_mm\na,1,0.5\n", {}, r"got images of \(2, 4, 4\), outlines of \(2, 4, 4\) and 1 rows"),
        ("nodule,patient_id,pixel_mm\na,1,0\nb,2,1\n", {}, "pixel_mm must be above 0 in every row, got 0"),
        (TABLE, {"readers_u8": np.zeros((2, 4, 3), np.uint8)}, r"outlines of \(2, 4, 3\)"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path, table, arrays, said):
    with pytest.raises(LesionkitError, match=said):
        read_outlined(folder(tmp_path, table, **arrays))


def test_a_folder_without_the_arrays_is_refused(tmp_path):
    write_text(tmp_path / "slices.csv", TABLE)
    with pytest.raises(LesionkitError, match=r"must hold slices\.npz and slices\.csv, but .*slices\.npz is missing"):
        read_outlined(tmp_path)
