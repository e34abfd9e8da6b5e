import numpy as np
import pandas as pd
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.sample.slide_grid import (
    Annotated,
    SlideGridSettings,
    draw_patches,
    find_patches,
    slide_statistics,
)

SLIDE = Grid.upright((1024, 1536), (0.0005, 0.0005), (0.00025, 0.00025))


def tissue(mask, um=128.0):
    """By default one sample per patch of 256 pixels."""
    mask = np.asarray(mask, dtype=bool)
    return ArrayImage(Grid.upright(mask.shape, (um / 1000,) * 2, (um / 2000,) * 2), mask)


def whole():
    return tissue(np.ones((4, 6)))


def square(left, top, side):
    return np.array([[left, top], [left + side, top], [left + side, top + side], [left, top + side]], float)


def places(table):
    return list(zip(table["row"], table["column"], strict=True))


def test_patches_cover_the_tissue_and_nothing_else():
    mask = np.zeros((4, 6))
    mask[1, 2] = mask[3, 5] = 1
    table = find_patches(SLIDE, tissue(mask))
    assert places(table) == [(256, 512), (768, 1280)]
    assert table["tissue_share"].tolist() == [1, 1]
    assert table["kind"].tolist() == ["normal", "normal"]


def test_a_patch_needs_the_given_share_of_tissue():
    mask = np.zeros((8, 12))
    mask[2, 4] = 1
    assert find_patches(SLIDE, tissue(mask, 64.0))["tissue_share"].tolist() == [0.25]
    assert len(find_patches(SLIDE, tissue(mask, 64.0), settings=SlideGridSettings(min_tissue=0.3))) == 0


def test_patches_are_all_tumour_boundary_or_normal():
    # Tumour from (256, 256) to (768, 768): two by two patches of a slide of four by six.
    annotated = Annotated(Outline((square(256, 256, 512),)).sampled(16), SLIDE)
    table = find_patches(SLIDE, whole(), annotated)
    assert places(table[table["kind"] == "tumour"]) == [(256, 256), (256, 512), (512, 256), (512, 512)]
    assert (table["kind"] == "normal").sum() == 20
    shifted = find_patches(SLIDE, whole(), Annotated(Outline((square(384, 256, 512),)).sampled(16), SLIDE))
    assert shifted["kind"].value_counts().to_dict() == {"normal": 18, "boundary": 4, "tumour": 2}
    assert shifted.loc[shifted["kind"] == "boundary", "tumour_share"].tolist() == [0.5] * 4


def test_a_coarser_image_of_the_same_slide_has_the_same_tumour():
    coarse = Grid.upright((512, 768), (0.001, 0.001), (0.0005, 0.0005))
    annotated = Annotated(Outline((square(256, 256, 512),)).sampled(16), SLIDE)
    table = find_patches(coarse, whole(), annotated, SlideGridSettings(patch=128))
    assert places(table[table["kind"] == "tumour"]) == [(128, 128), (128, 256), (256, 128), (256, 256)]


def test_a_mask_that_counts_from_the_corner_of_the_file_is_shifted_by_the_bounds():
    held = SlideMask(np.ones((16, 16), bool), 16, corner=(16 + 4, 16 + 8))
    table = find_patches(SLIDE, whole(), Annotated(held, SLIDE, origin_xy=(128, 64)))
    assert places(table[table["kind"] == "tumour"]) == [(256, 256)]


def test_patches_may_overlap_and_never_reach_beyond_the_image():
    table = find_patches(SLIDE, whole(), settings=SlideGridSettings(stride=128))
    assert len(table) == 7 * 11
    assert table["row"].max() == 768
    small = Grid.upright((100, 100), (0.0005, 0.0005), (0.00025, 0.00025))
    assert len(find_patches(small, tissue(np.ones((1, 1))))) == 0


