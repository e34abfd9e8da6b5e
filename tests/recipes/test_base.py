from pathlib import Path

from lesionkit.recipes.base import FindRequest, Item, Learned, Summary


def test_what_nobody_says_is_not_known():
    item = Item("a", Path("a.mha"))
    assert (item.patient_id, item.known) == ("", None)
    assert FindRequest(Path("scan")) == FindRequest(Path("scan"), None, None)


def test_a_summary_of_nothing_has_no_failures_and_no_cases():
    empty = Summary()
    assert (dict(empty.facts), empty.paths, dict(empty.failed), empty.warnings, empty.cases) == ({}, (), {}, (), 0)


def test_a_training_that_measured_nothing_has_no_value():
    assert Learned(Summary(), lambda: ("", [])).value is None
