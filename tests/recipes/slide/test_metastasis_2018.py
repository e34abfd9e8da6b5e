"""One test per row of system 4 that is a setting: what the recipe resolves to is what was published."""

import pytest
import torch

from lesionkit.nets.patch_net import PatchNet
from lesionkit.recipes import load_recipe
from lesionkit.recipes.ensemble import plans_of
from lesionkit.runs.settings_file import change
from lesionkit.sample.augment_slide_settings import SLIDE_AUGMENTATIONS

SETTINGS = load_recipe("slide-metastasis-2018").settings()
SIMPLE, INCEPTION = (plan.settings for plan in plans_of(SETTINGS, ()))


def parameters(settings):
    with torch.device("meta"):
        return sum(p.numel() for p in PatchNet(settings.net).parameters())


def test_4_2_patches_of_256_lie_side_by_side():
    assert (SETTINGS.patches.patch, SETTINGS.patches.stride) == (256, None)


def test_4_4_tissue_is_grey_below_otsu_and_one_sample_of_it_is_enough():
    tissue = SETTINGS.tissue
    assert (tissue.method, tissue.smoothing_um, tissue.closing_um, tissue.pen) == ("grey", 0, 0, False)
    assert SETTINGS.patches.min_tissue <= 1 / 16**2


def test_4_9_tumour_and_normal_of_ill_and_of_healthy_slides_are_one_to_one_to_two():
    assert SETTINGS.draw.weights == (1, 1, 2)
    assert SETTINGS.draw.per_epoch == 20_000
    assert SETTINGS.few.below == 0


@pytest.mark.parametrize("shares", [(0.8, 0.2), (0.9, 0.1)])
def test_4_10_eight_to_two_or_nine_to_one_of_slides_with_seed_42(shares):
    assert SETTINGS.split.shares == (0.8, 0.2)
    assert change(SETTINGS, {"split": {"shares": shares}}).split.shares == shares
    assert SETTINGS.split.seed == 42


def test_4_12_each_network_has_its_own_turns_flips_and_brightness():
    seen = [
        (s.augment.orient, s.augment.rotate_degrees, s.augment.brightness, s.augment.stain) for s in (SIMPLE, INCEPTION)
    ]
    assert seen == [("flips", 90, (0.5, 1), 0), ("flips", 45, (0.3, 1), 0)]


def test_4_13_the_simple_network_has_the_published_parameters():
    assert (SIMPLE.net.architecture, SIMPLE.net.scaling, SIMPLE.net.dropout) == ("transposed", "half", 0.2)
    assert parameters(SIMPLE) == 1_538_048


def test_4_14_inception_of_half_width_takes_bytes_and_has_more_parameters_than_the_two_million_stated():
    assert (INCEPTION.net.architecture, INCEPTION.net.scaling, INCEPTION.net.width_divisor) == ("inception", "bytes", 2)
    assert parameters(INCEPTION) == 2_878_696


def test_4_16_adam_halves_its_rate_on_a_plateau_of_the_loss():
    for learn in (SIMPLE.learn, INCEPTION.learn):
        assert (learn.optimizer, learn.rate, learn.shape, learn.factor) == ("adam", 1e-3, "plateau", 0.5)
        assert (learn.patience, learn.lowest, learn.weight_decay, learn.average) == (3, 5e-5, 0, 0)
        assert (learn.map_weight, learn.middle_weight, learn.smoothing, learn.mixup) == (1, 0, 0, 0)


def test_4_17_batches_and_epochs_are_those_of_each_network():
    seen = [(s.learn.batch, s.learn.epoch_steps, s.learn.steps) for s in (SIMPLE, INCEPTION)]
    assert seen == [(128, 156, 20 * 156), (64, 156, 15 * 156)]


def test_4_18_five_thousand_patches_are_asked_and_the_largest_value_of_their_middles_counts():
    sampled = SETTINGS.infer.sampled
    assert SETTINGS.infer.mode == "sampled"
    assert (sampled.most, sampled.seed, sampled.patch, sampled.centre, sampled.rule) == (5000, 42, 256, 128, "maximum")
    assert SETTINGS.answer.rule.rule == "maximum"


def test_4_20_z_scores_of_both_networks_are_averaged():
    assert [member.name for member in SETTINGS.members] == ["simple", "inception"]
    assert {member.weight for member in SETTINGS.members} == {1}
    assert (SETTINGS.answer.curve, SETTINGS.ensemble.score) == ("z-score", "calibrated average")


def test_4_21_what_did_not_work_is_off_and_can_be_switched_on_by_name():
    for augment in (SIMPLE.augment, INCEPTION.augment):
        assert (augment.colour, augment.hue, augment.contrast, augment.elastic_px) == (0, 0, 0, 0)
    assert {"colour", "hue", "contrast", "elastic"} <= set(SLIDE_AUGMENTATIONS)
