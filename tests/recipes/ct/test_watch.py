from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.learn.watch_settings import WatchSettings
from lesionkit.recipes.ct.two_stage_train import encode_mask
from lesionkit.recipes.ct.watch import cube_watch, fine_and_large, mask_watch, show_batches, slice_watch
from lesionkit.sample.augment_settings import NO_AUGMENTATION
from lesionkit.sample.cube_settings import CubeSettings
from lesionkit.sample.cubes import CubeDraws, around_middle
from lesionkit.sample.draw import PatchDraws
from lesionkit.sample.draw_settings import SampleSettings
from lesionkit.sample.drawn import drawn
from lesionkit.sample.slice_settings import SliceSampleSettings
from lesionkit.sample.slices import SliceDraws

LESION = Lesion((50.0, 30.0, 40.0), 12.0)
SMALL = Lesion((20.0, 20.0, 20.0), 5.0)
SAMPLE = SampleSettings(patch=32)
CUBES = CubeSettings(side=16)
WATCH = WatchSettings(patches=4, cubes=8, pictures=1)


def scan(*lesions, cover=0.2) -> Case:
    grid = Grid.upright((64, 72, 80), (1.0, 1.0, 1.0))
    hu = np.random.default_rng(0).normal(-850, 20, grid.shape).astype(np.int16)
    return Case("a", "a", ArrayImage(grid, hu), truth=lesions, facts={"lung_cover_ratio": cover})


def ball(lesions, grid):
    return drawn(lesions, grid, "sphere")


def test_three_in_four_patches_that_are_looked_at_hold_a_lesion_and_they_are_the_same_each_time():
    first, again = (mask_watch([scan(LESION)], SAMPLE, WATCH, ball) for _ in range(2))
    assert [len(one.balls) for one in first.patches][:3] == [1, 1, 1]
    assert all(one.drawn.sum() > 100 for one in first.patches[:3])
    for one, other in zip(first.patches, again.patches, strict=True):
        np.testing.assert_array_equal(one.hu, other.hu)


def test_cubes_that_are_looked_at_are_of_both_kinds():
    watch = cube_watch([scan(LESION)], SAMPLE, CUBES, WATCH)
    assert watch.cubes.shape == (8, 16, 16, 16)
    assert 0 < watch.positive.sum() < 8


def test_slices_are_looked_at_with_their_lesions_as_discs(tmp_path):
    settings = SliceSampleSettings(patch=32, depth=8, lesion_share=1.0, insert_share=0.0, augment=NO_AUGMENTATION)
    patches = PatchDraws([scan(LESION)], settings, encode_mask, seed=0, length=1, drawn=ball, depth=8)
    deck = SliceDraws(patches, encode_mask, None, settings, 1.0, seed=0, length=8)
    watch = slice_watch(deck, WATCH)
    assert [(one.hu.shape, one.sample_mm) for one in watch.patches] == [((32, 32), 1.0)] * 4
    ((y, x, diameter),) = next(one.balls for one in watch.patches if len(one.balls))
    assert 0 < diameter <= 13
    assert 0 <= min(y, x) <= max(y, x) < 32
    assert slice_watch(deck, WatchSettings(every=0)) is None
    show_batches(tmp_path, deck, 4, 1)
    with Image.open(tmp_path / "first batches/batch 1.png") as picture:
        assert picture.size == (260, 260)


@pytest.mark.parametrize("held", [[], [scan()]])
def test_without_a_lesion_that_validates_nothing_is_looked_at(held):
    assert mask_watch(held, SAMPLE, WATCH, ball) is None
    assert cube_watch(held, SAMPLE, CUBES, WATCH) is None


def test_an_interval_of_0_needs_no_patches():
    never = WatchSettings(every=0)
    assert mask_watch([scan(LESION)], SAMPLE, never, ball) is None
    assert cube_watch([scan(LESION)], SAMPLE, CUBES, never) is None


def test_the_first_batches_are_shown_as_the_networks_get_them(tmp_path):
    patches = PatchDraws([scan(LESION)], SAMPLE, lambda _: {}, seed=0, length=8, drawn=ball)
    show_batches(tmp_path, patches, 2, 2)
    cubes = CubeDraws(
        PatchDraws([scan(LESION)], around_middle(SAMPLE, CUBES), lambda _: {}, seed=0, length=1),
        *(CUBES,),
        seed=0,
        length=8,
    )
    show_batches(tmp_path / "cubes", cubes, 4, 1)
    names = sorted(file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.png"))
    assert names == ["cubes/first batches/batch 1.png", "first batches/batch 1.png", "first batches/batch 2.png"]
    with Image.open(tmp_path / names[0]) as picture:
        assert picture.size == (260, 260)


def test_of_fine_scans_only_large_lesions_are_learned_and_small_ones_count_neither_way():
    (kept,) = fine_and_large([scan(LESION, SMALL), scan(LESION, cover=0.05)])
    assert (kept.truth, kept.excluded) == ((LESION,), (SMALL,))
    nobody = replace(scan(), truth=None)
    assert fine_and_large([nobody])[0].truth is None
    assert fine_and_large([]) == []


def test_who_keeps_only_fine_scans_and_has_none_is_told():
    with pytest.raises(LesionkitError, match=r"of which at least 0\.1 is lung, but of 1 none is; leave it out"):
        fine_and_large([scan(LESION, cover=0.05)])
