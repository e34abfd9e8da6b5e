import subprocess
import sys

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.runs.hold import held

HOLDER = """
import sys
from pathlib import Path
from lesionkit.runs.hold import held
with held(Path(sys.argv[1]), str):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the folder `tmp_path/f` until it is ended."""
    words = [sys.executable, "-c", HOLDER, str(tmp_path / "f")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_folder_that_another_process_holds_is_refused_and_says_who_has_it(tmp_path, other):
    said = "f is in use: process 7 is at stage 'train'; wait for it or end it first"
    with (
        pytest.raises(LesionkitError, match=said),
        held(tmp_path / "f", lambda: "process 7 is at stage 'train'"),
    ):
        pytest.fail("two processes in one folder")


def test_the_folder_of_a_process_that_was_killed_is_free(tmp_path, other):
    other.kill()
    other.wait()
    with held(tmp_path / "f", str):
        pass


def test_a_folder_is_free_after_it_was_held_also_where_the_work_failed(tmp_path):
    for _ in range(2):
        with pytest.raises(ValueError, match="the work"), held(tmp_path / "f", str):
            raise ValueError("the work")
