import pickle

import numpy as np
import pandas as pd
import pytest
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.outline import SlideMask
from lesionkit.sample.slide_cache import PIXELS, PackedPatches, pack_patches
from lesionkit.sample.slide_grid import Annotated
from lesionkit.sample.slide_patches import SlidePatches

GRID = Grid.upright((128, 128), (0.001, 0.001), (0.0005, 0.0005))
ROWS = pd.DataFrame(
    {"slide": ["a", "a", "b"], "row": [0, 32, 64], "column": [96, 0, 64], "kind": ["normal", "boundary", "tumour"]}
)


def open_image(slide):
    rng = np.random.default_rng(ord(slide))
    return ArrayImage(GRID, rng.integers(0, 256, (128, 128, 3), dtype=np.uint8))


@pytest.fixture
def patches():
    mask = np.zeros((128, 128), bool)
    mask[48:, :] = True
    annotated = Annotated(SlideMask(mask, 1), GRID)
    return SlidePatches(ROWS, open_image, {"a": annotated, "b": annotated}, side=32)


@pytest.fixture
def folder(patches, tmp_path):
    return pack_patches(tmp_path / "cache", patches, ROWS)


def test_the_cache_gives_what_is_read_from_the_slides(patches, folder):
    packed = PackedPatches(folder)
    assert len(packed) == 3
    for number in range(3):
        for name, tensor in patches[number].items():
            assert torch.equal(packed[number][name], tensor)


def test_rows_choose_patches_in_their_order_and_may_repeat(patches, folder):
    packed = PackedPatches(folder, ROWS.iloc[[2, 0, 2]])
    assert packed.rows["kind"].tolist() == ["tumour", "normal", "tumour"]
    assert np.array_equal(packed.raw(2).image, patches.raw(2).image)
    assert [packed.raw(n).label for n in range(3)] == [1, 0, 1]


def test_patches_are_one_file_and_an_index(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["patches.b2frame", "patches.parquet"]
    assert pd.read_parquet(folder / "patches.parquet")["row"].tolist() == [0, 32, 64]


def test_each_process_opens_the_file_for_itself(patches, folder):
    packed = PackedPatches(folder)
    packed.raw(0)
    again = pickle.loads(pickle.dumps(packed))
    assert np.array_equal(again.raw(1).image, patches.raw(1).image)


def test_progress_is_told(patches, tmp_path):
    told = []
    pack_patches(tmp_path / "cache", patches, ROWS, told.append)
    assert told == [1, 2, 3]


def test_a_break_while_packing_leaves_nothing(patches, tmp_path):
    def breaks(done):
        if done == 2:
            raise RuntimeError("the power went off")

    with pytest.raises(RuntimeError, match="power"):
        pack_patches(tmp_path / "cache", patches, ROWS, breaks)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_packed_or_found_is_said(patches, folder, tmp_path):
    with pytest.raises(LesionkitError, match="one row per patch, at least one, got 2 and 3"):
        pack_patches(tmp_path / "x", patches, ROWS.iloc[:2])
    twice = ROWS.iloc[[0, 1, 1]]
    with pytest.raises(LesionkitError, match="row 32, column 0 of slide a twice"):
        pack_patches(tmp_path / "x", patches, twice)
    with pytest.raises(LesionkitError, match="lacks 1 of 1, first row 7, column 0 of slide a"):
        PackedPatches(folder, pd.DataFrame({"slide": ["a"], "row": [7], "column": [0]}))
    (folder / PIXELS).unlink()
    with pytest.raises(LesionkitError, match="must be a cache of patches"):
        PackedPatches(folder)
