import math

import numpy as np
import pytest
import torch
from torchvision.transforms.v2.functional import gaussian_blur

from lesionkit.sample.warp_2d import (
    Crop,
    CropSides,
    Elastic,
    Erase,
    Flip,
    GridDistortion,
    OpticalDistortion,
    Picture,
    Rescale,
    ShiftScaleRotate,
    _smoothed,
    look_up,
    pixels,
)

RNG = np.random.default_rng


def picture(y: int = 40, x: int = 40) -> Picture:
    """Grey rises to the right and downwards; the mask is the middle."""
    image = (torch.arange(y)[:, None] * x + torch.arange(x)) / (y * x)
    mask = torch.zeros(y, x)
    mask[y // 4 : 3 * y // 4, x // 4 : 3 * x // 4] = 1
    return Picture(image.float()[None], mask[None])


NOTHING = {
    "rotation by 0": ShiftScaleRotate(0, 0, 0, "zero"),
    "elastic of 0": Elastic(0, 6, 0),
    "grid of 0": GridDistortion(5, 0),
    "lens of 0": OpticalDistortion(0, 0),
    "cut of 0": CropSides(0),
    "scale 1": Rescale((1.0,), 0.5),
    "crop of all": Crop(40),
    "erase nothing": Erase((0, 0)),
}


@pytest.mark.parametrize("step", NOTHING.values(), ids=NOTHING)
def test_a_range_of_nothing_changes_nothing(step):
    before = picture()
    after = step(before, RNG(0))
    torch.testing.assert_close(after.image, before.image, atol=1e-4, rtol=0)
    torch.testing.assert_close(after.mask, before.mask)


def test_looking_one_pixel_to_the_right_moves_the_picture_to_the_left():
    before = picture()
    after = look_up(before, pixels((40, 40)) + torch.tensor([1.0, 0.0]), "zero")
    torch.testing.assert_close(after.image[:, :, :-1], before.image[:, :, 1:], atol=1e-4, rtol=0)
    assert after.image[:, :, -1].abs().max() < 1e-3


def test_beyond_the_edge_a_reflected_picture_goes_back_without_repeating_its_last_pixel():
    before = picture()
    after = look_up(before, pixels((40, 40)) + torch.tensor([1.0, 0.0]), "reflect")
    torch.testing.assert_close(after.image[:, :, -1], before.image[:, :, -2], atol=1e-4, rtol=0)


def test_a_flip_is_undone_by_a_flip():
    before = picture(4, 6)
    once = Flip()(before, RNG(0))
    assert once.image[0, 0, 0] == before.image[0, 0, -1]
    torch.testing.assert_close(Flip()(once, RNG(0)).mask, before.mask)


class Least:
    """Draws the lower end of every range."""

    def uniform(self, low, high, size=None):
        return low if size is None else np.full(size, low)


def test_a_quarter_turn_is_numpy_s():
    before = picture()
    after = ShiftScaleRotate(0, 0, 90, "zero")(before, Least())
    turned = [np.rot90(before.image[0].numpy(), k) for k in (1, 3)]
    assert any(np.allclose(after.image[0].numpy(), t, atol=1e-3) for t in turned)


def test_a_smaller_scale_makes_the_mask_smaller_by_its_square():
    after = ShiftScaleRotate(0, 0.5, 0, "zero")(picture(), Least())
    assert after.mask.sum() == pytest.approx(400 / 4, abs=21)


def test_a_shift_is_a_share_of_the_side():
    before = picture()
    after = ShiftScaleRotate(0.25, 0, 0, "zero")(before, Least())  # up and left by a quarter
    torch.testing.assert_close(after.mask[:, :20, :20], before.mask[:, 10:30, 10:30])
    assert not after.mask[:, 20:].any()


@pytest.mark.parametrize("seed", range(5))
def test_an_elastic_field_of_sigma_6_moves_pixels_by_a_few(seed):
    # alpha 120 times noise of deviation 1/√3 smoothed by 6 pixels: 120 / √3 / (2 √π 6) = 3.3 pixels.
    y = x = 128
    ramp = Picture((torch.arange(x).float() / x).expand(1, y, x), torch.zeros(1, y, x))
    moved = (Elastic(120, 6, 0)(ramp, RNG(seed)).image - ramp.image)[:, 20:-20, 20:-20] * x
    assert moved.std() == pytest.approx(3.3, rel=0.35)


@pytest.mark.parametrize(("sides", "sigma"), [((40, 50), 1.5), ((64, 30), 6), ((9, 9), 6)])
def test_the_quick_smoothing_is_torchvision_s(sides, sigma):
    noise = torch.from_numpy(RNG(0).random((2, *sides), dtype=np.float32))
    reach = min(math.ceil(4 * sigma), min(sides) - 1)
    expected = gaussian_blur(noise, [2 * reach + 1] * 2, [sigma] * 2)
    torch.testing.assert_close(_smoothed(noise, sigma), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("step", [Elastic(120, 6, 3.6), ShiftScaleRotate(0.1, 0.1, 45, "reflect")])
def test_a_healthy_radiograph_moves_like_a_sick_one_and_stays_healthy(step):
    sick = picture()
    healthy = step(Picture(sick.image, torch.zeros_like(sick.mask)), RNG(0))
    torch.testing.assert_close(healthy.image, step(sick, RNG(0)).image)
    assert not healthy.mask.any()


def test_a_cell_s_width_moves_its_end():
    ramp = Picture((torch.arange(50).float() / 50).expand(1, 50, 50), torch.zeros(1, 50, 50))
    after = GridDistortion(5, 0.3)(ramp, Least())  # every cell looks at 0.7 of its width
    assert after.image[0, 0, 20].item() == pytest.approx(0.7 * 20 / 50, abs=1e-3)
    assert after.image[0, 0, 49].item() == pytest.approx(0.7 * 49 / 50, abs=1e-3)


def test_a_lens_leaves_the_centre_and_draws_the_edge_in():
    ramp = Picture((torch.arange(41).float() / 41).expand(1, 41, 41), torch.zeros(1, 41, 41))
    after = OpticalDistortion(0.2, 0)(ramp, Least())  # k = -0.2
    assert after.image[0, 20, 20].item() == pytest.approx(20 / 41, abs=0.01)
    expected = 0.5 + (40 - 20.5) / 41 * (1 - 0.2 * 0.226 - 0.2 * 0.226**2)
    assert after.image[0, 20, 40].item() == pytest.approx(expected, abs=0.01)


def test_a_crop_is_a_part_of_the_picture():
    before = picture(48, 64)
    after = Crop(32)(before, RNG(0))
    assert after.sides == (32, 32)
    first = int(np.flatnonzero(before.image.numpy().ravel() == after.image[0, 0, 0].item())[0])
    y, x = divmod(first, 64)
    torch.testing.assert_close(after.mask, before.mask[:, y : y + 32, x : x + 32])


def test_a_picture_smaller_than_the_crop_stays_whole():
    assert Crop(512)(picture(), RNG(0)).sides == (40, 40)


@pytest.mark.parametrize("seed", range(5))
def test_cutting_up_to_a_tenth_per_side_magnifies_by_at_most_a_quarter(seed):
    area = CropSides(0.1)(picture(200, 200), RNG(seed)).mask.mean().item() / 0.25
    assert 1 <= area < 1.26**2


def test_a_smaller_picture_lies_on_black():
    full = Picture(torch.ones(1, 100, 100), torch.ones(1, 100, 100))
    after = Rescale((0.85,), centred=1.0)(full, RNG(0))
    assert after.mask.sum() == pytest.approx(85**2, abs=170)
    assert after.mask[0, :7].sum() == after.mask[0, -7:].sum() == 0
    anywhere = Rescale((0.85,), centred=0.0)(full, RNG(1))
    assert anywhere.mask.sum() == pytest.approx(85**2, abs=170)


def test_a_larger_picture_fills_the_canvas():
    full = Picture(torch.ones(1, 100, 100), torch.ones(1, 100, 100))
    for seed in range(5):
        assert Rescale((1.15,), centred=0.0)(full, RNG(seed)).mask.min() == 1


@pytest.mark.parametrize("seed", range(8))
def test_an_erased_rectangle_has_5_to_15_pixels_a_side_in_image_and_mask(seed):
    full = Picture(torch.ones(1, 60, 60), torch.ones(1, 60, 60))
    after = Erase((5, 15))(full, RNG(seed))
    assert torch.equal(after.image, after.mask)
    rows, columns = (after.mask[0] == 0).nonzero().unbind(1)
    sides = [int(v.max() - v.min()) + 1 for v in (rows, columns)]
    assert all(5 <= side <= 15 for side in sides)
    assert (after.mask == 0).sum() == sides[0] * sides[1]


def test_an_erased_square_has_a_fifth_of_the_side():
    full = Picture(torch.ones(1, 60, 60), torch.ones(1, 60, 60))
    assert (Erase((0.2, 0.2), square=True)(full, RNG(0)).mask == 0).sum() == 12 * 12
