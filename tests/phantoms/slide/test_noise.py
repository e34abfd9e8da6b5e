import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.phantoms.slide.noise import Dice, Raster, cell_distances, enlarge, noise, scatter

DICE = Dice.of(1, "anything")
places = st.integers(-5000, 5000)


def test_dice_are_fair_and_differ_by_cell_name_seed_and_salt():
    y, x = np.meshgrid(np.arange(100), np.arange(100), indexing="ij")
    rolls = DICE.roll(y, x)
    assert abs(rolls.mean() - 0.5) < 0.02
    assert abs(np.corrcoef(rolls[:-1].ravel(), rolls[1:].ravel())[0, 1]) < 0.05
    others = (Dice.of(2, "anything").roll(y, x), Dice.of(1, "other").roll(y, x), DICE.roll(y, x, salt=1))
    assert all(abs(np.corrcoef(rolls.ravel(), other.ravel())[0, 1]) < 0.05 for other in others)


@given(top=places, left=places, wavelength=st.floats(9, 3000))
def test_noise_at_a_place_does_not_depend_on_the_raster_around_it(top, left, wavelength):
    large = noise(DICE, Raster((top, left), (20, 30), 2.0), wavelength)
    small = noise(DICE, Raster((top + 7, left + 11), (5, 6), 2.0), wavelength)
    np.testing.assert_allclose(large[7:12, 11:17], small, atol=1e-5)


def test_noise_has_mean_0_and_the_stated_spread():
    field = noise(DICE, Raster((0, 0), (900, 900), 2.0), 50.0)
    assert abs(field.mean()) < 0.05
    assert 0.5 < field.std() < 0.7


@given(top=places, left=places)
def test_points_of_a_box_are_those_of_a_larger_one_that_lie_in_it(top, left):
    outer = scatter(DICE, (top, left, top + 200, left + 200), 20.0)
    inner = scatter(DICE, (top + 50, left + 60, top + 90, left + 130), 20.0)
    expected = {
        (y, x)
        for y, x in zip(outer.y.tolist(), outer.x.tolist(), strict=True)
        if top + 50 <= y <= top + 90 and left + 60 <= x <= left + 130
    }
    assert set(zip(inner.y.tolist(), inner.x.tolist(), strict=True)) == expected


def test_there_is_a_point_per_cell():
    assert abs(len(scatter(DICE, (0, 0, 1000, 1000), 10.0)) - 10_000) < 300


def test_cell_distances_are_those_to_the_scattered_points():
    raster = Raster((10, 20), (30, 40), 2.0)
    first, second = cell_distances(DICE, raster, 25.0, jitter=0.6)
    points = scatter(DICE, (-100, -100, 300, 300), 25.0, jitter=0.6)
    y, x = raster.open
    away = np.sort(np.hypot(y[..., None] - points.y, x[..., None] - points.x), axis=-1)
    np.testing.assert_allclose(first, away[..., 0], atol=1e-3)
    np.testing.assert_allclose(second, away[..., 1], atol=1e-3)


def test_a_slope_stays_a_slope_when_it_is_enlarged():
    slope = np.arange(8, dtype=np.float32)[:, None] * np.ones((1, 8), np.float32)
    fine = enlarge(slope, 4, (16, 16))
    # The first pixel's centre lies an eighth of a step beyond sample 1.
    np.testing.assert_allclose(fine[:, 3], 1.125 + 0.25 * np.arange(16), atol=1e-5)


def test_the_window_of_a_point_beyond_the_raster_is_none():
    raster = Raster((0, 0), (10, 10), 2.0)
    assert raster.window(100, 5, 3) is None
    assert raster.window(4, 6, 2) == (slice(1, 4), slice(2, 5))
