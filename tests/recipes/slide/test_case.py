import json

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.outline import SlideMask
from lesionkit.read.slide.set import read_slide_set
from lesionkit.recipes.slide.case import patches_of, prepare_slide, read_prepared
from lesionkit.recipes.slide.drawn import SlideTruth
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.sample.slide_grid import Annotated

GRID = Grid.upright((256, 288), (0.001, 0.001), (0.0005, 0.0005))
TISSUE = ArrayImage(GRID, np.ones(GRID.shape, bool))
SETTINGS = SlideMetastasis.parse({"patches": {"patch": 96}, "few": {"patch": 32, "stride": 16, "below": 100}})


def drawn(mask):
    tumour = SlideMask(mask, 1.0)
    return SlideTruth(tumour, Annotated(tumour, GRID))


@pytest.fixture
def everywhere():
    return drawn(np.ones(GRID.shape, bool))


def test_no_patch_reaches_beyond_the_slide_nor_begins_before_it(everywhere):
    table = patches_of(GRID, TISSUE, everywhere, SETTINGS)
    smaller = table[table["side"] == 32]
    assert len(smaller)
    for name, length in zip(("row", "column"), GRID.shape, strict=True):
        assert table[name].min() >= 0
        assert (table[name] + 96).max() <= length
        # The middle of the outermost is as far out as it can be in steps of 16.
        assert smaller[name].min() == 0
        assert smaller[name].max() == length - 96


def test_the_middle_of_a_smaller_patch_is_all_tumour(everywhere):
    mask = np.zeros(GRID.shape, bool)
    mask[100:170, 120:200] = True
    table = patches_of(GRID, TISSUE, drawn(mask), SETTINGS)
    smaller = table[table["side"] == 32]
    assert len(smaller)
    for row, column in smaller[["row", "column"]].to_numpy():
        assert mask[row + 32 : row + 64, column + 32 : column + 64].all()
    assert not (table[table["side"] == 96]["kind"] == "tumour").any()


def test_a_slide_with_enough_tumour_or_none_gets_no_smaller_patches(everywhere):
    few = SETTINGS.few.model_copy(update={"below": 1})
    enough = SETTINGS.model_copy(update={"few": few})
    assert set(patches_of(GRID, TISSUE, everywhere, enough)["side"]) == {96}
    assert set(patches_of(GRID, TISSUE, None, SETTINGS)["side"]) == {96}
    assert set(patches_of(GRID, TISSUE, drawn(np.zeros(GRID.shape, bool)), SETTINGS)["side"]) == {96}


def test_what_was_prepared_is_read_again_and_not_made_again(slides, tmp_path):
    entry = next(one for one in read_slide_set(slides) if one.slide_id == "a")
    folder = tmp_path / "a"
    prepare_slide(entry, SETTINGS, folder)
    kept = read_prepared(entry, folder)
    assert (kept.has_tumour, kept.facts["mpp"], kept.facts["patches"]) == (True, 1.0, len(kept.patches))
    assert kept.tissue.read(kept.tissue.grid.whole).any()
    before = (folder / "facts.json").stat().st_mtime_ns
    prepare_slide(entry, SETTINGS, folder)
    assert (folder / "facts.json").stat().st_mtime_ns == before


def test_a_damaged_folder_says_what_to_do(slides, tmp_path):
    entry = next(iter(read_slide_set(slides)))
    (tmp_path / "facts.json").write_text(json.dumps({"tissue_grid": {}}))
    with pytest.raises(LesionkitError, match=r"is damaged .*; delete it and run the same command again"):
        read_prepared(entry, tmp_path)
