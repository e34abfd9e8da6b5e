import pickle

import numpy as np
import pandas as pd
import pytest
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.sample.slide_grid import Annotated, SlideGridSettings, draw_patches, find_patches
from lesionkit.sample.slide_patches import LabelledPatches, SlidePatches, tumour_within

GRID = Grid.upright((256, 256), (0.001, 0.001), (0.0005, 0.0005))


class Slides:
    """Slides whose tissue, pink with tumour purple, fills their middle; their corner is white and empty."""

    def __init__(self):
        self.opened = []
        self.tumour = {"ill": np.zeros((256, 256), bool), "well": np.zeros((256, 256), bool)}
        self.tumour["ill"][128:192, 64:192] = True
        self.images = {}
        for slide, tumour in self.tumour.items():
            colours = np.full((256, 256, 3), 255, np.uint8)
            colours[64:192, 64:192] = (230, 150, 200)
            colours[tumour] = (90, 40, 130)
            self.images[slide] = ArrayImage(GRID, colours)

    def __call__(self, slide):
        self.opened.append(slide)
        return self.images[slide]

    @property
    def annotated(self):
        return {"ill": Annotated(SlideMask(self.tumour["ill"], 1), GRID), "well": None}

    def tables(self, patch=32):
        tissue = np.zeros((256, 256), bool)
        tissue[64:192, 64:192] = True
        settings = SlideGridSettings(patch=patch)
        found = self.annotated
        return {
            slide: find_patches(GRID, ArrayImage(GRID, tissue), found[slide], settings) for slide in ("ill", "well")
        }


@pytest.fixture
def slides():
    return Slides()


def rows(*places, kind="normal"):
    return pd.DataFrame([(*place, kind) for place in places], columns=["slide", "row", "column", "kind"])


def test_negatives_are_different_places_of_real_tissue(slides):
    # The original read every negative patch from the corner (0, 0) of the slide: 102,000 times empty glass.
    drawn = draw_patches(slides.tables(), 24, np.random.default_rng(0))
    patches = SlidePatches(drawn, slides, slides.annotated, side=32)
    negative = np.flatnonzero(drawn["source"] == "negative")
    shown = [patches.raw(number).image for number in negative]
    assert len(negative) == 12
    assert all((image == (230, 150, 200)).all() for image in shown)
    assert not ((drawn["row"] == 0) & (drawn["column"] == 0)).any()
    assert len(set(map(tuple, drawn.loc[negative, ["row", "column"]].to_numpy().tolist()))) == 12


def test_an_item_has_the_colours_of_its_place_its_mask_and_its_label(slides):
    item = SlidePatches(rows(("ill", 128, 64), kind="tumour"), slides, slides.annotated, side=64)[0]
    assert item["image"].shape == (3, 64, 64)
    torch.testing.assert_close(item["image"][:, 0, 0], torch.tensor([90, 40, 130]) / 255)
    assert item["mask"].shape == (1, 64, 64)
    assert bool((item["mask"] == 1).all())
    assert float(item["label"]) == 1


def test_the_mask_of_a_patch_on_the_edge_of_a_tumour_follows_the_edge(slides):
    raw = SlidePatches(rows(("ill", 96, 64), kind="boundary"), slides, slides.annotated, side=64).raw(0)
    assert raw.mask.mean(axis=1).tolist() == [0] * 32 + [1] * 32
    assert raw.label == 0


def test_normal_tissue_of_a_slide_with_tumour_is_labelled_normal(slides):
    # The original's stored patches of a positive slide were all called tumour (system 4, 5.3).
    drawn = draw_patches(slides.tables(), 24, np.random.default_rng(0))
    patches = SlidePatches(drawn, slides, slides.annotated, side=32)
    positive = np.flatnonzero(drawn["source"] == "positive")
    assert len(positive) == 6
    assert all(patches.raw(n).label == 0 and not patches.raw(n).mask.any() for n in positive)


