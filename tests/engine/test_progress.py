import io
import sys

from lesionkit.engine import progress as module
from lesionkit.engine.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_terminal(monkeypatch):
    """Within the test: pytest puts its own stream in place between a fixture and its test."""
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    return made


def clock(monkeypatch, *times):
    moments = iter(times)
    monkeypatch.setattr(module.time, "monotonic", lambda: next(moments))


def test_pieces_are_counted_with_the_time_that_is_left(monkeypatch):
    terminal = on_terminal(monkeypatch)
    with progress("preparing", 2) as done:
        done()
        done()
    assert "preparing" in terminal.getvalue()
    assert "2/2" in terminal.getvalue()
    assert "left" in terminal.getvalue()


def test_work_that_is_done_soon_shows_no_bar(monkeypatch):
    terminal = on_terminal(monkeypatch)
    with progress("searching", 2, after_s=60) as done:
        done()
        done()
    assert terminal.getvalue() == ""


def test_work_that_takes_longer_shows_all_that_was_done_since_it_began(monkeypatch):
    terminal = on_terminal(monkeypatch)
    clock(monkeypatch, 0.0, 1.0, 2.5, 3.0, *[4.0] * 99)
    with progress("searching", 4, after_s=2) as done:
        done()
        assert terminal.getvalue() == ""
        done()
        done()
    assert "3/4" in terminal.getvalue()


def test_a_piece_of_work_within_another_shows_no_bar_of_its_own(monkeypatch):
    terminal = on_terminal(monkeypatch)
    with progress("scans", 1) as scan, progress("windows", 2) as done:
        done()
        scan()
    assert "windows" not in terminal.getvalue()
    with progress("again", 1):
        pass
    assert "again" in terminal.getvalue()


def test_nothing_is_shown_where_errors_do_not_go_to_a_terminal(monkeypatch):
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    with progress("preparing", 1) as done:
        done()
    assert written.getvalue() == ""
