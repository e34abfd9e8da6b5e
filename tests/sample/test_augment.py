from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.sample.augment import augment, offset, resized, thicker_slices, turned
from lesionkit.sample.augment_settings import NO_AUGMENTATION, AugmentSettings
from lesionkit.sample.patch import Patch

NONE = np.zeros((0, 4))


def patch_with_ball(side=32, centre=(12.0, 20.0, 9.0), diameter=8.0):
    squared = sum((axis - c) ** 2 for axis, c in zip(np.indices((side,) * 3), centre, strict=True))
    hu = np.where(squared <= (diameter / 2) ** 2, 50.0, -850.0).astype(np.float32)
    return Patch(hu, np.array([[*centre, diameter]]), NONE)


def centre_of_mass(hu):
    weight = np.clip(hu + 800, 0, None)
    return [float((weight * axis).sum() / weight.sum()) for axis in np.indices(hu.shape)]


@settings(max_examples=20, deadline=None)
@given(st.permutations([0, 1, 2]), st.tuples(*[st.booleans()] * 3))
def test_the_truth_turns_with_the_samples(axes, flips):
    after = turned(patch_with_ball(), tuple(axes), flips)
    np.testing.assert_allclose(centre_of_mass(after.hu), after.balls[0, :3], atol=1e-4)


@pytest.mark.parametrize("side", [24, 32, 40])
def test_the_truth_is_resized_with_the_samples(side):
    after = resized(patch_with_ball(), side)
    assert after.hu.shape == (side,) * 3
    np.testing.assert_allclose(centre_of_mass(after.hu), after.balls[0, :3], atol=0.3)
    assert after.balls[0, 3] == pytest.approx(8.0 * side / 32)


@settings(max_examples=20, deadline=None)
@given(st.tuples(*[st.floats(0, 0.99)] * 3))
def test_the_truth_moves_with_a_shift_by_parts_of_a_sample(shares):
    after = offset(patch_with_ball(), np.array(shares))
    np.testing.assert_allclose(centre_of_mass(after.hu), after.balls[0, :3], atol=0.05)
    np.testing.assert_allclose(after.balls[0, :3], np.array([12.0, 20.0, 9.0]) - shares)


def test_slices_are_as_thick_as_the_settings_say():
    with pytest.raises(LesionkitError, match="two ascending counts"):
        AugmentSettings(thick_samples=(5, 2))
    plane = Patch(np.zeros((32, 4, 4), np.float32), NONE, NONE)
    plane.hu[16] = 80
    only = NO_AUGMENTATION.model_copy(update={"thick": 1.0, "thick_samples": (8, 8)})
    assert augment(plane, 32, only, np.random.default_rng(0)).hu.max() <= 10


def test_thick_slices_keep_a_ramp_away_from_the_ends():
    ramp = np.broadcast_to(np.arange(24, dtype=np.float32)[:, None, None], (24, 4, 4))
    np.testing.assert_allclose(thicker_slices(ramp, 4)[4:-4, 0, 0], np.arange(4, 20), atol=1e-4)


def test_thick_slices_spread_a_thin_plane():
    plane = np.zeros((24, 2, 2), np.float32)
    plane[12] = 100
    after = thicker_slices(plane, 4)[:, 0, 0]
    assert after.sum() == pytest.approx(100, rel=0.01)
    assert after.max() < 26


def test_without_augmentation_the_patch_stays_as_it_is():
    patch = patch_with_ball()
    after = augment(patch, 32, NO_AUGMENTATION, np.random.default_rng(0))
    np.testing.assert_array_equal(after.hu, patch.hu)
    np.testing.assert_array_equal(after.balls, patch.balls)


def test_the_same_generator_gives_the_same_patch():
    one, two = (augment(patch_with_ball(), 32, AugmentSettings(), np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.hu, two.hu)
    np.testing.assert_array_equal(one.balls, two.balls)


def test_noise_has_at_most_the_standard_deviation_that_was_asked_for():
    quiet = Patch(np.full((32, 32, 32), -850, np.float32), NONE, NONE)
    noisy = AugmentSettings(zoom=(1, 1), turn=0, thick=0, kernel=0, noise=1, noise_hu=30, shift_hu=0, scale=0)
    assert 0 < augment(quiet, 32, noisy, np.random.default_rng(1)).hu.std() <= 31


@given(
    st.permutations([0, 1, 2]), st.tuples(*[st.booleans()] * 3), st.integers(24, 40), st.tuples(*[st.floats(0, 1)] * 3)
)
@settings(max_examples=20)
def test_a_patch_knows_its_place_however_it_is_turned_resized_and_moved(axes, flips, side, shares):
    frame = np.column_stack([np.diag([0.01, 0.02, 0.03]), [-0.5, -0.4, -0.3]])
    patch = replace(patch_with_ball(), frame=frame)
    before = frame @ [*patch.balls[0, :3], 1]
    after = turned(resized(offset(patch, np.array(shares)), side), tuple(axes), flips)
    np.testing.assert_allclose(after.frame @ [*after.balls[0, :3], 1], before, atol=1e-12)


def test_flips_alone_leave_the_axes_where_they_are():
    flips = AugmentSettings(zoom=(1, 1), turn=0, flip=(0, 1, 0.5), thick=0, kernel=0, noise=0, shift_hu=0, scale=0)
    seen = {tuple(augment(patch_with_ball(), 32, flips, np.random.default_rng(n)).balls[0, :3]) for n in range(20)}
    assert seen == {(12.0, 11.0, 9.0), (12.0, 11.0, 22.0)}


def test_flips_are_chances():
    with pytest.raises(LesionkitError, match="flip must be three chances from 0 to 1"):
        AugmentSettings.parse({"flip": [0, 2, 0]})


def test_the_middles_of_cells_tell_where_in_the_image_they_lie():
    frame = np.column_stack([np.eye(3) / 64, np.full(3, -0.5)])
    told = replace(patch_with_ball(), frame=frame).location(4)
    assert told.shape == (3, 8, 8, 8)
    np.testing.assert_allclose(told[:, 0, 1, 2], np.array([1.5, 5.5, 9.5]) / 64 - 0.5, rtol=1e-6)
    assert not patch_with_ball().location(4).any()
