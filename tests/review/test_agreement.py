from lesionkit.review.agreement import compared
from lesionkit.review.decision import Reading, Verdict
from lesionkit.review.finding import Finding

FINDINGS = (Finding("f", (0.0, 0, 0), 6.0, (), 0.9), Finding("g", (50.0, 0, 0), 6.0, (), 0.8))


def reading(reader, case, done=True, **answers):
    return Reading(reader, case, done, verdicts={name: Verdict(name, answer) for name, answer in answers.items()})


def test_only_images_that_all_finished_count_and_places_that_one_decided_on():
    by_case = {
        "a": ([reading("ann", "a", f="accept"), reading("ben", "a")], FINDINGS),
        "b": ([reading("ann", "b", f="accept")], FINDINGS),
    }
    readers, places = compared(by_case, line=0.5, reach_mm=5)
    assert readers == ["ann", "ben"]
    assert [(one.case_id, dict(one.judged.answers)) for one in places] == [("a", {"ann": "accept", "ben": "reject"})]


def test_nobody_agrees_where_nobody_is_done():
    assert compared({"a": ([reading("ann", "a", done=False, f="accept")], FINDINGS)}, None, 5) == ([], [])
