from functools import partial

import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.sample.augment_settings import NO_AUGMENTATION
from lesionkit.sample.draw import PatchDraws, zoom_of_size
from lesionkit.sample.draw_settings import SampleSettings
from lesionkit.sample.drawn import drawn

GRID = Grid.upright((96, 96, 96), (1.0, 1.0, 1.0), origin_mm=(-40.0, 10.0, 100.0))


def case(name, truth, excluded=(), lung_z=(0, 96)):
    lung = np.zeros(GRID.shape, bool)
    lung[slice(*lung_z)] = True
    image = ArrayImage(GRID, np.full(GRID.shape, -850, np.int16))
    return Case(name, name, image, truth, excluded, {"lung": ArrayImage(GRID, lung)})


def lesion(z, y, x, diameter=8.0):
    return Lesion(tuple(GRID.index_to_world([z, y, x])), diameter)


def draws(cases, insert=None, length=100, drawn=None, **shares):
    settings = SampleSettings(augment=NO_AUGMENTATION, **shares)
    words = {"seed": 0, "length": length, "insert": insert, "drawn": drawn}
    return PatchDraws(cases, settings, lambda patch: {"balls": patch.balls}, **words)


def test_number_i_is_the_same_patch_whenever_it_is_drawn():
    deck = draws([case("a", (lesion(48, 48, 48),))], insert_share=0)
    first = [deck.draw(i).balls.tolist() for i in range(8)]
    assert [deck.draw(i).balls.tolist() for i in reversed(range(8))] == first[::-1]


def test_the_share_of_lesion_patches_is_what_was_asked_for():
    # The lesion lies 40 samples below the lung cells, so that a random patch cannot contain it.
    deck = draws([case("a", (lesion(8, 48, 48),), lung_z=(80, 96))], lesion_share=0.4, insert_share=0)
    assert np.mean([len(deck.draw(i).balls) > 0 for i in range(300)]) == pytest.approx(0.4, abs=0.08)


def test_a_lesion_seen_in_part_teaches_nothing():
    deck = draws([case("a", (lesion(48, 48, 2, diameter=30.0),))], lesion_share=0, insert_share=0)
    patches = [deck.draw(i) for i in range(60)]
    assert any(len(p.balls) == 0 and len(p.ignored) == 1 for p in patches)
    assert all(len(p.balls) + len(p.ignored) <= 1 for p in patches)


def test_an_excluded_finding_of_unknown_size_hides_ten_millimetres():
    hidden = case("a", (), excluded=(lesion(48, 48, 48, diameter=0.0),))
    deck = draws([hidden, case("b", (lesion(48, 48, 48),))], lesion_share=0, insert_share=0)
    assert {float(d) for i in range(60) for d in deck.draw(i).ignored[:, 3]} <= {10.0, 8.0}
    assert any(10.0 in deck.draw(i).ignored[:, 3] for i in range(60))


def test_small_lesions_are_drawn_four_times_as_often_as_large_ones():
    deck = draws([case("a", (lesion(48, 48, 20, 6.0), lesion(48, 48, 76, 31.0)))], lesion_share=1, insert_share=0)
    small = sum(6.0 in deck.draw(i).balls[:, 3] and 31.0 not in deck.draw(i).balls[:, 3] for i in range(200))
    large = sum(31.0 in deck.draw(i).balls[:, 3] and 6.0 not in deck.draw(i).balls[:, 3] for i in range(200))
    assert small > 2 * large


@pytest.mark.parametrize("spacing", [0.7, 2.0])
def test_sizes_are_weighed_in_millimetres_at_any_spacing(spacing):
    # 8 mm weighs 4 and 12 mm weighs 3, also where 8 mm are 11 samples or 12 mm are 6.
    grid = Grid.upright((96, 96, 96), (spacing,) * 3)
    truth = tuple(Lesion(tuple(grid.index_to_world([48, 48, x])), d) for x, d in ((20, 8.0), (76, 12.0)))
    image = ArrayImage(grid, np.full(grid.shape, -850, np.int16))
    deck = draws([Case("a", "a", image, truth)], insert_share=0)
    np.testing.assert_allclose(deck._lesion_weights, [4 / 7, 3 / 7])


