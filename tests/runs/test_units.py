import json

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.runs.units import Marked, Plan, Unit, begin_stage, mark_failed, stage_units, write_unit

PLAN = Plan("scan", 3, 0, "serial", None, 10.0)


def half(number: int) -> float:
    if number % 2:
        raise ValueError(f"{number} is\nodd")
    return number / 2


def test_each_case_says_that_it_runs_and_how_it_ended(tmp_path):
    seen = []

    def look(number: int) -> float:
        seen.extend(stage_units(tmp_path, "find")[1])
        return half(number)

    begin_stage(tmp_path, "find", PLAN)
    assert Marked(look, tmp_path, "find", str)(4) == 2
    assert [(unit.name, unit.state, unit.alive) for unit in seen] == [("4", "running", True)]
    with pytest.raises(ValueError, match="odd"):
        Marked(half, tmp_path, "find", str)(3)
    plan, units = stage_units(tmp_path, "find")
    assert plan == PLAN
    assert [(unit.name, unit.state, unit.error) for unit in units] == [("3", "failed", "3 is odd"), ("4", "done", "")]
    assert all(unit.ended >= unit.began > 0 for unit in units)


def test_a_stage_that_begins_again_forgets_what_failed_and_keeps_what_is_done(tmp_path):
    begin_stage(tmp_path, "find", PLAN)
    mark_failed(tmp_path, "find", {"a": "its process died"})
    write_unit(tmp_path, "find", Unit("b", "done", 1.0, 2.0))
    begin_stage(tmp_path, "find", PLAN)
    assert [unit.name for unit in stage_units(tmp_path, "find")[1]] == ["b"]


def test_a_case_whose_process_is_gone_does_not_run(tmp_path):
    import socket

    assert not Unit("a", "running", 1.0, host=socket.gethostname(), pid=2**22 + 1).alive
    assert Unit("a", "running", 1.0, host="elsewhere", pid=1).alive


def test_a_stage_that_is_not_counted_has_no_plan_and_a_damaged_one_is_named(tmp_path):
    assert stage_units(tmp_path, "train") == (None, [])
    begin_stage(tmp_path, "find", PLAN)
    file = tmp_path / "units" / "find" / "plan.json"
    file.write_text(json.dumps({"noun": "scan"}))
    with pytest.raises(LesionkitError, match=r"plan\.json is damaged"):
        stage_units(tmp_path, "find")
