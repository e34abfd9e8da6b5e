import os

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing, write_text


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