def test_nodules_are_inserted_into_healthy_cases_as_long_as_there_are_any():
    seen = []

    def insert(hu, lung, grid, taken, rng):
        seen.append(len(taken))
        return hu, []

    healthy, sick = case("a", ()), case("b", (lesion(48, 48, 48),))
    deck = draws([healthy, sick], insert=insert, lesion_share=0, insert_share=1)
    for number in range(30):
        deck.draw(number)
    assert set(seen) == {0}


def test_the_inserter_is_told_of_lesions_and_excluded_findings():
    told = []

    def insert(hu, lung, grid, taken, rng):
        told.append(tuple(taken))
        return hu, []

    sick = case("b", (lesion(48, 48, 48),), excluded=(lesion(20, 20, 20, 5.0),))
    draws([sick], insert=insert, lesion_share=0, insert_share=1).draw(0)
    assert told == [(*sick.truth, *sick.excluded)]


def test_inserted_nodules_become_truth_where_they_were_put():
    def insert(hu, lung, grid, taken, rng):
        assert lung.shape == hu.shape == grid.shape
        return hu + 1, [Lesion(tuple(grid.index_to_world([10, 20, 30])), 5.0)]

    deck = draws([case("a", None)], insert=insert, lesion_share=0, insert_share=1)
    np.testing.assert_allclose(deck.draw(0).balls, [[10, 20, 30, 5]], atol=1e-9)
    assert deck.draw(0).hu.max() == -849


def test_cases_nobody_looked_at_are_background_for_insertion_only():
    bright = case("unknown", None)
    bright.image.array[:] = 0
    deck = draws([bright, case("known", (lesion(48, 48, 48),))], lesion_share=0, insert_share=0)
    assert {float(deck.draw(i).hu.max()) for i in range(20)} == {-850.0}


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(LesionkitError, match="at least one lesion among 1 cases"):
        draws([case("a", ())], insert_share=0)


def test_shares_above_one_are_refused():
    with pytest.raises(LesionkitError, match=r"at most 1, got 1\.2"):
        SampleSettings(lesion_share=0.6, insert_share=0.6)


def test_a_lesion_is_kept_whole_with_a_margin_where_it_is_asked_for():
    cases = [case("a", (lesion(48, 48, 48, 16.0),))]
    deck = draws(cases, lesion_share=1, insert_share=0, whole=True, edge_samples=12)
    balls = np.concatenate([deck.draw(i).balls for i in range(40)])
    # 64 / 2 - 16 / 2 - 12 = 12 samples from the middle, and half a sample of rounding.
    assert np.abs(balls[:, :3] - 31.5).max() <= 12.51
    assert np.abs(balls[:, :3] - 31.5).max() > 9


def test_of_lesions_kept_whole_one_larger_than_a_patch_is_not_drawn():
    cases = [case("a", (lesion(48, 48, 20, 6.0), lesion(48, 48, 70, 70.0)))]
    deck = draws(cases, lesion_share=1, insert_share=0, whole=True, size_weights=(1, 1, 1))
    assert all(6.0 in deck.draw(i).balls[:, 3] for i in range(20))


def test_where_every_lesion_is_larger_than_a_patch_the_refusal_says_what_to_do():
    with pytest.raises(LesionkitError, match=r"that a patch can hold, got none; raise sample\.patch or change"):
        draws([case("a", (lesion(48, 48, 48, 70.0),))], insert_share=0, whole=True)


@pytest.mark.parametrize(
    ("diameter", "lowest", "highest"),
    [(5.0, 1.0, 1.25), (9.0, 8 / 9, 1.25), (20.0, 0.75, 1.25), (110.0, 0.75, 12 / 11)],
)
def test_a_lesion_is_magnified_by_its_size(diameter, lowest, highest):
    rng = np.random.default_rng(0)
    zooms = [zoom_of_size(rng, diameter) for _ in range(400)]
    assert (min(zooms), max(zooms)) == (pytest.approx(lowest, abs=0.01), pytest.approx(highest, abs=0.01))


