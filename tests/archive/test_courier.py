import threading

import pytest

from lesionkit.archive.courier import Courier, CourierSettings, pause_s
from lesionkit.archive.queue import Queue
from lesionkit.archive.send import Sending
from lesionkit.archive.upkeep import STUDIES, queue_rows
from lesionkit.archive.visit import Arrival
from lesionkit.archive.work import RESULTS


@pytest.fixture
def begin(tmp_path, study):
    """A queue with so many searched studies for the addresses; returns a courier and what it said."""
    opened = []

    def make(count, *addresses, **settings):
        queue = Queue(tmp_path)
        opened.append(queue)
        for number in range(count):
            queue.add(Arrival(f"S{number}", "A", "1", "P"), "a", 1.0, 10)
            queue.settle(2)
            visit = queue.claim("me")
            results = tmp_path / STUDIES / str(visit.number) / RESULTS
            results.mkdir(parents=True)
            (results / "0001.dcm").write_bytes(study[0].read_bytes())
            queue.found(visit, "me", addresses, 3)
        said = []
        return Courier(tmp_path, queue, Sending(timeout_s=5), CourierSettings(**settings), said.append), said

    yield make
    for queue in opened:
        queue.__exit__()


def states(folder):
    return [row["state"] for row in queue_rows(folder)]


def test_pauses_grow_and_end_at_the_longest():
    settings = CourierSettings(first_pause_s=1, longest_pause_s=6)
    assert [pause_s(n, settings) for n in (1, 2, 3, 4, 1000)] == [1, 2, 4, 6, 6]


def test_what_is_due_is_sent_and_is_not_sent_again(begin, archive, tmp_path):
    courier, said = begin(2, archive.address)
    courier.send_due()
    courier.send_due()
    assert [len(names) for names in archive.held.values()] == [2]
    assert (states(tmp_path), said) == (
        ["done", "done"],
        [f"study {n} sent to {archive.address}" for n in (1, 2)],
    )


def test_an_archive_that_is_down_is_asked_once_for_all_and_gets_everything_later(begin, archive, tmp_path):
    courier, said = begin(3, archive.address, first_pause_s=0.05, longest_pause_s=0.1)
    archive.close()
    courier.send_due()
    assert len(said) == 1
    assert said[0].startswith(f"study 1 waits: {archive.address} does not answer")
    assert said[0].endswith("again in 0 s")
    assert states(tmp_path) == ["sending"] * 3
    archive.open(archive.port)
    stop = threading.Event()
    thread = threading.Thread(target=courier.run, args=(stop,))
    thread.start()
    for _ in range(200):
        if states(tmp_path) == ["done"] * 3:
            break
        stop.wait(0.05)
    stop.set()
    thread.join()
    assert states(tmp_path) == ["done"] * 3


def test_one_archive_that_is_down_does_not_hold_up_another(begin, archive, tmp_path):
    courier, _ = begin(1, "dimse:127.0.0.1:9/DOWN", archive.address)
    courier.send_due()
    assert len(archive.held) == 1
    assert states(tmp_path) == ["sending"]


def test_results_that_an_archive_refuses_fail_and_the_next_goes_on(begin, archive, tmp_path):
    courier, said = begin(2, archive.address)
    archive.status = 0xC001
    courier.send_due()
    assert states(tmp_path) == ["failed", "failed"]
    assert "refused 0001.dcm with status 0xC001" in said[0]


def test_results_that_are_gone_are_one_sentence(begin, archive, tmp_path):
    courier, said = begin(2, archive.address)
    (tmp_path / STUDIES / "1" / RESULTS / "0001.dcm").unlink()
    courier.send_due()
    assert states(tmp_path) == ["failed", "done"]
    assert "holds no DICOM file to send" in said[0]
