import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.agreement import fleiss_kappa, kappa, votes
from lesionkit.read.truth.readings import read_readings
from lesionkit.recipes.score_files import Luna16Files, luna16_scorer, readers_scorer, siim_scorer

GRADES = "case,A,B\na,9,10\nb,10,10\nc,2,9\nd,2,2\n"


@pytest.fixture
def grades(tmp_path):
    path = tmp_path / "grades.csv"
    path.write_text(GRADES)
    return path


def test_numbers_are_ordered_by_size_and_what_was_read_is_noted(grades):
    score = readers_scorer((), True, {"samples": 20})(grades)
    levels = ["2", "9", "10"]
    assert score.facts["levels"] == levels
    readings = read_readings(grades)
    assert score.figures["fleiss kappa"].value == fleiss_kappa(votes(readings, levels))
    (pair,) = score.subgroups
    assert pair["kappa"] == kappa(readings["A"].tolist(), readings["B"].tolist(), levels, quadratic=True)
    assert score.facts["inputs"]["readings"]["sha256"]


def test_a_given_order_counts(grades):
    other = readers_scorer(["9", "2", "10"], True, {"samples": 20})(grades)
    assert other.subgroups[0]["kappa"] != readers_scorer((), True, {"samples": 20})(grades).subgroups[0]["kappa"]


def test_words_have_no_order_of_their_own(tmp_path):
    path = tmp_path / "words.csv"
    path.write_text("case,A,B\na,mild,severe\nb,mild,mild\n")
    assert readers_scorer((), False, {"samples": 20})(path).facts["levels"] == ["mild", "severe"]
    with pytest.raises(LesionkitError, match="no order of their own, got mild, severe; give --levels in order"):
        readers_scorer((), True, {})(path)


@pytest.mark.parametrize("shape", [(0, 10), (10, -1)])
def test_an_image_has_rows_and_columns(tmp_path, shape):
    with pytest.raises(LesionkitError, match="--shape must be the rows and columns of every image, got"):
        siim_scorer(tmp_path / "none.csv", shape, {})


def test_scans_are_drawn_by_the_patients_that_the_table_of_cases_names(tmp_path):
    place = "seriesuid,coordX,coordY,coordZ"
    for name, text in {
        "t.csv": f"{place},diameter_mm\na,0,0,0,10\nb,0,0,0,10\n",
        "s.csv": "a\nb\n",
        "m.csv": f"{place},probability\na,1,0,0,0.9\n",
        "one.csv": "seriesuid,patient_id\na,7\nb,7\n",
        "two.csv": "seriesuid,patient_id\na,7\nb,007\n",
        "nobody.csv": "seriesuid,centre\na,x\nb,x\n",
    }.items():
        (tmp_path / name).write_text(text)
    for cases, known in (("one.csv", False), ("two.csv", True), ("nobody.csv", True)):
        files = Luna16Files(tmp_path / "t.csv", tmp_path / "s.csv", cases=tmp_path / cases)
        figure = luna16_scorer(files, {"bootstrap": 20})(tmp_path / "m.csv").figures["cpm"]
        assert (figure.lower is not None) is known