def test_magnified_by_size_a_lesion_looks_larger_or_smaller_in_its_patch():
    deck = draws([case("a", (lesion(48, 48, 48, 10.0),))], lesion_share=1, insert_share=0, zoom_by_size=True)
    diameters = [float(deck.draw(i).balls[0, 3]) for i in range(30)]
    assert 7.9 < min(diameters) < 9
    assert 11.5 < max(diameters) < 12.6


def test_groups_of_size_are_drawn_by_their_weights_in_either_direction():
    cases = [case("a", (lesion(48, 48, 16, 5.0), lesion(48, 48, 80, 35.0)))]
    deck = draws(cases, lesion_share=1, insert_share=0, patch=32, size_limits_mm=(6, 30, 40), size_weights=(0, 1, 3, 7))
    assert all(35.0 in deck.draw(i).balls[:, 3] for i in range(20))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"size_weights": (1, 1)}, "size_weights must be one more than the ascending size_limits_mm, got 2"),
        ({"size_limits_mm": (30, 10)}, "size_weights must be one more than the ascending size_limits_mm"),
        ({"size_weights": (0, 0, 0)}, "size_weights must be 0 or more, one of them above 0"),
    ],
)
def test_weights_of_sizes_fit_their_limits(given, said):
    with pytest.raises(LesionkitError, match=said):
        SampleSettings(**given)


def test_a_patch_knows_where_in_the_image_it_lies():
    deck = draws([case("a", (lesion(20, 48, 70),))], lesion_share=1, insert_share=0)
    patch = deck.draw(0)
    z, y, x, _ = patch.balls[0]
    told = patch.frame @ [z, y, x, 1]
    np.testing.assert_allclose(told, (np.array([20, 48, 70]) + 0.5) / 96 - 0.5)


def bright(shape, *centres, diameter=9.0):
    """A scan in which exactly the samples of its lesions are bright."""
    grid = Grid.upright(shape, (1.0, 1.0, 1.0), origin_mm=(-40.0, 10.0, 100.0))
    truth = tuple(Lesion(tuple(grid.index_to_world(centre)), diameter) for centre in centres)
    hu = np.where(drawn(truth, grid, "sphere") > 0, 50, -850).astype(np.int16)
    lung = ArrayImage(grid, np.ones(shape, bool))
    return Case("a", "a", ArrayImage(grid, hu), truth, (), {"lung": lung})


@pytest.mark.parametrize("centre", [(48, 48, 48), (0, 1, 2), (95, 94, 48), (48, 0, 95), (3, 90, 30)])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_what_is_drawn_lies_where_the_lesion_is_also_where_a_patch_was_shifted_off_the_border(centre, share):
    deck = draws(
        [bright((96, 96, 96), centre)], drawn=partial(drawn, form="sphere"), lesion_share=share, insert_share=0
    )
    patches = [deck.draw(number) for number in range(12)]
    for patch in patches:
        assert patch.hu.shape == patch.drawn.shape == (64, 64, 64)
        np.testing.assert_array_equal(patch.drawn > 0, patch.hu == 50)
        assert patch.hu.min() == -850
    if share:
        assert all(len(patch.balls) == 1 and patch.drawn.any() for patch in patches)


@pytest.mark.parametrize("shape", [(20, 96, 96), (40, 40, 40), (1, 64, 200)])
def test_a_scan_smaller_than_a_patch_has_air_around_it_and_its_lesions_in_their_places(shape):
    scan = bright(shape, tuple(n // 2 for n in shape), diameter=5.0)
    deck = draws([scan], drawn=partial(drawn, form="sphere"), lesion_share=0.5, insert_share=0)
    for number in range(10):
        patch = deck.draw(number)
        np.testing.assert_array_equal(patch.drawn > 0, patch.hu == 50)
        assert (patch.hu == -1024).sum() == 64**3 - np.prod(np.minimum(shape, 64))
