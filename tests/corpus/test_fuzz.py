"""A few hundred inputs of benchmarks/fuzz.py: changed at random, each gives a result or one sentence."""

import importlib.util
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
COUNT, LONGEST_S = 250, 120
KINDS = ("scan", "picture", "slide", "outline", "truth", "evaluate", "info", "settings", "model")
FINE = ("result", "refused", "noise")
"""What a library says of a file beside our sentence is told by the long run, and is no fault of ours."""


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory):
    names = set(sys.modules)
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("benchmarks_fuzz", BENCHMARKS / "fuzz.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        # An import that the alarm interrupted would break those after it.
        module.import_all()
        yield module.Fuzz(7, KINDS, tmp_path_factory.mktemp("fuzz"))
    finally:
        sys.path.remove(str(BENCHMARKS))
        for name in set(sys.modules) - names:
            if name.startswith("fuzz_"):
                del sys.modules[name]


def _hangs(number, frame):
    raise TimeoutError(f"no answer after {LONGEST_S} s")


@pytest.mark.slow
def test_an_input_that_was_changed_gives_a_result_or_one_sentence(fuzz, monkeypatch, tmp_path):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "2000")
    before = signal.signal(signal.SIGALRM, _hangs)
    states, faults = Counter(), []
    try:
        for number in range(COUNT):
            signal.alarm(LONGEST_S)
            name, changed, verdict = fuzz.judge(number)
            states[verdict.state] += 1
            if verdict.state not in FINE:
                faults.append(f"input {number}, {name}, {changed}: {verdict.state} {verdict.place}\n{verdict.said}")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert faults == [], "\n\n".join(faults)
    # Both happen: what is changed is neither always harmless nor always refused.
    assert min(states["result"], states["refused"]) > COUNT / 10
