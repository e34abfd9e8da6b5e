import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.core.outlined import OutlinedSlices
from lesionkit.sample.augment_settings import NO_AUGMENTATION
from lesionkit.sample.draw import PatchDraws
from lesionkit.sample.drawn import drawn
from lesionkit.sample.slice_settings import SliceSampleSettings
from lesionkit.sample.slices import SliceDraws

PLAIN = {"patch": 32, "augment": NO_AUGMENTATION}


def encode(patch):
    return {"drawn": patch.drawn[None], "ignored": np.zeros((1, *patch.hu.shape), bool)}


def outlined(side=48, pixel_mm=0.5):
    hu = np.full((1, side, side), -800, np.int16)
    readers = np.zeros((1, side, side), np.uint8)
    hu[:, side // 2 - 4 : side // 2 + 4, side // 2 - 4 : side // 2 + 4] = 50
    readers[:, side // 2 - 4 : side // 2 + 4, side // 2 - 4 : side // 2 + 4] = 1
    return OutlinedSlices(hu, readers, np.array([pixel_mm]), ({"lesion": "a", "patient_id": "1"},))


def scan(lesions):
    grid = Grid.upright((30, 64, 64), (1.0, 0.5, 0.5))
    hu = np.full(grid.shape, -850, np.int16)
    lung = ArrayImage(grid, np.ones(grid.shape, bool))
    return Case("a", "1", ArrayImage(grid, hu), truth=lesions, regions={"lung": lung})


def draws(settings, slices=None, cases=None, length=4):
    patches = None
    if cases is not None:
        patches = PatchDraws(
            cases,
            settings,
            encode,
            seed=0,
            length=1,
            drawn=lambda lesions, grid: drawn(lesions, grid, "sphere"),
            depth=settings.depth,
            lesions_elsewhere=True,
        )
    return SliceDraws(patches, encode, slices, settings, 0.5, seed=0, length=length)


def test_an_outlined_slice_keeps_image_and_outline_together_wherever_it_is_shifted():
    hu, whole, ignored = draws(SliceSampleSettings(**PLAIN), outlined()).draw(0)
    assert hu.shape == whole.shape == (32, 32)
    assert whole.sum() == pytest.approx(64, abs=1e-3)  # 8 × 8 samples, moved by a part of one
    assert np.abs((hu + 800) / 850 - whole).max() < 1e-5
    assert not ignored.any()


def test_slices_are_resampled_to_the_width_that_the_network_learns_on():
    wide = draws(SliceSampleSettings(**PLAIN, shift_mm=0), outlined(pixel_mm=1.0)).draw(0)[1]
    assert wide.sum() == pytest.approx(16**2, rel=0.1)  # 8 samples of 1 mm are 16 of 0.5


def test_an_item_is_the_same_whenever_it_is_drawn():
    settings = SliceSampleSettings(patch=32, depth=8, lesion_share=0.5, insert_share=0)
    one, other = (draws(settings, outlined(), [scan((Lesion((16.0, 16.0, 15.0), 8.0),))]) for _ in range(2))
    later = [other[number] for number in (3, 1, 2, 0)]
    for number, item in zip((3, 1, 2, 0), later, strict=True):
        assert all((one[number][name] == item[name]).all() for name in ("hu", "drawn", "ignored"))


def test_of_a_block_with_a_lesion_those_slices_are_drawn_that_show_it_and_their_neighbours():
    lesion = Lesion((16.0, 16.0, 15.0), 4.0)
    settings = SliceSampleSettings(**PLAIN, lesion_share=1.0, insert_share=0, edge_samples=12, depth=30, per_cut=1)
    found = [draws(settings, None, [scan((lesion,))], 40).draw(number)[1].any() for number in range(40)]
    assert 0.5 < np.mean(found) < 1  # 4 or 5 slices show it, and 2 are neighbours


def test_a_scan_without_a_lesion_gives_slices_without_any_beside_outlined_ones():
    settings = SliceSampleSettings(**PLAIN, slices_share=0.5, lesion_share=0.5, insert_share=0)
    shown = [draws(settings, outlined(), [scan(())], 60).draw(number)[1].any() for number in range(60)]
    assert 0.3 < np.mean(shown) < 0.7


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(LesionkitError, match="from scans or from outlined slices, got neither"):
        draws(SliceSampleSettings())


def test_every_lesion_is_drawn_equally_often_however_many_slices_it_has():
    one = outlined()
    many = OutlinedSlices(
        np.repeat(one.hu, 5, axis=0),
        np.concatenate([np.repeat(one.readers, 4, axis=0), np.zeros_like(one.readers)]),
        np.full(5, 0.5),
        ({"lesion": "a", "patient_id": "1"},) * 4 + ({"lesion": "b", "patient_id": "2"},),
    )
    deck = draws(SliceSampleSettings(**PLAIN), many, length=200)
    assert 0.35 < np.mean([deck.draw(number)[1].any() for number in range(200)]) < 0.65


@pytest.mark.parametrize(("even", "glass"), [(0.0, 0.2), (0.5, 1 / 3), (1.0, 0.5)])
def test_rare_textures_are_drawn_more_often_if_wanted(even, glass):
    one = outlined()
    textures = (5, 4, 5, 4.5, 1)
    five = OutlinedSlices(
        np.repeat(one.hu, 5, axis=0),
        np.concatenate([np.zeros_like(one.readers)] * 4 + [one.readers]),
        np.full(5, 0.5),
        tuple({"lesion": n, "patient_id": n, "texture": texture} for n, texture in enumerate(textures)),
    )
    deck = draws(SliceSampleSettings(**PLAIN, even_textures=even), five, length=400)
    shown = np.mean([deck.draw(number)[1].any() for number in range(400)])
    assert abs(shown - glass) < 0.07


def test_lesions_of_which_no_texture_is_told_are_one_kind():
    one = outlined()
    two = OutlinedSlices(
        np.repeat(one.hu, 2, axis=0),
        np.concatenate([one.readers, np.zeros_like(one.readers)]),
        np.full(2, 0.5),
        ({"lesion": "a", "patient_id": "1"}, {"lesion": "b", "patient_id": "2", "texture": float("nan")}),
    )
    deck = draws(SliceSampleSettings(**PLAIN, even_textures=1.0), two, length=100)
    assert 0.3 < np.mean([deck.draw(number)[1].any() for number in range(100)]) < 0.7
