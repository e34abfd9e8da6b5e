import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.truth.camelyon import read_slide_labels
from lesionkit.write.slide_truth import write_slide_labels, write_slide_patients


def test_labels_are_words_and_may_have_further_columns(tmp_path):
    path = write_slide_labels(
        tmp_path / "labels.csv", {"a": True, "b": False}, {"stage": {"a": "micro", "b": "negative"}}
    )
    assert path.read_text().splitlines() == ["slide,label,stage", "a,tumor,micro", "b,normal,negative"]
    assert read_slide_labels(path) == {"a": True, "b": False}


def test_a_column_without_the_value_of_a_slide_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match="column 'stage' must have a value for every slide, but 'b' has none"):
        write_slide_labels(tmp_path / "labels.csv", {"a": True, "b": False}, {"stage": {"a": "micro"}})


def test_patients_are_a_table(tmp_path):
    path = write_slide_patients(tmp_path / "patients.csv", {"a": "p1"})
    assert path.read_text().splitlines() == ["slide,patient_id", "a,p1"]
