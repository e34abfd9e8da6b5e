from pathlib import Path

import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.prepare.picture_store import PictureStore, write_picture
from lesionkit.prepare.store import Store


@pytest.fixture
def store(tmp_path):
    image = ArrayImage(Grid.upright((4, 4, 4), (1.0, 1.0, 1.0)), np.zeros((4, 4, 4), np.int16))
    store = Store(tmp_path / "cache")
    store.put("abc", Case("scan-1", "patient-1", image))
    return store


@pytest.fixture
def pictures(tmp_path):
    pictures = PictureStore(tmp_path / "cache")
    folder, _ = pictures.begin("def", 2, 32)
    write_picture(folder, 0, np.ones((32, 32), np.uint8), np.zeros((32, 32), bool))
    return pictures


def damage(store):
    (file,) = (store.root / "abc.case").glob("*.b2nd")
    file.write_bytes(file.read_bytes()[:-1])


def test_ls_names_each_case_and_the_sum(lesionkit, store):
    result = lesionkit("cache", "ls")
    assert "scan-1" in result.stdout
    assert result.stdout.splitlines()[-1] == f"1 prepared case and 0 sets of radiographs, 0.0 MB in {store.root}"


def test_ls_of_no_cache_is_no_error(lesionkit, tmp_path):
    assert lesionkit("cache", "ls", "--root", tmp_path / "none").stdout.startswith("0 prepared cases and 0 sets")


def test_verify_tells_the_damaged_ones_by_exit_code_3_and_removes_them_if_asked(lesionkit, store):
    assert lesionkit("cache", "verify").exit_code == 0
    damage(store)
    result = lesionkit("cache", "verify")
    assert result.exit_code == 3
    assert result.stderr.startswith("damaged: abc: ")
    assert lesionkit("cache", "verify", "--remove").exit_code == 0
    assert lesionkit("cache", "verify").stdout.startswith("0 damaged; listed are 0 prepared cases and 0 sets")


def test_clear_asks_first(lesionkit, store):
    assert lesionkit("cache", "clear").exit_code == 1
    assert len(store.ls()) == 1
    assert lesionkit("cache", "clear", "--yes").exit_code == 0
    assert store.ls() == []
    assert Path(store.root).exists()


def test_prepared_radiographs_are_listed_checked_and_deleted_too(lesionkit, store, pictures):
    lines = [line.split() for line in lesionkit("cache", "ls").stdout.splitlines()]
    assert ["2", "1", "32", "0.0", "def"] in lines
    file = store.root / "def.pictures/images.npy"
    file.write_bytes(file.read_bytes()[:-1])
    result = lesionkit("cache", "verify")
    assert result.exit_code == 3
    assert result.stderr.startswith("damaged: def: ")
    assert lesionkit("cache", "clear", "--yes").exit_code == 0
    assert list(store.root.iterdir()) == []
