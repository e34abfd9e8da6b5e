import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.archive.queue import Queue
from lesionkit.archive.upkeep import IMAGES, begin_again, clear_away, queue_rows, remove_finished
from lesionkit.archive.visit import FILE, Arrival, Delivery, FullError
from lesionkit.core.errors import LesionkitError

MANY = 1000


def image(name: str, study: str = "S", series: str = "A", patient: str = "P") -> Arrival:
    return Arrival(study, series, name, patient)


def states(folder) -> list[str]:
    return [row["state"] for row in queue_rows(folder)]


@pytest.fixture
def queue(tmp_path):
    with Queue(tmp_path) as opened:
        yield opened


def searched(queue: Queue, now: float = 10):
    """The next visit, claimed by "me"."""
    queue.settle(now)
    return queue.claim("me")


def test_a_study_that_is_still_arriving_is_not_begun(queue):
    queue.add(image("1"), "a", 1.0, MANY)
    queue.add(image("2"), "b", 2.0, MANY)
    assert queue.settle(1.9) == []
    assert queue.settle(2.0, busy=["S"]) == []
    assert queue.claim("me") is None
    assert queue.settle(2.0) == ["S"]
    assert queue.claim("me").study_uid == "S"
    assert queue.claim("me") is None


def test_an_image_before_the_search_begins_belongs_to_it(queue, tmp_path):
    queue.add(image("1"), "a", 1.0, MANY)
    queue.settle(5)
    queue.add(image("2"), "b", 6.0, MANY)
    assert states(tmp_path) == ["arriving"]
    visit = searched(queue)
    assert queue.images(visit) == [("a", "P"), ("b", "P")]


def test_images_that_come_later_are_searched_with_the_rest_of_their_series(queue):
    for name, series in (("1", "A"), ("2", "A"), ("3", "B")):
        queue.add(image(name, series=series), name, 1.0, MANY)
    queue.found(searched(queue), "me", (), 11)
    queue.add(image("4"), "4", 12.0, MANY)
    assert [file for file, _ in queue.images(searched(queue, 20))] == ["1", "2", "4"]


def test_what_is_sent_twice_is_not_done_twice(queue):
    queue.add(image("1"), "a", 1.0, MANY)
    queue.found(searched(queue), "me", (), 11)
    assert not queue.add(image("1"), "b", 12.0, MANY)
    assert searched(queue, 20) is None


def test_what_failed_is_searched_when_it_is_sent_again(queue, tmp_path):
    queue.add(image("1"), "a", 1.0, MANY)
    queue.fail(searched(queue), "me", "no lungs", 11)
    assert queue.add(image("1"), "b", 12.0, MANY)
    assert states(tmp_path) == ["failed", "arriving"]


def test_an_image_whose_patient_was_corrected_takes_the_place_of_the_old_one(queue):
    queue.add(image("1", patient="P"), "a", 1.0, MANY)
    queue.add(image("2", patient="Q"), "b", 1.0, MANY)
    visit = searched(queue)
    assert {patient for _, patient in queue.images(visit)} == {"P", "Q"}
    queue.fail(visit, "me", "two patients", 11)
    queue.add(image("2", patient="P"), "c", 12.0, MANY)
    assert queue.images(searched(queue, 20)) == [("a", "P"), ("c", "P")]


def test_a_study_has_no_more_images_than_are_allowed(queue):
    queue.add(image("1"), "a", 1.0, 1)
    with pytest.raises(FullError, match="a study may have 1 images"):
        queue.add(image("2"), "b", 1.0, 1)
    assert not queue.add(image("1"), "c", 1.0, 1)
    assert queue.add(image("1", study="T"), "d", 1.0, 1)


def test_what_another_listening_claimed_is_not_ended_by_who_had_it_before(queue, tmp_path):
    queue.add(image("1"), "a", 1.0, MANY)
    old = searched(queue)
    queue.unclaim()
    new = queue.claim("you")
    assert not queue.found(old, "me", ["x"], 11)
    queue.fail(old, "me", "late", 11)
    assert states(tmp_path) == ["searching"]
    assert queue.found(new, "you", ["x"], 12)
    assert states(tmp_path) == ["sending"]


def test_a_search_that_ends_again_and_again_is_given_up(queue, tmp_path):
    queue.add(image("1"), "a", 1.0, MANY)
    queue.settle(10)
    for _ in range(2):
        queue.claim("me")
        assert queue.unclaim(3) == []
    queue.claim("me")
    assert queue.unclaim(3) == ["S"]
    assert queue_rows(tmp_path)[0]["reason"].startswith("its search ended 3 times without a result")


