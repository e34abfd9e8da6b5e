import os
import subprocess
from pathlib import Path

import pytest

from lesionkit.core.walk import walk


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in walk(folder).files]


def test_files_come_folder_by_folder_in_order(tmp_path):
    for name in ("b/2", "a", "b/1", "c/d/1"):
        touch(tmp_path / name)
    assert names(tmp_path) == ["a", "b/1", "b/2", "c/d/1"]


@pytest.mark.parametrize("name", [".git", "._a", "$RECYCLE.BIN", "__MACOSX", ".Trash-1000", "Trash", "lost+found"])
def test_hidden_and_trash_folders_are_passed_over(tmp_path, name):
    touch(tmp_path / name / "deep/a")
    touch(tmp_path / "kept/a")
    assert names(tmp_path) == ["kept/a"]


def test_a_folder_that_is_asked_for_may_be_hidden(tmp_path):
    touch(tmp_path / ".data/a")
    assert names(tmp_path / ".data") == ["a"]


def test_links_to_folders_are_followed_also_out_of_the_folder(tmp_path):
    touch(tmp_path / "elsewhere/study/series/1")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/P1").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path / "data") == ["P1/study/series/1"]


def test_loops_and_links_to_folders_above_end(tmp_path):
    touch(tmp_path / "data/a/1")
    (tmp_path / "data/a/loop").symlink_to(tmp_path / "data")
    (tmp_path / "data/up").symlink_to(tmp_path)
    (tmp_path / "data/self").symlink_to("self")
    found = walk(tmp_path / "data")
    assert [path.name for path in found.files] == ["1"]
    assert list(found.unreadable) == [tmp_path / "data/self"]


def test_what_two_links_lead_to_comes_once_and_under_its_own_name_if_it_has_one(tmp_path):
    touch(tmp_path / "data/real/1")
    (tmp_path / "data/a").symlink_to(tmp_path / "data/real")
    (tmp_path / "data/b").symlink_to(tmp_path / "data/real/1")
    touch(tmp_path / "out/2")
    (tmp_path / "data/x").symlink_to(tmp_path / "out")
    (tmp_path / "data/y").symlink_to(tmp_path / "out")
    assert names(tmp_path / "data") == ["real/1", "x/2"]


def test_a_link_that_leads_nowhere_is_told(tmp_path):
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert walk(tmp_path).unreadable == {tmp_path / "gone": "the link leads nowhere (No such file or directory)"}


def test_names_of_any_bytes_are_found(tmp_path):
    touch(Path(os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller/a\xff")))
    assert [os.fsencode(path.name) for path in walk(tmp_path).files] == [b"a\xff"]


def test_a_folder_whose_path_is_too_long_is_told_and_the_rest_go_on(tmp_path):
    touch(tmp_path / "a")
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        for _ in range(25):
            Path("d" * 200).mkdir()
            os.chdir("d" * 200)
    finally:
        os.chdir(before)
    found = walk(tmp_path)
    assert found.files == [tmp_path / "a"]
    assert list(found.unreadable.values()) == ["File name too long"]


def test_folders_may_be_nested_deeper_than_python_calls_itself(tmp_path):
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1500):
            Path("d").mkdir()
            os.chdir("d")
        touch(Path("a"))
    finally:
        os.chdir(before)
    found = walk(tmp_path)
    # What removes old folders of tests calls itself for each level.
    subprocess.run(["rm", "-r", tmp_path / "d"], check=True)
    assert [path.name for path in found.files] == ["a"]
