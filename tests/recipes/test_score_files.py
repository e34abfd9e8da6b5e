import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.agreement import fleiss_kappa, kappa, votes
from lesionkit.read.truth.readings import read_readings
from lesionkit.recipes.score_files import readers_scorer

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
