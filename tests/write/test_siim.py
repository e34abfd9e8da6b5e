import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lesionkit.core.errors import LesionkitError
from lesionkit.core.mask import runs_by_image
from lesionkit.core.runs import runs_of
from lesionkit.read.truth.siim import read_siim_table
from lesionkit.write.siim import write_image_patients, write_mask, write_siim_table

MASK = np.array([[0, 1], [1, 1]], dtype=bool)


@given(masks=st.lists(arrays(bool, (4, 5)), min_size=1, max_size=3))
def test_masks_survive_the_table_and_those_of_one_image_are_united(tmp_path_factory, masks):
    path = write_siim_table(tmp_path_factory.mktemp("t") / "train-rle.csv", {"a": masks})
    table = read_siim_table(path)
    read = runs_by_image(table["image_id"].tolist(), table["encoded"].tolist(), (4, 5), table["row"].tolist())
    assert list(read) == ["a"]
    np.testing.assert_array_equal(read["a"].mask(), np.any(masks, axis=0))


def test_an_image_without_lesion_has_one_row_of_minus_one(tmp_path):
    masks = {"sick": [MASK, "1 1"], "healthy": [], "empty": [~MASK & MASK], "both": [~MASK & MASK, runs_of(MASK)]}
    path = write_siim_table(tmp_path / "t.csv", masks)
    assert path.read_text().splitlines() == [
        "ImageId,EncodedPixels",
        "sick,1 3",
        "sick,1 1",
        "healthy,-1",
        "empty,-1",
        "both,1 3",
    ]


def test_scores_are_a_third_column(tmp_path):
    path = write_siim_table(tmp_path / "t.csv", {"a": [MASK]}, {"a": 0.25})
    assert path.read_text() == "ImageId,EncodedPixels,score\na,1 3,0.25\n"
    with pytest.raises(LesionkitError, match="every image needs a score, but 'b' has none"):
        write_siim_table(tmp_path / "t.csv", {"b": []}, {"a": 0.25})


def test_patients_are_a_table(tmp_path):
    assert write_image_patients(tmp_path / "p.csv", {"a": "p1"}).read_text() == "image_id,patient_id\na,p1\n"


def test_only_a_mask_of_rows_and_columns_is_written(tmp_path):
    with pytest.raises(LesionkitError, match="a mask file holds rows and columns, got an array of shape"):
        write_mask(tmp_path / "m.png", np.zeros((2, 2, 2), bool))
