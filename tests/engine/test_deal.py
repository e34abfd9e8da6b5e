from collections import deque

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.deal import Event, Rules, deal_out
from lesionkit.engine.lost import Death

KILLED = Death("was killed (signal 9)", starved=True)
CRASHED = Death("ended with exit code 1")
NODE = Death("went with its machine", blameless=True)


class Toys:
    """Workers that do tenfold, and die as often as they are told to at an item; says who worked beside whom."""

    backend = "toys"

    def __init__(self, deaths=(), never_begin=False):
        self.deaths, self.never_begin = {item: deque(causes) for item, causes in dict(deaths).items()}, never_begin
        self.hired, self.at, self.starting, self.beside, self.closed, self.most = 0, {}, [], [], False, 0

    def hire(self):
        self.hired += 1
        self.starting.append(self.hired)
        return self.hired

    def give(self, worker, item):
        self.at[worker] = item
        self.beside.append(sorted(self.at.values()))

    def dismiss(self, worker):
        assert worker not in self.at

    def wait(self):
        begun, self.starting = self.starting, []
        if begun:
            return [Event(worker, died=CRASHED if self.never_begin else None) for worker in begun]
        worker, item = next(iter(self.at.items()))
        del self.at[worker]
        if self.deaths.get(item):
            return [Event(worker, died=self.deaths[item].popleft())]
        return [Event(worker, (10 * item,))]

    def close(self):
        self.closed = True


def dealt(crew, items, count=2, retries=1):
    told = []
    rules = Rules(count, retries, str, told.append, lambda sentence: sentence)
    return list(deal_out(crew, items, rules)), told


def test_results_come_in_order_and_the_workers_are_ended():
    crew = Toys()
    assert dealt(crew, [1, 2, 3]) == ([10, 20, 30], [])
    assert (crew.hired, crew.closed) == (2, True)


def test_no_more_workers_begin_than_there_are_cases():
    crew = Toys()
    dealt(crew, [1], count=8)
    assert crew.hired == 1


def test_a_case_whose_worker_crashed_is_tried_again_and_given_up_after_that():
    results, told = dealt(Toys({2: [CRASHED], 3: [CRASHED, CRASHED]}), [1, 2, 3, 4])
    assert results[:2] == [10, 20]
    assert results[2] == "its process ended with exit code 1 2 times; run the same command again, or leave it out"
    assert results[3] == 40
    assert len(told) == 3


def test_after_a_kill_for_memory_the_case_is_tried_alone_and_one_worker_fewer_goes_on():
    crew = Toys({2: [KILLED]})
    results, told = dealt(crew, list(range(12)), count=3)
    assert results == [10 * n for n in range(12)]
    assert told == [
        "the process that worked on '2' was killed (signal 9); it is tried again alone, and 2 worker(s) go on"
    ]
    assert [2] in crew.beside
    last = crew.beside.index([2])
    assert max(len(names) for names in crew.beside[last:]) == 2


def test_a_case_that_is_killed_for_memory_again_is_named_with_what_to_do():
    results, _ = dealt(Toys({1: [KILLED, KILLED]}), [1, 2])
    assert results[0] == (
        "its process was killed (signal 9) 2 times, most likely for want of memory; give it a machine with more, or "
        "take fewer engine.workers, and run the same command again"
    )
    assert results[1] == 20


def test_lost_machines_lose_no_case_however_often():
    results, told = dealt(Toys({1: [NODE] * 9}), [1, 2], retries=0)
    assert results == [10, 20]
    assert set(told) == {"the process that worked on '1' went with its machine; it is tried again"}


def test_workers_that_cannot_begin_end_it_with_a_sentence():
    with pytest.raises(LesionkitError, match=r"engine\.backend=toys needs workers, but each ended as it began"):
        dealt(Toys(never_begin=True), [1, 2])
