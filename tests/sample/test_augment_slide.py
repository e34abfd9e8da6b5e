import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.stain import HAEMATOXYLIN_EOSIN, mix, unmix
from lesionkit.sample.augment_slide import augment_slide, oriented, stained
from lesionkit.sample.augment_slide_settings import NO_SLIDE_AUGMENTATION, SLIDE_AUGMENTATIONS, SlideAugmentSettings


def blobs(count=3, side=48):
    """Dark discs off the middle on a bright ground, and masks that say where they are."""
    ys, xs = np.indices((side, side))
    masks = [(ys - 15 - 3 * n) ** 2 + (xs - 30 + 4 * n) ** 2 < 49 for n in range(count)]
    mask = torch.from_numpy(np.stack(masks))[:, None].float()
    return (1 - 0.8 * mask).expand(-1, 3, -1, -1).clone(), mask


def rng(seed=0):
    return np.random.default_rng(seed)


def agreement(image, mask):
    dark = image.mean(dim=1, keepdim=True) < 0.6 * image.amax(dim=(1, 2, 3), keepdim=True)
    return float((dark & (mask > 0)).sum() / (dark | (mask > 0)).sum())


GEOMETRY = {
    "orientation": SlideAugmentSettings(stain=0),
    "flips": SlideAugmentSettings(orient="flips", stain=0),
    "turned": SlideAugmentSettings(orient="none", rotate_degrees=90, stain=0),
    "magnified": SlideAugmentSettings(orient="none", zoom=0.3, stain=0),
    "shifted": SlideAugmentSettings(orient="none", shift_px=6, stain=0),
    "cut": SlideAugmentSettings(orient="none", shift_px=2, side=40, stain=0),
    "bent": SlideAugmentSettings(orient="none", elastic_px=4, stain=0),
    "as the original": SLIDE_AUGMENTATIONS["inception"],
}


@pytest.mark.parametrize("name", GEOMETRY)
def test_the_mask_goes_where_the_tumour_goes(name):
    # The original moved the image and left the mask (row 4.12).
    image, mask = augment_slide(*blobs(), GEOMETRY[name], rng(3))
    assert agreement(image, mask) > 0.85
    assert set(mask.unique().tolist()) == {0, 1}
    assert not torch.equal(mask, blobs()[1])


@pytest.mark.parametrize("name", SLIDE_AUGMENTATIONS)
def test_all_keep_shape_and_range_and_are_the_same_again_from_the_same_seed(name):
    image, mask = blobs()
    first, again = (augment_slide(image, mask, SLIDE_AUGMENTATIONS[name], rng(1)) for _ in range(2))
    assert first[0].shape == image.shape
    assert first[1].shape == mask.shape
    assert first[0].min() >= 0
    assert first[0].max() <= 1
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])


def test_without_augmentation_nothing_changes():
    image, mask = blobs()
    same, same_mask = augment_slide(image, mask, NO_SLIDE_AUGMENTATION, rng())
    assert torch.equal(same, image)
    assert torch.equal(same_mask, mask)


def test_the_eight_orientations_by_number():
    image = torch.arange(4.0).reshape(1, 1, 2, 2).expand(8, 3, 2, 2)
    turned, mask = oriented(image, image[:, :1], np.arange(8))
    shown = [one[0].flatten().int().tolist() for one in turned]
    assert shown[:4] == [[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]]
    assert shown[4:] == [[0, 2, 1, 3], [2, 0, 3, 1], [1, 3, 0, 2], [3, 1, 2, 0]]
    assert torch.equal(turned[:, :1], mask)


@given(st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_the_stain_of_a_patch_changes_by_a_factor_and_a_shift_of_its_amounts(seed):
    colours = np.random.default_rng(seed).integers(40, 250, (1, 9, 9, 3)).astype(np.uint8)
    image = torch.from_numpy(colours.transpose(0, 3, 1, 2).copy()).float() / 255
    ours = stained(image, 0.2, rng(seed))[0].permute(1, 2, 0).numpy() * 255
    draw, change, shift = rng(seed), np.ones(3, np.float32), np.zeros(3, np.float32)
    change[:2] = draw.uniform(0.8, 1.2, 2)
    shift[:2] = draw.uniform(-0.05, 0.05, 2) * HAEMATOXYLIN_EOSIN.strength
    expected = mix(unmix(colours[0], HAEMATOXYLIN_EOSIN) * change + shift, HAEMATOXYLIN_EOSIN)
    assert np.abs(ours - expected).max() <= 0.51


def test_each_patch_of_a_batch_has_its_own_stain():
    image = torch.full((2, 3, 4, 4), 0.5)
    first, second = stained(image, 0.2, rng())
    assert not torch.allclose(first, second)


def test_brightness_only_darkens_as_the_original_did():
    image, mask = torch.full((50, 3, 4, 4), 0.8), torch.zeros(50, 1, 4, 4)
    dark, _ = augment_slide(image, mask, SlideAugmentSettings(orient="none", stain=0, brightness=(0.3, 1)), rng())
    assert 0.24 <= float(dark.min()) < 0.3
    assert 0.7 < float(dark.max()) <= 0.8


@pytest.mark.parametrize("name", ["colour", "hue", "contrast"])
def test_tones_leave_the_mask_alone(name):
    only = SLIDE_AUGMENTATIONS[name].model_copy(update={"orient": "none", "stain": 0})
    image, mask = blobs()
    image[:, 0] *= 0.7
    changed, same = augment_slide(image, mask, only, rng())
    assert not torch.allclose(changed, image)
    assert torch.equal(same, mask)


def test_what_nobody_looked_at_stays_unknown():
    image, mask = blobs()
    turned = augment_slide(image, mask - 1, GEOMETRY["turned"], rng())[1]
    assert set(turned.unique().tolist()) == {-1, 0}


def test_a_patch_is_mirrored_beyond_its_edge():
    image = torch.arange(32.0)[None, None, None].expand(1, 3, 32, 32) / 31
    shifts = SlideAugmentSettings(orient="none", stain=0, shift_px=4)
    for seed in range(5):
        shifted, _ = augment_slide(image, image[:, :1], shifts, rng(seed))
        assert float(shifted[0, 0, 0].diff().abs().max()) == pytest.approx(1 / 31, abs=1e-5)


def test_forms_that_do_not_fit_are_refused():
    image, mask = blobs(side=48)
    with pytest.raises(LesionkitError, match="must fit, got"):
        augment_slide(image, mask[..., :40], NO_SLIDE_AUGMENTATION, rng())
    with pytest.raises(LesionkitError, match="64 cannot be cut out of patches of 48"):
        augment_slide(image, mask, SlideAugmentSettings(side=64), rng())
    with pytest.raises(LesionkitError, match="brightness must be a range from low to high"):
        SlideAugmentSettings(brightness=(1, 0.5))
