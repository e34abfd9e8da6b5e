"""What a network sees of radiographs in one epoch: the size, the masks that move along, two views, pseudo labels."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from lesionkit.core.errors import LesionkitError
from lesionkit.sample.augment_2d import AUGMENTATIONS, All, OneOf, Sometimes, Step
from lesionkit.sample.balance import BALANCES, HALF, BalanceSettings
from lesionkit.sample.pictures import Entry
from lesionkit.sample.radiographs import ShownPictures, TwoViews, at_side, mix_pseudo, scaled_augmentation
from lesionkit.sample.tone_2d import BoxBlur, Contrast, GaussianBlur
from lesionkit.sample.warp_2d import Crop, Elastic, Erase, Flip, ShiftScaleRotate

NONE = AUGMENTATIONS["none"]


@dataclass
class Discs:
    """Pictures with a bright disc, which is the lesion, on every `every`th of them."""

    count: int = 6
    side: int = 64
    every: int = 2
    read: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return self.count

    def image(self, number: int):
        self.read.append(number)
        grey = np.full((self.side, self.side), 60, np.uint8)
        grey[0, 0] = number
        grey[self.mask(number)] = 230
        return grey

    def mask(self, number: int):
        ys, xs = np.mgrid[: self.side, : self.side]
        disc = (ys - self.side * 0.4) ** 2 + (xs - self.side * 0.6) ** 2 < (self.side / 5) ** 2
        return disc if number % self.every == 0 else np.zeros_like(disc)


def entries(pictures: Discs) -> list[Entry]:
    return [Entry(pictures, number) for number in range(len(pictures))]


def shown(augment: Step = NONE, side: int = 64, seed: int = 0, epoch: int = 0, **options) -> ShownPictures:
    return ShownPictures(entries(Discs()), augment, side, seed, epoch, **options)


def test_an_item_is_an_image_a_mask_and_whether_there_is_a_lesion():
    sick, healthy = shown()[0], shown()[1]
    assert sick["image"].shape == sick["mask"].shape == (1, 64, 64)
    assert {value.dtype for value in sick.values()} == {torch.float32}
    assert (sick["nonempty"].item(), healthy["nonempty"].item()) == (1.0, 0.0)
    assert sick["image"].max().item() == pytest.approx(230 / 255)
    np.testing.assert_array_equal(sick["mask"][0].numpy() > 0, Discs().mask(0))
    assert not healthy["mask"].any()


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_the_mask_moves_with_the_image_at_the_size_in_use(name):
    sick = ShownPictures([Entry(Discs(), 0)] * 8, scaled_augmentation(name, 96), 96, seed=1, epoch=0)
    for item in (sick[number] for number in range(8)):
        inside, outside = item["image"][item["mask"] > 0], item["image"][item["mask"] == 0]
        if len(inside) > 40:
            assert inside.mean() > outside.mean() + 0.2


@settings(max_examples=40)
@given(st.sampled_from(list(AUGMENTATIONS)), st.integers(0, 99), st.integers(0, 9), st.integers(0, 5))
def test_an_item_depends_on_seed_epoch_and_number_only(name, seed, epoch, number):
    augment = scaled_augmentation(name, 32)
    first = ShownPictures(entries(Discs()), augment, 32, seed, epoch)
    alone = first[number]
    again = [ShownPictures(entries(Discs()), augment, 32, seed, epoch)[n] for n in range(6)][number]
    assert all(torch.equal(alone[key], again[key]) for key in alone)


@pytest.mark.parametrize("change", [{"seed": 1}, {"epoch": 1}])
def test_another_seed_or_epoch_shows_other_pictures(change):
    augment = Contrast(0.5)
    assert not torch.equal(shown(augment)[0]["image"], shown(augment, **change)[0]["image"])


def test_pictures_come_in_batches_also_from_another_process():
    loader = DataLoader(shown(scaled_augmentation("4th", 64)), batch_size=3, num_workers=1)
    assert [batch["image"].shape for batch in loader] == [(3, 1, 32, 32)] * 2
    here = shown(scaled_augmentation("4th", 64))
    torch.testing.assert_close(next(iter(loader))["image"][2], here[2]["image"])


def test_a_crop_that_misses_the_lesion_shows_none():
    item = ShownPictures([Entry(Discs(), 0)] * 40, Crop(8), 64, 0, 0, strict_side=False)
    flags = [item[number]["nonempty"].item() for number in range(40)]
    assert flags == [float(item[number]["mask"].any()) for number in range(40)]
    assert set(flags) == {0.0, 1.0}


def test_pictures_are_resized_before_they_are_augmented():
    seen = []

    def look(picture, rng):
        seen.append(picture.sides)
        return picture

    shown(look, side=32)[0]
    assert seen == [(32, 32)]


def test_a_network_s_side_is_a_multiple_of_32():
    with pytest.raises(LesionkitError, match="multiples of 32, got 40; change side or the crop"):
        shown(side=40)
    with pytest.raises(LesionkitError, match="multiples of 32, got 48"):
        shown(Crop(48))[0]
    assert shown(Crop(20), side=40, strict_side=False)[0]["image"].shape == (1, 20, 20)


def test_an_epoch_of_nothing_is_refused():
    with pytest.raises(LesionkitError, match="at least one picture, got none"):
        ShownPictures([], NONE, 64, 0, 0)


def test_each_new_pixel_is_the_mean_of_those_it_covers():
    halves = np.tile(np.array([[0, 100], [100, 200]], np.uint8), (16, 16))
    image = at_side(halves, None, 8).image
    torch.testing.assert_close(image[0, 2:-2, 2:-2], torch.full((4, 4), 100 / 255), atol=1e-3, rtol=0)


def test_a_lesion_keeps_its_area_in_another_size():
    mask = Discs(side=128).mask(0)
    small = at_side(np.zeros((128, 128), np.uint8), mask, 32).mask
    assert small.mean().item() == pytest.approx(mask.mean(), rel=0.05)
    wide = at_side(np.zeros((128, 96), np.uint8), mask[:, :96], 64)
    assert wide.sides == (64, 64)


@given(st.integers(1, 63), st.integers(0, 62), st.integers(8, 80))
def test_no_lesion_is_lost_however_thin_it_is(row, column, side):
    mask = np.zeros((64, 64), bool)
    mask[row, column : column + 2] = True
    assert 1 <= at_side(np.zeros((64, 64), np.uint8), mask, side).mask.sum() <= 9


@pytest.mark.parametrize(
    ("image", "mask", "message"),
    [
        (np.zeros((4, 4)), None, r"must be uint8 \(y, x\) .* got float64 \(4, 4\)"),
        (np.zeros((4, 4, 3), np.uint8), None, r"got uint8 \(4, 4, 3\)"),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 5), bool), r"got uint8 \(4, 4\) and \(4, 5\)"),
    ],
)
def test_a_picture_that_was_not_prepared_is_refused(image, mask, message):
    with pytest.raises(LesionkitError, match=message):
        at_side(image, mask, 32)


def test_both_views_have_the_same_geometry_and_differ_by_one_brightness():
    views = TwoViews(Discs(), 12, ShiftScaleRotate(0.1, 0.1, 20, "reflect"), 64, seed=0, epoch=0)
    factors = []
    for number in range(12):
        easy, hard = views[number]["easy"], views[number]["hard"]
        ratio = (hard / easy)[(easy > 0.05) & (hard < 1)]
        assert ratio.std() < 1e-4
        factors.append(ratio.mean().item())
    assert 0.9 <= min(factors) < 0.95
    assert 1.05 < max(factors) <= 1.1
    assert not torch.equal(views[0]["easy"], views[1]["easy"])


def test_unlabelled_pictures_are_drawn_anew_each_epoch_and_alike_for_the_same_seed():
    def drawn(seed, epoch):
        pictures = Discs(count=50)
        views = TwoViews(pictures, 20, NONE, 64, seed, epoch)
        _ = [views[number] for number in range(20)]
        return pictures.read

    assert drawn(0, 0) == drawn(0, 0)
    assert drawn(0, 0) != drawn(0, 1)
    assert drawn(0, 0) != drawn(1, 0)
    assert len(list(TwoViews(Discs(), 3, NONE, 64, 0, 0))) == len(TwoViews(Discs(), 3, NONE, 64, 0, 0)) == 3


@pytest.mark.parametrize(("count", "pictures"), [(0, 6), (4, 0)])
def test_two_views_of_nothing_are_refused(count, pictures):
    with pytest.raises(LesionkitError, match=f"got {count} draws from {pictures}; give unlabelled radiographs"):
        TwoViews(Discs(count=pictures), count, NONE, 64, 0, 0)


def steps_of(step: Step) -> list[Step]:
    if isinstance(step, All | OneOf):
        return [found for inner in step.steps for found in steps_of(inner)]
    return steps_of(step.step) if isinstance(step, Sometimes) else [step]


@pytest.mark.parametrize(
    ("name", "side", "expected"),
    [
        # A quarter of the size: a quarter of the field's move, which is alpha over sigma.
        ("1st", 256, Elastic(7.5, 1.5, 0.9)),
        ("4th", 384, Elastic(30, 3, 1.8)),
        ("4th", 768, Crop(512)),
        ("4th", 384, Crop(256)),
        ("4th", 32, Crop(32)),
        ("2nd", 256, BoxBlur(3)),
        ("2nd", 2048, BoxBlur(5)),
        ("3rd", 384, GaussianBlur(0.15)),
        ("3rd", 384, Erase((0.2, 0.2), square=True)),
        ("5th", 512, Erase((2.5, 7.5))),
        # Below one pixel it would be read as a share of the side.
        ("5th", 64, Erase((1.0, 1.0))),
        ("5th", 256, ShiftScaleRotate(0, 0, 25, "zero")),
    ],
)
def test_lengths_in_pixels_are_scaled_and_shares_stay(name, side, expected):
    assert expected in steps_of(scaled_augmentation(name, side))


@pytest.mark.parametrize(("name", "side"), [("1st", 1024), ("2nd", 1024), ("3rd", 768), ("4th", 768), ("5th", 1024)])
def test_at_the_published_size_an_augmentation_is_the_published_one(name, side):
    assert scaled_augmentation(name, side) == AUGMENTATIONS[name]


def test_an_augmentation_has_a_name():
    assert scaled_augmentation("none", 256) == NONE
    with pytest.raises(LesionkitError, match=r"must be one of none, 1st, .* got '6th'"):
        scaled_augmentation("6th", 256)


LABELLED, PSEUDO = Discs(count=40, side=4, every=4), Discs(count=400, side=4, every=2)
ARE_POSITIVE = [number % 4 == 0 for number in range(40)]
PSEUDO_POSITIVE = [number % 2 == 0 for number in range(400)]


def mixed(share=0.5, balance=HALF, epoch=0, seed=0, **options):
    rng = np.random.default_rng(seed)
    options = {"labelled_positive": ARE_POSITIVE, **options}
    return mix_pseudo(entries(LABELLED), entries(PSEUDO), PSEUDO_POSITIVE, share, balance, epoch, rng, **options)


def split(drawn):
    """Numbers of (labelled positives, labelled negatives, pseudo positives, pseudo negatives)."""
    labelled = [entry.number for entry in drawn if entry.pictures is LABELLED]
    pseudo = [entry.number for entry in drawn if entry.pictures is PSEUDO]
    positive = sum(number % 4 == 0 for number in labelled), sum(number % 2 == 0 for number in pseudo)
    return positive[0], len(labelled) - positive[0], positive[1], len(pseudo) - positive[1]


@given(st.sampled_from(list(BALANCES)), st.floats(0.1, 2), st.integers(0, 60), st.integers(0, 99))
def test_pseudo_labels_come_in_the_ratio_asked_for_and_with_the_same_share_of_positives(name, share, epoch, seed):
    sick, healthy, pseudo_sick, pseudo_healthy = split(mixed(share, BALANCES[name], epoch, seed))
    assert (pseudo_sick, pseudo_healthy) == (round(share * sick), round(share * healthy))


def test_one_to_two_is_a_share_of_a_half():
    thirds = BalanceSettings(knots=((0, 0.5),))
    assert split(mixed(0.5, thirds)) == (10, 10, 5, 5)


def test_pseudo_labels_are_drawn_anew_each_epoch_none_twice_before_all_came():
    rng, rows = np.random.default_rng(0), (entries(LABELLED), entries(PSEUDO), PSEUDO_POSITIVE)
    epochs = [mix_pseudo(*rows, 0.5, HALF, epoch, rng, ARE_POSITIVE) for epoch in range(2)]
    numbers = [[entry.number for entry in drawn if entry.pictures is PSEUDO] for drawn in epochs]
    assert set(numbers[0]) != set(numbers[1])
    assert all(len(set(drawn)) == len(drawn) for drawn in numbers)
    few = mix_pseudo(rows[0], rows[1][:4], [True, False, True, False], 1.0, HALF, 0, rng, ARE_POSITIVE)
    times = np.bincount([entry.number for entry in few if entry.pictures is PSEUDO])
    assert abs(times[0] - times[2]) <= 1
    assert abs(times[1] - times[3]) <= 1


def test_labelled_and_pseudo_labelled_pictures_are_shuffled():
    from_pseudo = [entry.pictures is PSEUDO for entry in mixed()]
    assert from_pseudo != sorted(from_pseudo)


def test_the_same_generator_draws_the_same_epoch():
    first, again = ([(entry.pictures is PSEUDO, entry.number) for entry in mixed(seed=3)] for _ in range(2))
    assert first == again


def test_without_flags_the_masks_are_read():
    assert split(mixed(labelled_positive=None)) == split(mixed())


def test_no_pseudo_labels_or_a_share_of_0_leave_the_labelled_epoch():
    alone = mix_pseudo(entries(LABELLED), [], [], 0.5, HALF, 0, np.random.default_rng(0), ARE_POSITIVE)
    assert len(alone) == 40
    assert [entry.number for entry in mixed(share=0)] == [entry.number for entry in alone]


def test_a_missing_kind_of_pseudo_label_is_said():
    rng, healthy = np.random.default_rng(0), entries(PSEUDO)[1::2]
    message = "10 pseudo labels that are positive are needed, but the filter kept none; loosen it"
    both = BalanceSettings(knots=((0, 0.5),))
    with pytest.raises(LesionkitError, match=message):
        mix_pseudo(entries(LABELLED), healthy, [False] * len(healthy), 1.0, both, 0, rng, ARE_POSITIVE)


def test_flags_belong_to_entries():
    rng = np.random.default_rng(0)
    with pytest.raises(LesionkitError, match=r"each of 40 labelled entries needs one flag, got an array \(3,\)"):
        mixed(labelled_positive=[True, False, True])
    with pytest.raises(LesionkitError, match="each of 2 pseudo entries needs one flag"):
        mix_pseudo(entries(LABELLED), entries(PSEUDO)[:2], [True], 0.5, HALF, 0, rng, ARE_POSITIVE)
    with pytest.raises(LesionkitError, match="at least 0, got -1"):
        mixed(share=-1)


def test_a_flip_moves_lesion_and_image():
    before, after = shown()[0], shown(Flip())[0]
    torch.testing.assert_close(after["image"].flip(2), before["image"])
    torch.testing.assert_close(after["mask"].flip(2), before["mask"])
