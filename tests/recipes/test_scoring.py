import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.slides import SlidesSettings, score_slides
from lesionkit.recipes.scoring import Named, compared, load_score, marks_file, with_inputs, write_scores


def score(found=0.9, bootstrap=10):
    truth = {name: name in "ab" for name in "abcd"}
    return score_slides(truth, {"a": found, "b": 0.8, "c": 0.3, "d": 0.1}, SlidesSettings(bootstrap=bootstrap))


def test_a_score_is_the_same_after_it_was_written(tmp_path):
    page, document = write_scores(tmp_path / "s", [Named("one", score())])
    assert page.is_file()
    assert document.is_file()
    read = load_score(tmp_path / "s")
    assert {n: f.value for n, f in read.figures.items()} == {n: f.value for n, f in score().figures.items()}


def test_the_same_evaluation_may_be_written_again_and_another_may_not(tmp_path):
    write_scores(tmp_path / "s", [Named("one", score())])
    write_scores(tmp_path / "s", [Named("one", score())])
    with pytest.raises(LesionkitError, match="holds another evaluation"):
        write_scores(tmp_path / "s", [Named("one", score(bootstrap=20))])
    (tmp_path / "other").mkdir()
    (tmp_path / "other/letter.txt").write_text("")
    with pytest.raises(LesionkitError, match="is not empty and holds no score; name a new or an empty folder"):
        write_scores(tmp_path / "other", [Named("one", score())])


def test_of_a_comparison_each_system_gets_a_folder(tmp_path):
    both = [Named("one", score()), Named("two", score(found=0.2))]
    write_scores(tmp_path / "s", both, compared(*both))
    assert all((tmp_path / "s" / name / "score.json").is_file() for name in ("one", "two"))


def test_a_score_knows_its_inputs_by_their_content(tmp_path):
    (tmp_path / "truth.csv").write_text("a\n")
    facts = with_inputs(score(), {"truth": tmp_path / "truth.csv", "series": None}).facts
    assert list(facts["inputs"]) == ["truth"]
    assert len(facts["inputs"]["truth"]["sha256"]) == 64


def test_the_marks_of_a_run_are_its_candidates(tmp_path):
    assert marks_file(tmp_path / "marks.csv") == tmp_path / "marks.csv"
    with pytest.raises(LesionkitError, match=r"holds no candidates\.csv; pass a table"):
        marks_file(tmp_path)
    (tmp_path / "candidates.csv").write_text("")
    assert marks_file(tmp_path) == tmp_path / "candidates.csv"
