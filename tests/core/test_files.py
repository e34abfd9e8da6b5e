import errno
import os
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import remove_stale, replacing, write_text


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path):
    with replacing(tmp_path / "a.csv") as temporary:
        temporary.write_text("half")
        assert temporary.suffix == ".csv"
        assert not (tmp_path / "a.csv").exists()
    assert names(tmp_path) == ["a.csv"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "a.txt", "old")

    def fail():
        with replacing(tmp_path / "a.txt") as temporary:
            temporary.write_text("new")
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        fail()
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_folder_can_be_replaced_too(tmp_path):
    with replacing(tmp_path / "deep" / "run") as temporary:
        temporary.mkdir()
        (temporary / "x").write_text("1")
    assert names(tmp_path / "deep") == ["run"]
    assert names(tmp_path / "deep" / "run") == ["x"]


def test_text_is_utf8_and_the_path_comes_back(tmp_path):
    path = write_text(tmp_path / "a.txt", "5 µm – σ")
    assert path.read_bytes().decode("utf-8") == "5 µm – σ"


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LesionkitError, match=r"cannot write .*file/a.txt: .*; choose a writable output folder"):
        write_text(tmp_path / "file" / "a.txt", "x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(LesionkitError, match="choose a writable output folder"):
        write_text(tmp_path / "a.txt", "x")


def test_a_long_name_leaves_room_for_a_temporary_one(tmp_path):
    name = "n" * 251 + ".csv"
    write_text(tmp_path / name, "x")
    assert names(tmp_path) == [name]


def write_half(path, error):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_sentence_that_names_the_file_and_nothing_is_left(tmp_path, number):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(LesionkitError, match=r"the disk is full, cannot write .*a\.txt; free some space and run"):
        write_half(tmp_path / "a.txt", OSError(number, "No space left on device"))
    assert (names(tmp_path), (tmp_path / "a.txt").read_text()) == (["a.txt"], "old")


def test_whatever_a_library_raises_on_a_full_disk_becomes_that_sentence(tmp_path, monkeypatch):
    usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage(10, 10, 0))
    with pytest.raises(LesionkitError, match="the disk is full"):
        write_half(tmp_path / "a.mha", RuntimeError("itk::ERROR: write failed"))
    assert names(tmp_path) == []


def mounted(tmp_path, *words):
    """A folder that is a mount; skipped where this process may not mount."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    done = subprocess.run(["mount", *words, str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    return folder


def test_a_disk_that_is_really_full_is_that_sentence_and_what_was_there_stays(tmp_path):
    folder = mounted(tmp_path, "-t", "tmpfs", "-o", "size=64k", "tmpfs")
    try:
        write_text(folder / "a.txt", "old")
        with pytest.raises(LesionkitError, match=r"the disk is full, cannot write .*b\.txt"):
            write_text(folder / "b.txt", "x" * 100_000)
        with pytest.raises(LesionkitError, match=r"the disk is full, cannot write .*a\.txt"):
            write_text(folder / "a.txt", "x" * 100_000)
        assert (names(folder), (folder / "a.txt").read_text()) == (["a.txt"], "old")
        write_text(folder / "a.txt", "new")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_may_only_be_read_is_one_sentence(tmp_path):
    (tmp_path / "source").mkdir()
    write_text(tmp_path / "source" / "a.txt", "old")
    folder = mounted(tmp_path, "--bind", str(tmp_path / "source"))
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        with pytest.raises(LesionkitError, match=r"cannot write .*: Read-only file system; choose a writable output"):
            write_text(folder / "a.txt", "new")
        assert (names(folder), (folder / "a.txt").read_text()) == (["a.txt"], "old")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from lesionkit.core.files import replacing\n"
        f"with replacing(Path({str(tmp_path / 'deep' / 'a.txt')!r})) as t: t.mkdir(); (t / 'x').touch(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    (left,) = names(tmp_path / "deep")
    assert left.startswith(".tmp-")
    with replacing(tmp_path / "b.txt") as temporary:
        temporary.write_text("going on")
        assert remove_stale(tmp_path) == 1
        assert temporary.is_file()
    assert (names(tmp_path), names(tmp_path / "deep")) == (["b.txt", "deep"], [])


def test_what_another_machine_writes_is_left_alone_for_a_day(tmp_path):
    young, old = tmp_path / ".tmp-00000000-1-x-a.txt", tmp_path / ".tmp-00000000-1-y-a.txt"
    for file in (young, old):
        file.touch()
    two_days_ago = time.time() - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    assert remove_stale(tmp_path, below=False) == 1
    assert names(tmp_path) == [young.name]
    assert remove_stale(Path(tmp_path / "nothing")) == 0
