import importlib
import os
from pathlib import Path

import pytest
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.devices import fit_on_devices


@pytest.fixture
def linear(monkeypatch):
    """The module `linear`, which followers can import too."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("linear")


def fitted(linear, folder, devices, break_at=None):
    learner = linear.Line(break_at)
    fit_on_devices(linear.trainer_of(folder, devices), learner, linear.Points(), None, devices)
    return float(learner.weight.detach())


def test_two_processes_learn_what_one_does_from_both_their_points(linear, tmp_path):
    before = dict(os.environ)
    # By hand: each step goes along the mean gradient of two points.
    # w1 = 0.1 · (2·1·2 + 2·2·1) / 2 = 0.4; w2 = 0.4 + 0.1 · (2·3·(3 − 1.2) + 2·1·(−1 − 0.4)) / 2
    wanted = 0.4 + 0.1 * (10.8 - 2.8) / 2
    assert fitted(linear, tmp_path, 1) == pytest.approx(wanted)
    assert fitted(linear, tmp_path, 2) == pytest.approx(wanted)
    assert not torch.distributed.is_initialized(), "the next training has followers of its own"
    assert dict(os.environ) == before


def test_a_process_that_ends_early_ends_the_training_with_its_last_words(linear, tmp_path):
    with pytest.raises(LesionkitError, match=r"the process of device 1 ended \(ValueError: device on fire\)"):
        fitted(linear, tmp_path, 2, break_at=1)


def test_a_process_that_never_begins_is_not_waited_for(linear, tmp_path, monkeypatch):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'ImportError: no glasses' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(broken))
    with pytest.raises(LesionkitError, match=r"the process of device 1 ended \(ImportError: no glasses\)"):
        fitted(linear, tmp_path, 2)
