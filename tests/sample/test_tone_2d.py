import numpy as np
import pytest
import torch
from scipy import ndimage

from lesionkit.sample.tone_2d import (
    BoxBlur,
    Brightness,
    Clahe,
    Contrast,
    Gamma,
    GaussianBlur,
    MedianBlur,
    MotionBlur,
)
from lesionkit.sample.warp_2d import Picture

RNG = np.random.default_rng


def grey(*values: float) -> Picture:
    image = torch.tensor(values).view(1, 1, -1)
    return Picture(image, (image > 0.5).float())


def dot(side: int = 7) -> Picture:
    image = torch.zeros(1, side, side)
    image[0, side // 2, side // 2] = 0.9
    return Picture(image, image)


STEPS = {
    "contrast": Contrast(0.2),
    "brightness": Brightness(0.2),
    "gamma": Gamma(0.6, 1.2),
    "clahe": Clahe(4, 4),
    "box": BoxBlur(3),
    "median": MedianBlur(3),
    "motion": MotionBlur(3),
    "gaussian": GaussianBlur(0.3),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_the_mask_stays_and_grey_values_stay_in_range(step):
    image = torch.from_numpy(RNG(0).random((1, 32, 32)).astype(np.float32))
    before = Picture(image, (image > 0.5).float())
    for seed in range(6):
        after = step(before, RNG(seed))
        assert after.mask is before.mask
        assert after.image.shape == image.shape
        assert after.image.dtype == torch.float32
        assert 0 <= after.image.min() <= after.image.max() <= 1


@pytest.mark.parametrize("seed", range(20))
def test_ranges_hold(seed):
    assert 0.4 <= Contrast(0.2)(grey(0.5), RNG(seed)).image.item() <= 0.6
    assert 0.3 <= Brightness(0.2)(grey(0.5), RNG(seed)).image.item() <= 0.7
    assert 0.5**1.2 <= Gamma(0.8, 1.2)(grey(0.5), RNG(seed)).image.item() <= 0.5**0.8


def test_contrast_leaves_black_and_brightness_does_not():
    assert Contrast(0.2)(grey(0.0, 0.5), RNG(1)).image[0, 0, 0] == 0
    low = Brightness(0.2)(grey(0.4, 0.5), RNG(1)).image
    assert (low[0, 0, 1] - low[0, 0, 0]).item() == pytest.approx(0.1)


def test_a_box_spreads_a_dot_over_nine_pixels_and_a_median_removes_it():
    assert BoxBlur(3)(dot(), RNG(0)).image[0, 2:5, 2:5].tolist() == pytest.approx(np.full((3, 3), 0.1))
    assert MedianBlur(3)(dot(), RNG(0)).image.max() == 0


@pytest.mark.parametrize("sides", [(17, 23), (3, 1), (1, 1)])
def test_the_quick_median_of_nine_is_scipy_s(sides):
    image = RNG(0).random(sides).astype(np.float32)
    after = MedianBlur(3)(Picture(torch.from_numpy(image)[None], torch.zeros(1, *sides)), RNG(0))
    np.testing.assert_array_equal(after.image[0].numpy(), ndimage.median_filter(image, 3, mode="nearest"))


def test_a_median_of_25_removes_four_pixels():
    image = torch.zeros(1, 9, 9)
    image[0, 4:6, 4:6] = 1
    assert not MedianBlur(5)(Picture(image, image), RNG(0)).image.any()


@pytest.mark.parametrize("seed", range(6))
def test_motion_spreads_a_dot_along_two_or_three_pixels(seed):
    after = MotionBlur(3)(dot(), RNG(seed)).image
    assert after.sum().item() == pytest.approx(0.9, abs=1e-5)
    assert (after > 0).sum().item() in (2, 3)


def test_a_gaussian_of_at_most_a_third_of_a_pixel_hardly_leaves_it():
    assert GaussianBlur(0.3)(dot(), RNG(0)).image[0, 3, 3] > 0.85


def test_limited_equalisation_lifts_the_contrast_of_a_flat_picture():
    image = torch.from_numpy((0.5 + 0.02 * RNG(0).standard_normal((1, 64, 64))).astype(np.float32))
    after = Clahe(4, 4)(Picture(image, image), RNG(0)).image
    assert after.std() > 2 * image.std()


def test_a_picture_of_one_grey_value_has_no_contrast_to_lift():
    before = grey(0.3, 0.3)
    assert Clahe(4, 4)(before, RNG(0)) is before
