import numpy as np
import pytest
import torch

from lesionkit.sample.film_2d import GridLines, Inverted, Letters, Noise, Sharpness, Shutters, Slope, Window
from lesionkit.sample.warp_2d import Picture

RNG = np.random.default_rng
STEPS = {
    "window": Window(0.12, 0.25),
    "slope": Slope(0.2),
    "sharpness": Sharpness(0.9, 1.5),
    "noise": Noise(0.03),
    "grid": GridLines(0.03),
    "letters": Letters(),
    "shutters": Shutters(0.06),
    "inverted": Inverted(),
}


def ramp(side=48):
    image = torch.linspace(0.2, 0.8, side * side).view(1, side, side)
    return Picture(image, (image > 0.6).float())


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_the_mask_stays_and_grey_values_stay_in_range(step):
    before = ramp()
    for seed in range(6):
        after = step(before, RNG(seed))
        assert after.mask is before.mask
        assert (after.image.shape, after.image.dtype) == (before.image.shape, torch.float32)
        assert 0 <= after.image.min() <= after.image.max() <= 1
    assert torch.equal(before.image, ramp().image)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_the_same_generator_gives_the_same_picture(step):
    assert torch.equal(step(ramp(), RNG(7)).image, step(ramp(), RNG(7)).image)


def test_inverted_twice_is_the_picture():
    twice = Inverted()(Inverted()(ramp(), RNG(0)), RNG(0))
    assert torch.allclose(twice.image, ramp().image, atol=1e-6)


def test_a_window_keeps_the_order_of_greys():
    after = Window(0.12, 0.25)(ramp(), RNG(1)).image.flatten()
    assert (after.diff() >= -1e-6).all()


def test_a_slope_leaves_the_mean():
    flat = Picture(torch.full((1, 32, 32), 0.5), torch.zeros(1, 32, 32))
    sloped = Slope(0.2)(flat, RNG(3)).image
    assert sloped.mean().item() == pytest.approx(0.5, abs=1e-3)
    assert sloped.std() > 0.01


def test_shutters_cover_the_edges_alone():
    changed = Shutters(0.06)(ramp(100), RNG(2)).image != ramp(100).image
    assert changed.any()
    assert not changed[:, 7:-7, 7:-7].any()


def test_a_flat_picture_is_neither_blurred_nor_sharpened():
    flat = Picture(torch.full((1, 32, 32), 0.5), torch.zeros(1, 32, 32))
    for seed in range(4):
        assert torch.allclose(Sharpness(0.9, 1.5)(flat, RNG(seed)).image, flat.image, atol=1e-5)
