import os
import signal
from pathlib import Path

import psutil

from lesionkit.engine.map import EngineSettings, map_cases


def grow_or_die(path: Path) -> int:
    """The first time a large file is met its process is killed, as for memory."""
    if path.stat().st_size > 100 and not (mark := path.with_suffix(".met")).exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return path.stat().st_size


def test_a_process_killed_for_memory_names_its_case_and_size_and_the_rest_goes_on_with_fewer(tmp_path):
    for name, size in (("a", 1), ("b", 200), ("c", 3)):
        (tmp_path / name).write_bytes(bytes(size))
    told = []
    paths = [tmp_path / name for name in "abc"]
    settings = EngineSettings(workers=2)
    outcomes = list(map_cases(grow_or_die, paths, settings, name_of=lambda path: path.name, tell=told.append))
    assert [o.value for o in outcomes] == [1, 200, 3]
    assert told == [
        "the process that worked on 'b' (200 bytes) was killed (signal 9); it is tried again alone, and 1 worker(s) "
        "go on"
    ]


def test_open_files_and_processes_stay_as_many_however_often_it_is_used():
    def used() -> tuple[int, int]:
        return psutil.Process().num_fds(), len(psutil.Process().children())

    settings = EngineSettings(workers=2)
    list(map_cases(abs, [1, 2], settings))
    before = used()
    for _ in range(2):
        assert [o.value for o in map_cases(abs, [-1, 2], settings)] == [1, 2]
    assert used() == before
