from pathlib import Path

import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.prepare.store import Store


@pytest.fixture
def store(tmp_path):
    image = ArrayImage(Grid.upright((4, 4, 4), (1.0, 1.0, 1.0)), np.zeros((4, 4, 4), np.int16))
    store = Store(tmp_path / "cache")
    store.put("abc", Case("scan-1", "patient-1", image))
    return store


def damage(store):
    (file,) = (store.root / "abc.case").glob("*.b2nd")
    file.write_bytes(file.read_bytes()[:-1])


def test_ls_names_each_case_and_the_sum(lesionkit, store):
    result = lesionkit("cache", "ls")
    assert "scan-1" in result.stdout
    assert result.stdout.splitlines()[-1] == f"1 prepared cases, 0.0 MB in {store.root}"


def test_ls_of_no_cache_is_no_error(lesionkit, tmp_path):
    assert lesionkit("cache", "ls", "--root", tmp_path / "none").stdout.startswith("0 prepared cases")


def test_verify_tells_the_damaged_ones_by_exit_code_3_and_removes_them_if_asked(lesionkit, store):
    assert lesionkit("cache", "verify").exit_code == 0
    damage(store)
    result = lesionkit("cache", "verify")
    assert result.exit_code == 3
    assert result.stderr.startswith("damaged: abc: ")
    assert lesionkit("cache", "verify", "--remove").exit_code == 0
    assert lesionkit("cache", "verify").stdout.startswith("0 damaged, 0 listed")


def test_clear_asks_first(lesionkit, store):
    assert lesionkit("cache", "clear").exit_code == 1
    assert len(store.ls()) == 1
    assert lesionkit("cache", "clear", "--yes").exit_code == 0
    assert store.ls() == []
    assert Path(store.root).exists()
