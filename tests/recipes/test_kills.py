"""SIGKILL at ten moments of a whole run: what is left is whole, and the same command ends as if nothing had been."""

import importlib.util
import os
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lesionkit.runs.run_folder import open_run, reopen_run

HERE = Path(__file__).parent
KILLS = 10


def loaded(name: str, file: Path):
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def kills():
    return loaded("benchmarks_kills", HERE.parents[1] / "benchmarks" / "kills.py")


@pytest.fixture(scope="module")
def discs():
    return loaded("discs", HERE / "discs.py")


@pytest.fixture
def data(tmp_path) -> Path:
    """Twelve pictures, every other one with a disc."""
    (tmp_path / "data").mkdir()
    y, x = np.mgrid[:32, :32]
    for number in range(12):
        disc = (np.hypot(y - 10, x - 20) <= 3) & (number % 2 == 0)
        grey = np.where(disc, 200, 60) + np.random.default_rng(number).integers(0, 9, (32, 32))
        Image.fromarray(grey.astype(np.uint8)).save(tmp_path / f"data/p{number}.png")
    rows = "".join(f"p{number},{int(number % 2 == 0)}\n" for number in range(12))
    (tmp_path / "data/labels.csv").write_text(f"name,discs\n{rows}")
    return tmp_path / "data"


def whole_run(discs, data: Path, out: Path) -> None:
    """Index, prepare, train, find and report; the page twice, as by the verb."""
    settings = discs.Discs()
    with open_run(out, discs.RECIPE.name, settings, {"data": data}) as run:
        discs.RECIPE.run(run, data, settings)
    with reopen_run(out) as run:
        discs.RECIPE.report(run, settings)


def killed(work, seconds: float) -> int:
    """Fork, work there, and kill the fork after a while; its exit code, or -9."""
    with warnings.catch_warnings():
        # The fork runs nothing but Python of its own.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_what_is_left_after_a_kill_is_whole_and_the_rerun_ends_as_if_nothing_had_been(
    kills, discs, data, tmp_path, monkeypatch
):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))
    # To ask git takes longer than all the rest.
    monkeypatch.setattr("lesionkit.runs.versions._commit", lambda: "")
    whole_run(discs, data, tmp_path / "first" / "run")  # imports what it needs
    start = time.monotonic()
    whole_run(discs, data, tmp_path / "sound" / "run")
    seconds, sound = time.monotonic() - start, kills.contents(tmp_path / "sound" / "run")
    rng, ended = np.random.default_rng(0), []
    for number in range(KILLS):
        out = tmp_path / str(number) / "run"
        ended.append(killed(lambda out=out: whole_run(discs, data, out), float(rng.uniform(0, seconds))))
        assert kills.broken(out) == []
        whole_run(discs, data, out)
        now = kills.contents(out)
        assert [name for name in sorted(sound | now) if sound.get(name) != now.get(name)] == []
        assert kills.temporary(out) == []
    # Some may have been quicker than their kill.
    assert ended.count(-9) > KILLS / 2
