from pathlib import Path

import pytest

from lesionkit.archive.queue import Queue
from lesionkit.archive.upkeep import IMAGES, STUDIES, queue_rows
from lesionkit.archive.visit import Arrival
from lesionkit.archive.work import LOG, RESULTS, Answered, work
from lesionkit.core.errors import LesionkitError


class Stop:
    """Stops a worker when nothing waits any more."""

    stopped = False

    def is_set(self):
        return self.stopped

    def wait(self, _):
        self.stopped = True


class Searcher:
    """Copies its images, or raises."""

    def __init__(self, raises=None):
        self.raises, self.seen = raises, []

    def ready(self):
        pass

    def __call__(self, study: Path, out: Path) -> Answered:
        self.seen.append(sorted(file.read_text() for file in study.iterdir()))
        if self.raises and len(self.seen) == 1:
            raise self.raises
        out.mkdir()
        (out / "found").write_text("found")
        return Answered([out / "found"], "1 nodule")


@pytest.fixture
def search(tmp_path, monkeypatch):
    """Run a worker on studies, a list of (study, patient, text of the image); returns what it left."""
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def run(searcher, *images):
        (tmp_path / IMAGES).mkdir()
        with Queue(tmp_path) as queue:
            for number, (study, patient, text) in enumerate(images):
                if text:
                    (tmp_path / IMAGES / str(number)).write_text(text)
                queue.add(Arrival(study, "A", str(number), patient), f"{IMAGES}/{number}", 1.0, 10)
            queue.settle(2)
        work(tmp_path, "me", searcher, ["x"], Stop())
        return [(row["state"], row["reason"]) for row in queue_rows(tmp_path)]

    return run


def test_a_study_is_searched_and_its_results_wait_to_be_sent(search, tmp_path):
    searcher = Searcher()
    assert search(searcher, ("S", "P", "one"), ("S", "P", "two")) == [("sending", "")]
    assert searcher.seen == [["one", "two"]]
    assert (tmp_path / STUDIES / "1" / RESULTS / "0001.dcm").read_text() == "found"
    assert "study 1 searched in 0.0 s: 1 nodule" in (tmp_path / LOG).read_text()
    assert [file.name for file in tmp_path.glob(".work*")] == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LesionkitError("no slice\nhas a position"), "no slice has a position"),
        (OSError(28, "No space left on device"), "cannot read or write: No space left on device"),
        (ValueError("odd"), "unexpected ValueError: odd"),
    ],
)
def test_a_study_that_cannot_be_searched_says_why_and_the_next_goes_on(search, tmp_path, error, reason):
    assert search(Searcher(error), ("S", "P", "one"), ("T", "P", "two")) == [("failed", reason), ("sending", "")]
    assert f"study 1 failed: {reason}" in (tmp_path / LOG).read_text()


def test_a_study_of_two_patients_is_not_searched_and_no_patient_is_named(search, tmp_path):
    searcher = Searcher()
    ((state, reason),) = search(searcher, ("S", "Miller", "one"), ("S", "Smith", "two"))
    assert (state, searcher.seen) == ("failed", [])
    assert reason.startswith("a study must be of one patient, but its images name 2; correct it in the archive")
    assert "Miller" not in (tmp_path / LOG).read_text()


def test_images_that_are_gone_are_said(search):
    assert search(Searcher(), ("S", "P", "")) == [("failed", "its images are gone; send it again")]


def test_what_a_kill_left_of_an_earlier_search_is_not_sent(search, tmp_path):
    left = tmp_path / STUDIES / "1" / RESULTS
    left.mkdir(parents=True)
    (left / "0002.dcm").write_text("of the search that was killed")
    search(Searcher(), ("S", "P", "one"))
    assert [file.name for file in left.iterdir()] == ["0001.dcm"]
