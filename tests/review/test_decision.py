import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.review.decision import Decision, Row, readings, standing

PLACE = {"centre_mm": (1.0, 2.0, 3.0), "diameter_mm": 6.0}


def rows_of(*decisions, reader="ann"):
    return [Row(n, f"2026-01-01T00:00:{n:02d}Z", reader, one) for n, one in enumerate(decisions, start=1)]


def on(action, finding="f", **more):
    return Decision(case_id="a", action=action, finding_id=finding, **more)


def test_the_last_answer_counts():
    (reading,) = readings(rows_of(on("accept"), on("reject"))).values()
    assert reading.verdicts["f"].answer == "reject"


def test_who_draws_a_finding_anew_holds_it_to_be_one_and_keeps_his_note():
    (reading,) = readings(rows_of(on("reject"), on("note", note="odd"), on("resize", **PLACE))).values()
    verdict = reading.verdicts["f"]
    assert (verdict.answer, verdict.note, verdict.diameter_mm, verdict.resized) == ("accept", "odd", 6.0, True)


def test_an_undone_row_counts_for_nothing_and_neither_does_the_undoing():
    rows = rows_of(on("accept"), on("reject"), Decision(case_id="a", action="undo", undoes=2))
    assert [row.number for row in standing(rows)] == [1]
    assert readings(rows)["ann", "a"].verdicts["f"].answer == "accept"


def test_a_note_without_a_finding_is_on_the_image_and_done_is_taken_back_by_reopen():
    done = Decision(case_id="a", action="done")
    note = Decision(case_id="a", action="note", note="blurred")
    assert readings(rows_of(done, note))["ann", "a"].done
    reading = readings(rows_of(done, note, Decision(case_id="a", action="reopen")))["ann", "a"]
    assert (reading.done, reading.note) == (False, "blurred")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"action": "like"}, "a decision must be one of accept, reject, add"),
        ({"action": "accept"}, "'accept' must name a finding, got none"),
        ({"action": "add", "finding_id": "f"}, "'add' must say where the finding lies, got no place"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(values, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        Decision(case_id="a", **values)


@given(st.lists(st.sampled_from(["accept", "reject", "undo"]), max_size=12))
def test_to_undo_is_to_have_done_one_thing_less(actions):
    rows, kept = [], []
    for action in actions:
        number = len(rows) + 1
        if action == "undo":
            if not kept:
                continue
            rows.append(Row(number, "t", "ann", Decision(case_id="a", action="undo", undoes=kept.pop().number)))
        else:
            rows.append(Row(number, "t", "ann", on(action)))
            kept.append(rows[-1])
    assert standing(rows) == kept
