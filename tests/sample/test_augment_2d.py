"""The winners' augmentations: image and mask move together, numbers are the published ones."""

import numpy as np
import pytest
import torch

from lesionkit.sample.augment_2d import AUGMENTATIONS, All, OneOf, Sometimes, Step
from lesionkit.sample.tone_2d import Brightness, Clahe, Contrast, Gamma
from lesionkit.sample.warp_2d import Crop, Elastic, Erase, Flip, GridDistortion, Picture, Rescale, ShiftScaleRotate

WINNERS = [name for name in AUGMENTATIONS if name != "none"]


def marked(side: int = 64) -> Picture:
    """A bright disc that is the mask, on grey."""
    ys, xs = np.mgrid[:side, :side]
    disc = (ys - side * 0.4) ** 2 + (xs - side * 0.55) ** 2 < (side / 5) ** 2
    grey = torch.from_numpy(np.where(disc, 0.9, 0.3).astype(np.float32))
    return Picture(grey[None], torch.from_numpy(disc.astype(np.float32))[None])


def steps_of(step: Step) -> list[Step]:
    inner = [step.step] if isinstance(step, Sometimes) else getattr(step, "steps", None)
    return [step] if not isinstance(inner, list | tuple) else [s for i in inner for s in steps_of(i)]


def only(name: str, kind: type) -> object:
    (found,) = [s for s in steps_of(AUGMENTATIONS[name]) if type(s) is kind]
    return found


def test_image_and_mask_move_together_also_where_grey_is_inverted():
    augment = AUGMENTATIONS["rooms"]
    for seed in range(12):
        after = augment(marked(), np.random.default_rng(seed))
        if 20 < after.mask.sum() < after.mask.numel() - 20:
            pair = torch.stack([after.image.flatten(), after.mask.flatten()])
            assert abs(float(torch.corrcoef(pair)[0, 1])) > 0.3


@pytest.mark.parametrize("name", [name for name in WINNERS if name != "rooms"])
def test_image_and_mask_move_together(name):
    augment, before = AUGMENTATIONS[name], marked()
    for seed in range(12):
        after = augment(before, np.random.default_rng(seed))
        inside, outside = after.image[after.mask > 0], after.image[after.mask == 0]
        if len(inside) > 20:
            # The disc is the brightest thing there is, wherever it went; its edge is blurred.
            assert inside.mean() > outside.mean() + 0.15
            assert (inside > outside.max() - 0.15).float().mean() > 0.7


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_picture_stays_one(name):
    before = marked()
    kept = before.image.clone()
    for seed in range(12):
        after = AUGMENTATIONS[name](before, np.random.default_rng(seed))
        assert after.image.shape == after.mask.shape == before.image.shape
        assert after.image.dtype == after.mask.dtype == torch.float32
        assert 0 <= after.image.min() <= after.image.max() <= 1
        assert set(after.mask.unique().tolist()) <= {0.0, 1.0}
    torch.testing.assert_close(before.image, kept)


@pytest.mark.parametrize("name", WINNERS)
def test_the_same_seed_gives_the_same_picture_and_seeds_differ(name):
    first, again = (AUGMENTATIONS[name](marked(), np.random.default_rng(5)).image for _ in range(2))
    torch.testing.assert_close(first, again)
    others = [AUGMENTATIONS[name](marked(), np.random.default_rng(seed)).image for seed in range(8)]
    assert any(not torch.equal(first, other) for other in others)


def test_validation_pictures_stay_as_they_are():
    before = marked()
    assert AUGMENTATIONS["none"](before, np.random.default_rng(0)) is before


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1st", ShiftScaleRotate(0.0625, 0.1, 45, "reflect")),
        ("2nd", ShiftScaleRotate(0.2, 0.2, 20, "zero")),
        ("4th", ShiftScaleRotate(0.2, 0.2, 20, "zero")),
        ("3rd", ShiftScaleRotate(0, 0, 30, "zero")),
        ("5th", ShiftScaleRotate(0, 0, 25, "zero")),
        ("1st", Gamma(0.8, 1.2)),
        ("2nd", Gamma(0.6, 1.2)),
        ("2nd", Clahe(4, 4)),
        ("1st", Elastic(120, 6, 3.6)),
        ("4th", GridDistortion(5, 0.3)),
        ("4th", Crop(512)),
        ("5th", Rescale((0.85, 1.0, 1.15), 0.5)),
        ("5th", Erase((5, 15))),
        ("5th", Contrast(0.05)),
        ("3rd", Brightness(0.2)),
    ],
)
def test_a_step_has_its_published_numbers(name, expected):
    assert only(name, type(expected)) == expected


def test_the_third_place_takes_exactly_one_of_eight():
    aug9 = AUGMENTATIONS["3rd"]
    assert isinstance(aug9, OneOf)
    assert (aug9.chance, len(aug9.steps)) == (1.0, 8)
    unchanged = sum(aug9(p := marked(32), np.random.default_rng(seed)) is p for seed in range(400))
    assert unchanged / 400 == pytest.approx(1 / 8, abs=0.05)


def test_chances_hold():
    flips = sum(Sometimes(0.3, Flip())(p := marked(8), np.random.default_rng(s)) is not p for s in range(500))
    assert flips / 500 == pytest.approx(0.3, abs=0.06)


def test_one_of_takes_each_as_often():
    black, white = Brightness(0), Flip()
    rng = np.random.default_rng(0)
    took = [torch.equal(OneOf(1.0, (black, white))(p := marked(8), rng).image, p.image) for _ in range(400)]
    assert np.mean(took) == pytest.approx(0.5, abs=0.08)


def test_steps_follow_each_other():
    twice = All((Flip(), Flip()))(marked(16), np.random.default_rng(0))
    torch.testing.assert_close(twice.image, marked(16).image)
