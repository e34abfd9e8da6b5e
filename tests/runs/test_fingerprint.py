import os
import shutil

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.runs.fingerprint import fingerprint


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data" / "scans").mkdir(parents=True)
    (tmp_path / "data" / "scans" / "a.mha").write_bytes(bytes(range(256)) * 1000)
    (tmp_path / "data" / "annotations.csv").write_text("seriesuid\n")
    return tmp_path / "data"


def sha(path):
    return fingerprint(path)["sha256"]


def test_it_counts_files_and_bytes(folder):
    facts = fingerprint(folder)
    assert (facts["files"], facts["bytes"], facts["path"]) == (2, 256_010, str(folder))


def test_a_copy_elsewhere_with_other_dates_is_the_same(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    os.utime(tmp_path / "copy" / "annotations.csv", (0, 0))
    assert sha(tmp_path / "copy") == sha(folder)


def test_a_changed_table_a_renamed_scan_and_a_changed_end_are_different(folder):
    hashes = [sha(folder)]
    (folder / "annotations.csv").write_text("seriesuiD\n")
    hashes.append(sha(folder))
    (folder / "scans" / "a.mha").rename(folder / "scans" / "b.mha")
    hashes.append(sha(folder))
    (folder / "scans" / "b.mha").write_bytes(bytes(range(256)) * 999 + bytes(256))
    hashes.append(sha(folder))
    assert len(set(hashes)) == 4


def test_hidden_files_do_not_count(folder):
    before = sha(folder)
    (folder / ".DS_Store").write_text("x")
    assert sha(folder) == before


def test_of_a_run_only_the_weights_count(folder):
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "run.json").write_text("{}")
    before = fingerprint(folder)
    (folder / "log.txt").write_text("more")
    assert fingerprint(folder) == before
    assert before["files"] == 1


def test_a_single_file_has_a_fingerprint_whatever_its_name(folder):
    before = sha(folder / "annotations.csv")
    (folder / "annotations.csv").rename(folder / "marks.csv")
    assert sha(folder / "marks.csv") == before


def test_nothing_there_is_one_sentence(tmp_path):
    with pytest.raises(LesionkitError, match=r"there is no file or folder .*none"):
        fingerprint(tmp_path / "none")
