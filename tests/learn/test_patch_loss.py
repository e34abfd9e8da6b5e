import numpy as np
import pytest
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.patch_loss import map_loss, middle_logit, mixed, patch_loss
from lesionkit.learn.patches_settings import PatchLearnSettings
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings

TINY = PatchNetSettings(channels=(8, 8), blocks=(1, 1), pretrained=False)
SURE = 20.0


def test_a_right_map_costs_nothing_and_a_doubtful_one_ln_2():
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., :8] = 1
    right = torch.tensor([[[[SURE, -SURE], [SURE, -SURE]]]])
    assert float(map_loss(right, mask)) == pytest.approx(0, abs=1e-6)
    assert float(map_loss(torch.zeros(1, 1, 2, 2), mask)) == pytest.approx(np.log(2), abs=1e-6)


def test_a_cell_takes_the_mean_of_its_pixels():
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :2] = 1
    cells = [float(map_loss(torch.full((1, 1, 1, 1), logit), mask)) for logit in (-2.0, np.log(0.25 / 0.75), 0.0)]
    assert min(cells) == cells[1]


def test_unknown_pixels_cost_nothing_wherever_the_map_is_wrong():
    mask = torch.full((1, 1, 16, 16), -1.0)
    mask[..., 8:] = 0
    wrong_left = torch.tensor([[[[SURE, -SURE], [SURE, -SURE]]]])
    assert float(map_loss(wrong_left, mask)) == pytest.approx(0, abs=1e-6)
    assert float(map_loss(wrong_left, torch.full_like(mask, -1))) == 0
    mask[0, 0, 0, 8] = -1
    one_cell_less = torch.tensor([[[[0, SURE], [0, -SURE]]]])
    assert float(map_loss(one_cell_less, mask)) == pytest.approx(0, abs=1e-6)


def test_the_border_can_be_left_out():
    logits = torch.full((1, 1, 4, 4), SURE)
    logits[..., 1:3, 1:3] = -SURE
    assert float(map_loss(logits, torch.zeros(1, 1, 32, 32), border=1)) == pytest.approx(0, abs=1e-6)


def test_the_middle_is_judged_as_the_net_itself_does():
    net, image = PatchNet(TINY).eval(), torch.rand(2, 3, 96, 96)
    torch.testing.assert_close(middle_logit(net(image), 4), net.patch_logit(image, 32))
    logits = torch.tensor([[[[9.0, 9, 9, 9], [9, 1, 2, 9], [9, 3, 4, 9], [9, 9, 9, 9]]]])
    assert middle_logit(logits, 2, "mean").tolist() == [2.5]
    assert float(middle_logit(logits, 2)) == pytest.approx(np.log(np.exp([1, 2, 3, 4]).mean()), abs=1e-5)
    with pytest.raises(LesionkitError, match="a middle of 20 cells must lie in a map"):
        middle_logit(net(image), 20)


def test_masks_and_labels_are_learnt_together():
    batch = {"image": torch.rand(2, 3, 64, 64), "mask": -torch.ones(2, 1, 64, 64), "label": torch.tensor([0.0, 1.0])}
    learnt = patch_loss(PatchNet(TINY), batch, PatchLearnSettings(middle_weight=0.5))
    both = {name: part.detach() for name, part in learnt.items()}
    assert set(both) == {"map", "middle", "total"}
    assert float(both["total"]) == pytest.approx(float(both["map"] + 0.5 * both["middle"]), rel=1e-5)
    assert float(both["map"]) == 0
    assert set(patch_loss(PatchNet(TINY), batch, PatchLearnSettings())) == {"map", "total"}


def test_smoothing_makes_certainty_cost():
    mask = torch.zeros(1, 1, 8, 8)
    assert float(map_loss(torch.full((1, 1, 1, 1), -SURE), mask, smoothing=0.1)) == pytest.approx(2.0, abs=1e-3)


def test_mixed_patches_have_mixed_truth_and_unknown_stays_unknown():
    batch = {
        "image": torch.tensor([0.0, 1.0])[:, None, None, None].expand(2, 3, 4, 4),
        "mask": torch.tensor([0.0, 1.0])[:, None, None, None].repeat(1, 1, 4, 4),
        "label": torch.tensor([0.0, 1.0]),
    }
    batch["mask"][1, 0, 0, 0] = -1
    seed = next(seed for seed in range(9) if swaps(seed))
    result = mixed(batch, 1.0, np.random.default_rng(seed))
    share = float(result["image"][1, 0, 0, 0])
    assert 0 < share < 1
    assert float(result["label"][1]) == pytest.approx(share)
    assert float(result["mask"][1, 0, 1, 1]) == pytest.approx(share)
    assert result["mask"][:, 0, 0, 0].tolist() == [-1, -1]


def swaps(seed):
    rng = np.random.default_rng(seed)
    rng.beta(1.0, 1.0)
    return rng.permutation(2)[0] == 1


def test_a_training_without_any_loss_is_refused():
    with pytest.raises(LesionkitError, match="map_weight or middle_weight above 0"):
        PatchLearnSettings(map_weight=0)


def test_the_rate_rises_to_its_peak_and_falls():
    one_cycle = PatchLearnSettings(rate=1.0, warm_share=0.2)
    rates = [one_cycle.rate_at(progress) for progress in np.linspace(0, 1, 101)]
    assert np.argmax(rates) == 20
    assert rates[0] == pytest.approx(0.04)
    assert rates[-1] == pytest.approx(1e-4)
    cosine = PatchLearnSettings(rate=1.0, shape="cosine")
    assert [round(cosine.rate_at(p), 3) for p in (0, 0.5, 1)] == [1, 0.5, 0]
    assert PatchLearnSettings(rate=1.0, shape="constant").rate_at(0.9) == 1
