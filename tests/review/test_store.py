import os
import sqlite3
import subprocess
import sys
import textwrap

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.review.decision import Decision
from lesionkit.review.store import BehindError, DecisionStore

ACCEPT = Decision(case_id="a", action="accept", finding_id="f", centre_mm=(1.0, 2.5), score=0.25)
DRAWN = Decision(
    case_id="a", action="add", finding_id="g", centre_mm=(0.0, 0.0), outline_mm=((0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
)


@pytest.fixture
def store(tmp_path):
    opened = DecisionStore(tmp_path / "review" / "decisions.sqlite", "run 1")
    yield opened
    opened.close()


def test_rows_come_back_as_they_were_kept(store):
    for decision in (ACCEPT, DRAWN):
        store.add("ann", decision)
    assert [row.decision for row in store.rows()] == [ACCEPT, DRAWN]
    assert [row.number for row in store.rows("ann")] == [1, 2]
    assert store.rows("ben") == []
    assert store.readers() == ["ann"]


def test_an_undo_is_a_row_and_takes_back_the_readers_own_last_decision(store):
    store.add("ann", ACCEPT)
    store.add("ben", ACCEPT)
    assert store.undo("ann").decision.undoes == 1
    assert store.undo("ann") is None
    assert len(store.rows()) == 3


@pytest.mark.parametrize("statement", ["UPDATE decisions SET reader = 'eve'", "DELETE FROM decisions"])
def test_no_row_is_ever_changed_or_deleted(store, statement):
    store.add("ann", ACCEPT)
    with sqlite3.connect(store.file) as base, pytest.raises(sqlite3.IntegrityError, match="a decision is never"):
        base.execute(statement)
    base.close()


def test_who_has_not_seen_his_last_decision_is_told(store):
    first = store.add("ann", ACCEPT, seen=0)
    with pytest.raises(BehindError, match="ann has decided something on another page meanwhile"):
        store.add("ann", ACCEPT, seen=0)
    with pytest.raises(BehindError):
        store.undo("ann", seen=0)
    assert store.add("ben", ACCEPT, seen=0).number == 2
    assert store.add("ann", ACCEPT, seen=first.number).number == 3


def test_decisions_of_another_run_are_refused(store):
    with pytest.raises(LesionkitError, match="holds decisions on the findings of another run; put them back"):
        DecisionStore(store.file, "run 2")


def test_a_file_that_is_no_base_is_refused(tmp_path):
    (tmp_path / "d.sqlite").write_text("no base at all, but a text that is long enough to be looked at" * 20)
    with pytest.raises(LesionkitError, match="must be a file of decisions that can be written"):
        DecisionStore(tmp_path / "d.sqlite", "run 1")


def test_a_reader_needs_a_name(store):
    with pytest.raises(LesionkitError, match="a reader must have a name"):
        store.add(" ", ACCEPT)


def test_what_was_acknowledged_outlives_a_kill(tmp_path):
    file = tmp_path / "d.sqlite"
    script = f"""
        import os
        from pathlib import Path
        from lesionkit.review.decision import Decision
        from lesionkit.review.store import DecisionStore
        store = DecisionStore(Path({str(file)!r}), "run 1")
        store.add("ann", Decision(case_id="a", action="accept", finding_id="f"))
        os.kill(os.getpid(), 9)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, env=dict(os.environ))
    assert done.returncode == -9
    store = DecisionStore(file, "run 1")
    assert [row.decision.action for row in store.rows()] == ["accept"]
    store.close()
