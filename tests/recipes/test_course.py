from lesionkit.recipes.course import course_of, curves_of
from lesionkit.recipes.validations import Validation, note_validation
from lesionkit.runs.run_folder import RunFolder

EACH = (Validation("", 1, 2, "CPM", 0.2), Validation("", 1, 4, "CPM", 0.4), Validation("", 2, 2, "CPM", 0.5, 0.3, 0.7))


def record(**stages):
    return {"stages": stages, "metrics": {"CPM gained by round 2": "+0.1000 (-0.1000 to +0.3000)"}}


def test_a_run_without_validations_has_no_course(tmp_path):
    assert course_of(RunFolder(tmp_path, record())) is None


def test_a_round_tells_its_best_validation_what_it_gained_and_what_was_mined_after_it(tmp_path):
    for one in EACH:
        note_validation(tmp_path, one)
    mine = {"facts": {"scans": 3, "false positive": 12, "missed": 0, "weak": 2, "easy": 1}}
    show = {"facts": {"page": "mined-1.html"}}
    course = course_of(RunFolder(tmp_path, record(**{"mine 1": mine, "show 1": show})))
    first, second = course.rows
    assert first == {
        "round": 1,
        "best CPM": "0.4",
        "after step": 4,
        "gained": "",
        "mined after it": "12 false positive, 2 weak, 1 easy",
    }
    assert second["best CPM"] == "0.5 (0.3 to 0.7)"
    assert second["gained"] == "+0.1000 (-0.1000 to +0.3000)"
    assert [(page.text, page.href) for page in course.mined] == [("mined-1", "mined-1.html")]
    assert str(course.plot).startswith("<svg")


def test_steps_of_a_later_round_follow_those_of_the_one_before():
    (curve,) = curves_of(EACH)
    assert curve.x.tolist() == [2, 4, 6]
    assert curve.y.tolist() == [0.2, 0.4, 0.5]
    assert curve.lower is None
