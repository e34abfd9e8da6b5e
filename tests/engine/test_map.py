import functools
import math
import operator
import os
import signal
import subprocess
import sys
import time

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import EngineSettings, map_cases, workers

HERE = EngineSettings(backend="serial")
TWO = EngineSettings(backend="processes", workers=2)
BACKENDS = [pytest.param(HERE, id="serial"), pytest.param(TWO, id="processes")]


def refuse_odd(number: int) -> int:
    if number % 2:
        raise LesionkitError(f"{number} is odd;\n pass an even number")
    return number


@pytest.mark.parametrize("settings", BACKENDS)
def test_outcomes_come_in_the_order_of_the_items(settings):
    outcomes = list(map_cases(math.sqrt, [9, 4, 1, 0, 16], settings))
    assert [o.item for o in outcomes] == [9, 4, 1, 0, 16]
    assert [o.value for o in outcomes] == [3, 2, 1, 0, 4]
    assert all(o.error is None and o.seconds >= 0 for o in outcomes)


@pytest.mark.parametrize("settings", BACKENDS)
def test_a_bad_item_becomes_an_error_and_the_others_go_on(settings):
    outcomes = list(map_cases(functools.partial(operator.truediv, 6), [3, 0, 2], settings))
    assert [o.value for o in outcomes] == [2, None, 3]
    assert outcomes[1].error.startswith("unexpected ZeroDivisionError: ")


def test_the_sentence_of_a_lesionkit_error_is_the_error_in_one_line():
    (outcome,) = map_cases(refuse_odd, [3], HERE)
    assert outcome.error == "3 is odd; pass an even number"


def test_no_items_give_no_outcomes():
    assert list(map_cases(math.sqrt, [], TWO)) == []


def test_items_whose_worker_dies_are_reported_and_the_others_go_on():
    told = []
    once = TWO.model_copy(update={"retries": 0})
    outcomes = list(map_cases(die_if_negative, [1, -1, 2, 3, 4, 5, 6], once, tell=told.append))
    assert [o.value for o in outcomes] == [1, None, 2, 3, 4, 5, 6]
    assert outcomes[1].error == "its process ended with exit code 1; run the same command again, or leave it out"
    assert told == ["the process that worked on '-1' ended with exit code 1; it is left out"]


def die_if_negative(number: int) -> int:
    if number < 0:
        os._exit(1)
    return number


def test_a_case_has_one_thread_unless_more_are_asked_for(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    names = ["OMP_NUM_THREADS", "BLOSC_NTHREADS"]
    for settings in (HERE, TWO):
        assert [o.value for o in map_cases(os.getenv, names, settings)] == ["1", "1"]
    assert [o.value for o in map_cases(os.getenv, names[:1], EngineSettings(workers=1))] == ["5"]
    assert [o.value for o in map_cases(os.getenv, names[:1], EngineSettings(workers=1, threads=3))] == ["3"]
    assert os.environ["OMP_NUM_THREADS"] == "5"


def test_what_was_called_here_is_serial():
    assert EngineSettings(backend="here") == HERE


def test_a_result_that_cannot_be_sent_is_an_error_of_its_case_alone():
    outcomes = list(map_cases(make_or_echo, [0, 1], TWO))
    assert outcomes[0].error.startswith("unexpected ")
    assert outcomes[1].value == 1


def make_or_echo(number: int) -> object:
    return number or (lambda: None)


def test_leaving_early_begins_no_more_items_and_does_not_wait_for_those_begun():
    start = time.monotonic()
    outcomes = map_cases(time.sleep, [0, 60, 60, 60], TWO)
    assert next(outcomes).error is None
    outcomes.close()
    assert time.monotonic() - start < 30


def test_the_default_number_of_workers_fits_into_memory_and_is_at_least_one():
    assert workers(EngineSettings(memory_per_case_gb=1e9)) == 1
    assert 1 <= workers(EngineSettings(memory_per_case_gb=1e-6)) <= os.cpu_count()
    assert workers(EngineSettings(workers=7)) == 7
    assert workers(EngineSettings(workers=7, backend="serial")) == 1


def test_ctrl_c_ends_the_workers_and_reaches_the_caller():
    script = (
        "import signal, time\n"
        "from lesionkit.engine.map import EngineSettings, map_cases\n"
        "if __name__ == '__main__':\n"
        # A shell that started the tests in the background has made its children deaf to Ctrl-C.
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "    try:\n"
        "        for outcome in map_cases(time.sleep, [0, 60, 60], EngineSettings(workers=2)):\n"
        "            print('begun', flush=True)\n"
        "    except KeyboardInterrupt:\n"
        "        print('stopped', flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert rest == "stopped\n"
    assert process.returncode == 0


def test_without_ray_the_ray_backend_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(LesionkitError, match=r"needs Ray, which is not installed; pip install 'lesionkit\[cluster\]'"):
        list(map_cases(math.sqrt, [4], EngineSettings(backend="ray")))