def made(tumour=0, boundary=0, normal=0):
    kinds = ["tumour"] * tumour + ["boundary"] * boundary + ["normal"] * normal
    numbers = np.arange(len(kinds))
    return pd.DataFrame({"row": numbers * 256, "column": numbers * 256 + 5, "kind": kinds})


SET = {"p1": made(50, 5, 100), "p2": made(3, 2, 200), "n1": made(normal=80), "n2": made(normal=500)}


def test_statistics_count_each_slide_and_all():
    frame = slide_statistics(SET).set_index("slide")
    assert frame.loc["p1", ["patches", "tumour", "boundary", "normal", "ratio"]].tolist() == [155, 50, 5, 100, 2]
    assert frame.loc["all", ["patches", "tumour", "boundary", "normal"]].tolist() == [940, 53, 7, 880]
    assert np.isnan(frame.loc["n1", "ratio"])
    assert slide_statistics(SET, few=10)["few_tumour"].tolist() == [False, True, False, False, False]


def test_the_draw_has_the_published_ratio_and_follows_the_seed():
    drawn = draw_patches(SET, 100, np.random.default_rng(0))
    assert drawn["source"].value_counts().to_dict() == {"negative": 50, "tumour": 25, "positive": 25}
    assert set(drawn.loc[drawn["source"] == "tumour", "kind"]) == {"tumour"}
    pd.testing.assert_frame_equal(drawn, draw_patches(SET, 100, np.random.default_rng(0)))
    assert not drawn.equals(draw_patches(SET, 100, np.random.default_rng(1)))


def test_negatives_are_real_tissue_of_every_slide_and_not_one_corner_over_and_over():
    # The published code drew tile (0, 0), an empty corner, for every negative patch (section 5.3).
    mask = np.ones((4, 6))
    mask[0, 0] = 0
    tables = {
        "n1": find_patches(SLIDE, tissue(mask)),
        "n2": find_patches(SLIDE, tissue(mask)),
        "p": find_patches(SLIDE, tissue(mask), Annotated(Outline((square(256, 256, 256),)).sampled(16), SLIDE)),
    }
    drawn = draw_patches(tables, 40, np.random.default_rng(0))
    negatives = drawn[drawn["source"] == "negative"]
    assert negatives["slide"].value_counts().to_dict() == {"n1": 10, "n2": 10}
    assert (0, 0) not in places(negatives)
    assert not negatives.duplicated(["slide", "row", "column"]).any()


def test_slides_give_equally_many_patches_as_far_as_they_have_them():
    drawn = draw_patches(SET, 40, np.random.default_rng(0), weights=(1, 0, 1))
    assert drawn["slide"].value_counts().to_dict() == {"p1": 17, "p2": 3, "n1": 10, "n2": 10}
    assert not drawn.duplicated(["slide", "row", "column"]).any()


def test_patches_come_twice_only_when_every_slide_is_used_up():
    drawn = draw_patches({"p": made(tumour=4)}, 10, np.random.default_rng(0), weights=(1, 0, 0))
    assert sorted(drawn["row"].value_counts().tolist()) == [2, 2, 3, 3]


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"n": made(normal=5)}, "all tumour, but there are none; of 1 slides 0 hold tumour; are the outlines those"),
        ({"p": made(tumour=5), "n": made(normal=5)}, "normal tissue of slides with tumour, but there is none"),
        ({"p": made(tumour=5, normal=5)}, "of slides without tumour, but there is none; .* give this source weight 0"),
    ],
)
def test_a_set_that_lacks_a_source_is_refused_with_a_sentence(tables, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        draw_patches(tables, 8, np.random.default_rng(0))


@pytest.mark.parametrize(("count", "weights"), [(0, (1, 1, 2)), (5, (0, 0, 0)), (5, (-1, 1, 1))])
def test_impossible_draws_are_refused(count, weights):
    with pytest.raises(LesionkitError, match="a draw needs a count of 1 or more and weights of 0 or more, got"):
        draw_patches(SET, count, np.random.default_rng(0), weights)
