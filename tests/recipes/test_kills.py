"""SIGKILL at ten moments of a whole run: what is left is whole, and the same command ends as if nothing had been."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

KILLS = 10


@pytest.fixture(scope="module")
def kills():
    file = Path(__file__).parents[2] / "benchmarks" / "kills.py"
    spec = importlib.util.spec_from_file_location("benchmarks_kills", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_what_is_left_after_a_kill_is_whole_and_the_rerun_ends_as_if_nothing_had_been(kills, tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))
    # To ask git takes longer than all the rest.
    monkeypatch.setattr("lesionkit.runs.versions._commit", lambda: "")
    assert list(kills.kill_discs(tmp_path, KILLS)) == [[]] * KILLS
