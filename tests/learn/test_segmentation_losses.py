"""Hand-checkable numbers, and agreement with the formulas the winners wrote."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.segmentation_loss_settings import LOSSES, SECOND_DICE, DiceSettings, SegmentationLossSettings
from lesionkit.learn.segmentation_losses import dice_loss, focal_loss, segmentation_loss, symmetric_lovasz
from lesionkit.nets.segmenter import Segmentation

SURE = 100.0
"""A logit whose probability is 1 in 32 bits."""


def image(*pixels: float) -> torch.Tensor:
    return torch.tensor(pixels).view(1, 1, 1, -1)


def random_pair(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logit = torch.randn(3, 1, 4, 5, generator=generator) * 3
    return logit, (torch.rand(3, 1, 4, 5, generator=generator) < 0.3).float()


def test_a_net_that_knows_nothing_has_the_cross_entropy_of_a_coin():
    loss = segmentation_loss(Segmentation(image(0, 0), None), image(0, 1), LOSSES["bce"])
    assert loss["total"].item() == pytest.approx(math.log(2))


def test_finding_one_of_two_pixels_has_a_dice_of_two_thirds():
    loss = dice_loss(image(SURE, -SURE), image(1, 1), DiceSettings())
    assert loss.item() == pytest.approx(1 - 2 / 3, abs=1e-6)


def test_of_a_batch_dice_is_one_fraction_and_per_image_a_mean():
    logit = torch.cat([image(SURE, SURE, SURE, SURE), image(-SURE, -SURE, -SURE, -SURE)])
    mask = torch.cat([image(1, 1, 1, 1), image(1, 0, 0, 0)])
    assert dice_loss(logit, mask, DiceSettings()).item() == pytest.approx(1 - 8 / 9, abs=1e-5)
    assert dice_loss(logit, mask, DiceSettings(per_image=True)).item() == pytest.approx(0.5, abs=1e-5)


def test_an_empty_image_found_empty_costs_nothing_per_image():
    loss = dice_loss(image(-SURE, -SURE), image(0, 0), DiceSettings(per_image=True))
    assert loss.item() == pytest.approx(0, abs=1e-6)


@given(seed=st.integers(0, 1000))
def test_the_second_place_s_dice_is_its_published_formula(seed):
    logit, mask = random_pair(seed)
    p, t = logit.sigmoid().flatten(1), mask.flatten(1)
    published = 1 - (2 * ((p * t).sum(1) + 0.01) / ((p**2).sum(1) + (t**2).sum(1) + 0.01)).mean()
    assert dice_loss(logit, mask, SECOND_DICE).item() == pytest.approx(published.item(), abs=1e-5)


@given(seed=st.integers(0, 1000))
def test_focal_loss_is_the_first_place_s_formula(seed):
    logit, mask = random_pair(seed)
    p = logit.sigmoid()
    pt = torch.where(mask > 0, p, 1 - p).clamp(min=1e-8)
    published = (-((1 - pt) ** 2) * pt.log()).mean()
    assert focal_loss(logit, mask).item() == pytest.approx(published.item(), rel=1e-4)


def test_of_a_coin_focal_loss_is_a_quarter_of_the_cross_entropy():
    assert focal_loss(image(0, 0), image(0, 1)).item() == pytest.approx(math.log(2) / 4)


def test_lovasz_of_a_mask_right_by_a_margin_of_one_is_zero():
    assert symmetric_lovasz(image(1, -1, -2), image(1, 0, 0)).item() == pytest.approx(0, abs=1e-6)


def test_lovasz_of_one_false_pixel_by_hand():
    # Lesion: errors 2 (false pixel), 0 (hit); wrong in that pixel alone the Jaccard loss is 1 - 1/2: hinge 2 × 1/2.
    # Rest: the same pixel is missed; of one pixel of rest none is left: Jaccard loss 1, hinge 2.
    assert symmetric_lovasz(image(1, 1), image(1, 0)).item() == pytest.approx((2 * 0.5 + 2 * 1) / 2)


@given(seed=st.integers(0, 1000))
def test_the_symmetric_loss_does_not_care_which_side_is_called_lesion(seed):
    logit, mask = random_pair(seed)
    there, back = symmetric_lovasz(logit, mask), symmetric_lovasz(-logit, 1 - mask)
    assert there.item() == pytest.approx(back.item(), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "weights"), [("1st 3:1:4", (3, 1, 4)), ("1st 1:1:1", (1, 1, 1)), ("1st 2:1:2", (2, 1, 2))]
)
def test_the_first_place_s_loss_is_the_weighted_sum_of_three(name, weights):
    logit, mask = random_pair(1)
    loss = segmentation_loss(Segmentation(logit, None), mask, LOSSES[name])
    total = sum(w * loss[part].item() for w, part in zip(weights, ("bce", "dice", "focal"), strict=True))
    assert loss["total"].item() == pytest.approx(total, rel=1e-5)
    assert set(loss) == {"bce", "dice", "focal", "total"}


def test_a_perfect_mask_costs_the_first_place_s_floor():
    loss = segmentation_loss(Segmentation(image(SURE, -SURE), None), image(1, 0), LOSSES["1st 3:1:4"])
    assert loss["total"].item() == pytest.approx(1e-5)


def test_the_fourth_place_s_two_spellings_are_one_loss():
    logit, mask = random_pair(2)
    loss = segmentation_loss(Segmentation(logit, torch.tensor([1.0, -1.0, 0.0])), mask, LOSSES["4th"])
    code = 0.9 * (3 * loss["bce"] + loss["dice"]) + 0.1 * loss["image_bce"]
    assert loss["total"].item() == pytest.approx(code.item(), rel=1e-5)


def test_the_fifth_place_s_mask_weighs_1024_times_its_head():
    loss = segmentation_loss(Segmentation(image(0, 0), torch.zeros(1)), image(0, 0), LOSSES["5th"])
    assert loss["total"].item() == pytest.approx(1025 * math.log(2), rel=1e-5)


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.image_bce])
def test_the_head_is_pulled_up_where_there_is_a_lesion(name):
    head = torch.zeros(2, requires_grad=True)
    mask = torch.cat([image(0, 1), image(0, 0)])
    segmentation_loss(Segmentation(torch.zeros(2, 1, 1, 2), head), mask, LOSSES[name])["total"].backward()
    assert head.grad[0] < 0 < head.grad[1]


def test_a_weak_label_goes_before_what_the_mask_says():
    settings = SegmentationLossSettings(bce=0, dice=0, focal=0, image_bce=1)
    output = Segmentation(image(0, 0), torch.tensor([SURE]))
    assert segmentation_loss(output, image(0, 0), settings, torch.ones(1))["total"].item() == pytest.approx(0)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_half_precision_logits_is_finite_with_a_finite_gradient(name):
    logit = (torch.randn(2, 1, 8, 8) * 20).bfloat16().requires_grad_()
    mask = torch.zeros(2, 1, 8, 8)
    mask[0, :, 2:5, 2:5] = 1
    total = segmentation_loss(Segmentation(logit, torch.zeros(2)), mask, LOSSES[name])["total"]
    total.backward()
    assert total.dtype == torch.float32
    assert total.isfinite()
    assert logit.grad.isfinite().all()


def test_an_image_loss_needs_an_image_head():
    with pytest.raises(LesionkitError, match="need a network with an image head"):
        segmentation_loss(Segmentation(image(0), None), image(0), LOSSES["4th"])


def test_logits_at_another_size_than_the_mask_are_refused():
    with pytest.raises(LesionkitError, match=r"one shape, got \(1, 1, 1, 2\) and \(1, 1, 1, 1\)"):
        segmentation_loss(Segmentation(image(0, 0), None), image(0), LOSSES["bce"])


def test_a_loss_without_parts_is_refused():
    with pytest.raises(LesionkitError, match="a part whose weight is above 0"):
        SegmentationLossSettings(bce=0, dice=0, focal=0)
