"""SIGKILL at ten moments of a whole run: what is left is whole, and the same command ends as if nothing had been."""

import importlib.util
import os
import signal
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lesionkit.runs.run_folder import open_run, reopen_run

HERE = Path(__file__).parent
KILLS = 10
_WRITES = {"os.rename", "os.remove", "os.mkdir", "os.link", "os.truncate"}
_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT


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


def forked(work, kill_at: int = 0) -> tuple[int, int]:
    """Work in a fork, which kills itself when it does something to a disk for the `kill_at`-th time.

    Returns:
        Its exit code, or -9; and how often it did, where it came to its end.
    """
    receiver, sender = os.pipe()
    with warnings.catch_warnings():
        # The fork runs nothing but Python of its own.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        done = 0

        def watch(event, given):
            nonlocal done
            if event in _WRITES or (event == "open" and isinstance(given[2], int) and given[2] & _TO_WRITE):
                done += 1
                if done == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            sys.addaudithook(watch)
            work()
            os.write(sender, str(done).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(sender)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with os.fdopen(receiver) as told:
        return code, int(told.read() or 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_what_is_left_after_a_kill_is_whole_and_the_rerun_ends_as_if_nothing_had_been(
    kills, discs, data, tmp_path, monkeypatch
):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))
    # To ask git takes longer than all the rest.
    monkeypatch.setattr("lesionkit.runs.versions._commit", lambda: "")
    whole_run(discs, data, tmp_path / "first" / "run")  # imports what it needs
    code, writes = forked(lambda: whole_run(discs, data, tmp_path / "sound" / "run"))
    assert code == 0
    sound, moments = kills.contents(tmp_path / "sound" / "run"), np.random.default_rng(0).integers(1, writes, KILLS)
    for number, moment in enumerate(moments.tolist()):
        out = tmp_path / str(number) / "run"
        assert forked(lambda out=out: whole_run(discs, data, out), moment)[0] == -signal.SIGKILL
        assert kills.broken(out) == []
        whole_run(discs, data, out)
        now = kills.contents(out)
        assert [name for name in sorted(sound | now) if sound.get(name) != now.get(name)] == []
        assert kills.temporary(out) == []