def test_smaller_rows_of_slides_with_little_tumour_are_read_with_more_around(slides):
    drawn = rows(("ill", 144, 112), kind="tumour")
    raw = SlidePatches(drawn, slides, slides.annotated, side=64, patch={"ill": 32}).raw(0)
    expected = slides.images["ill"].array[128:192, 96:160]
    assert np.array_equal(raw.image, expected)
    assert raw.label == 1


def test_beyond_the_slide_it_is_white_and_no_tumour(slides):
    raw = SlidePatches(rows(("ill", 240, 240)), slides, slides.annotated, side=64).raw(0)
    assert (raw.image == 255).all()
    assert not raw.mask.any()


def test_each_slide_is_opened_once_and_never_travels_to_another_process(slides):
    patches = SlidePatches(rows(("ill", 64, 64), ("ill", 96, 96), ("well", 64, 64)), slides, {}, side=32)
    for number in range(3):
        patches.raw(number)
    assert slides.opened == ["ill", "well"]
    again = pickle.loads(pickle.dumps(patches))
    assert again._images == {}
    assert np.array_equal(again.raw(2).image, patches.raw(2).image)


def test_masks_at_a_sixteenth_and_of_files_with_a_bounds_offset_lie_right():
    finest = Grid.upright((512, 512), (0.0005, 0.0005), (0.00025, 0.00025))
    square = np.array([[64, 128], [192, 128], [192, 256], [64, 256]], float)  # (x, y) on the finest level
    annotated = Annotated(Outline((square,)).sampled(16), finest)
    held = tumour_within(annotated, GRID, (0, 0), 160)
    assert np.argwhere(held).min(axis=0).tolist() == [64, 32]
    assert np.argwhere(held).max(axis=0).tolist() == [127, 95]
    offset = Annotated(annotated.mask, finest, origin_xy=(64, 128))
    assert np.argwhere(tumour_within(offset, GRID, (0, 0), 160)).min(axis=0).tolist() == [0, 0]


def test_normalised_colours_are_what_the_normaliser_makes_of_them(slides):
    told = []

    def white(slide, colours):
        told.append(slide)
        return np.full_like(colours, 255)

    patches = SlidePatches(rows(("ill", 64, 64)), slides, slides.annotated, side=32, normalise=white)
    assert (patches.raw(0).image == 255).all()
    assert told == ["ill"]


def test_rows_that_do_not_fit_are_refused(slides):
    with pytest.raises(LesionkitError, match="need a column kind, got slide, row, column"):
        SlidePatches(rows().drop(columns="kind"), slides, {})
    with pytest.raises(LesionkitError, match=r"row 300, column 0 must lie on slide ill of 256 x 256 samples"):
        SlidePatches(rows(("ill", 300, 0)), slides, {}).raw(0)


def test_of_a_labelled_patch_only_a_healthy_middle_is_known():
    images = np.zeros((2, 96, 96, 3), np.uint8)
    healthy, ill = (LabelledPatches(images, [0, 1]).raw(number) for number in range(2))
    assert (healthy.mask[32:64, 32:64] == 0).all()
    assert (healthy.mask == 0).sum() == 32 * 32
    assert (ill.mask == -1).all()
    assert (healthy.label, ill.label) == (0, 1)


def test_labelled_patches_of_another_form_are_refused():
    images = np.zeros((2, 96, 96, 3), np.uint8)
    with pytest.raises(LesionkitError, match="uint8"):
        LabelledPatches(images / 255, [0, 1])
    with pytest.raises(LesionkitError, match="2 patches need as many labels of 0 or 1, got 3"):
        LabelledPatches(images, [0, 1, 1])
    with pytest.raises(LesionkitError, match="labels of 0 or 1"):
        LabelledPatches(images, [0, 2])
    with pytest.raises(LesionkitError, match="1 to 96 pixels, got 97"):
        LabelledPatches(images, [0, 1], middle=97)
