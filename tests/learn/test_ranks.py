import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lesionkit.learn.ranks import count_alone, images_alone

JOB = Path(__file__).parent / "ranks_job.py"


def test_alone_a_count_is_at_least_1_and_images_are_themselves():
    assert count_alone(torch.tensor(0)) == 1
    assert count_alone(torch.tensor(5)) == 5
    images = torch.zeros(2, 1, 3, 3)
    assert images_alone(images) is images


@pytest.mark.slow
def test_two_processes_of_torchrun_learn_what_one_does_with_twice_the_batch(tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    for name, count in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        words = [*torchrun, str(count)] if count > 1 else [sys.executable]
        done = subprocess.run(
            [*words, str(JOB), str(tmp_path / name), str(count)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
    one, two = (torch.load(tmp_path / name / "weights.pt") for name in ("one", "two"))
    for part in ("finder", "drawer"):
        start, alone, together = (flat(state[part]) for state in (one["start"], one["end"], two["end"]))
        assert (together - alone).abs().max() < 1e-3 * (alone - start).abs().max()


def flat(state):
    return torch.cat([tensor.flatten().double() for tensor in state.values()])
