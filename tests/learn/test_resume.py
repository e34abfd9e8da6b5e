import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "resume_kills.py"


@pytest.mark.slow
def test_a_training_killed_at_a_random_moment_ends_with_the_weights_of_an_undisturbed_one():
    words = [sys.executable, str(SCRIPT), "--kinds", "ct", "--kills", "1", "--seed", "3"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 with the same weights" in done.stdout
