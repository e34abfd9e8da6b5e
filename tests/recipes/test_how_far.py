import pytest

from lesionkit.recipes.how_far import cases_of
from lesionkit.runs.units import Plan, Unit

PLAN = Plan("scan", total=10, before=2, engine="ray", workers=3, began=100.0)
UNITS = [
    Unit("old", "done", began=50.0, ended=60.0),
    Unit("a", "done", began=101.0, ended=110.0),
    Unit("b", "done", began=101.0, ended=120.0),
    Unit("c", "failed", began=110.0, ended=121.0, error="no lungs"),
    Unit("d", "running", began=120.0, host="elsewhere", pid=7),
]


def test_rate_and_time_left_come_from_what_ended_since_it_began():
    # 3 of 8 in 30 s: 360 an hour, 5 to go at 10 s each.
    cases = cases_of(PLAN, UNITS, running=True, now=130.0)
    assert (cases.total, cases.done, cases.running, cases.failed) == (10, 4, ("d",), {"c": "no lungs"})
    assert (cases.per_hour, cases.left_s) == (pytest.approx(360), pytest.approx(50))


def test_what_stands_still_has_no_time_left_and_nothing_runs_in_it():
    cases = cases_of(PLAN, UNITS, running=False, now=99999.0)
    assert (cases.running, cases.left_s) == ((), None)
    assert cases.per_hour == pytest.approx(3 / 21 * 3600)


def test_before_the_first_case_there_is_no_rate():
    cases = cases_of(PLAN, UNITS[-1:], running=True, now=130.0)
    assert (cases.done, cases.per_hour, cases.left_s) == (2, None, None)