def test_a_visit_ends_when_every_archive_has_answered(queue, tmp_path):
    queue.add(image("1"), "a", 1.0, MANY)
    queue.found(searched(queue), "me", ["x", "y"], 11)
    first, second = queue.due(11)
    assert first == Delivery(1, "S", "x", 0)
    queue.delivered(first, 12)
    queue.postpone(second, 20, "y is down")
    assert queue_rows(tmp_path)[0]["waits"] == "y is down"
    assert queue.due(19) == []
    assert queue.due(20) == [Delivery(1, "S", "y", 1)]
    queue.delivered(second, 21, refused="y refuses it")
    assert (states(tmp_path), queue_rows(tmp_path)[0]["reason"]) == (["failed"], "y refuses it")


def test_what_failed_is_begun_again_where_it_failed(queue, tmp_path):
    for study in "ST":
        queue.add(image("1", study=study), study, 1.0, MANY)
    queue.found(searched(queue), "me", ["x"], 11)
    queue.delivered(queue.due(11)[0], 12, refused="no")
    queue.fail(searched(queue), "me", "no lungs", 13)
    assert begin_again(queue, 14) == 2
    assert states(tmp_path) == ["sending", "waiting"]
    assert [delivery.address for delivery in queue.due(14)] == ["x"]


def test_only_files_that_no_study_needs_are_cleared_away(queue, tmp_path):
    (tmp_path / IMAGES).mkdir()
    for name in ("old", "new", "orphan"):
        (tmp_path / IMAGES / name).touch()
    (tmp_path / ".work-1-x" / "study").mkdir(parents=True)
    queue.add(image("1", study="S"), f"{IMAGES}/old", 1.0, MANY)
    queue.found(searched(queue), "me", (), 11)
    queue.add(image("1", study="T"), f"{IMAGES}/new", 12.0, MANY)
    remove_finished(queue, tmp_path, before=11)
    clear_away(queue, tmp_path)
    assert sorted(file.name for file in (tmp_path / IMAGES).iterdir()) == ["new", "old"]
    remove_finished(queue, tmp_path, before=12)
    assert [file.name for file in (tmp_path / IMAGES).iterdir()] == ["new"]
    assert not (tmp_path / ".work-1-x").exists()
    assert not queue.add(image("1", study="S"), "again", 13.0, MANY)


def test_a_queue_is_there_when_it_is_opened_again(tmp_path):
    with Queue(tmp_path) as queue:
        queue.add(image("1"), "a", 1.0, MANY)
    with Queue(tmp_path) as queue:
        assert queue.settle(2) == ["S"]


def test_what_is_no_queue_is_said(tmp_path):
    with pytest.raises(LesionkitError, match="holds no queue; pass a folder that an earlier --queue named"):
        queue_rows(tmp_path)
    (tmp_path / FILE).write_text("no database, but long enough to be looked at as one")
    with pytest.raises(LesionkitError, match="is no queue"):
        Queue(tmp_path)


def test_a_queue_of_another_version_is_refused(tmp_path):
    base = sqlite3.connect(tmp_path / FILE)
    base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(LesionkitError, match="holds a queue of version 99, not 1"):
        Queue(tmp_path)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["add", "settle", "claim", "found", "fail", "unclaim", "send"]), max_size=25))
def test_whatever_happens_in_whatever_order_no_image_is_lost_or_searched_in_two_visits(tmp_path_factory, steps):
    folder, held, claimed, clock = tmp_path_factory.mktemp("queue"), set(), [], 0
    with Queue(folder) as queue:
        for clock, step in enumerate(steps):
            if step == "add":
                held.add(str(clock))
                queue.add(image(str(clock), series=str(clock)), str(clock), clock, MANY)
            elif step == "settle":
                queue.settle(clock)
            elif step == "claim":
                claimed += [visit for visit in [queue.claim("me")] if visit]
            elif step == "unclaim":
                queue.unclaim()
            elif step == "send":
                for delivery in queue.due(clock):
                    queue.delivered(delivery, clock)
            elif claimed and step == "found":
                queue.found(claimed[-1], "me", ["x"], clock)
            elif claimed:
                queue.fail(claimed[-1], "me", "why", clock)
        # Whatever was begun ends: everything is searched, in one visit each.
        queue.unclaim()
        queue.settle(clock + 1)
        while visit := queue.claim("end"):
            claimed.append(visit)
            queue.found(visit, "end", (), clock)
        assert {file for visit in claimed for file, _ in queue.images(visit)} == held
        numbers = {visit.number: {file for file, _ in queue.images(visit)} for visit in claimed}
        assert sum(map(len, numbers.values())) == len(held)
        assert set(states(folder)) <= {"done", "sending", "failed"}
