import pytest
import torch
from torch import nn

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.finetune import let_rest, parameter_groups, set_rates, stages_of
from lesionkit.learn.finetune_settings import FinetuneSettings


class Net(nn.Module):
    """A stem, two blocks and a head, one weight and one bias or norm each."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.ModuleDict(
            {"stem": nn.Conv2d(3, 1, 1), "blocks": nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))}
        )
        self.head = nn.Conv2d(1, 1, 1)


def rates(net, settings, norms_decay=True, rate=1.0):
    optimizer = torch.optim.SGD(parameter_groups(net, net.encoder, settings, norms_decay=norms_decay), lr=9.0)
    set_rates(optimizer, rate)
    names = {id(p): name for name, p in net.named_parameters()}
    return {names[id(p)]: group["lr"] for group in optimizer.param_groups for p in group["params"]}, optimizer


def test_the_stem_comes_before_the_blocks():
    assert [stage for stage, _ in stages_of(Net().encoder)] == [0, 0, 1, 1, 2, 2]


def test_each_stage_nearer_to_the_image_learns_slower_by_the_same_factor():
    found, _ = rates(Net(), FinetuneSettings(encoder_rate=0.5, layer_decay=0.1), rate=0.2)
    expected = {"head": 0.2, "encoder.blocks.1": 0.1, "encoder.blocks.0": 0.01, "encoder.stem": 0.001}
    assert found == pytest.approx(
        {f"{name}.{kind}": rate for name, rate in expected.items() for kind in ("weight", "bias")}
    )


def test_without_settings_all_learns_alike_in_one_group():
    _, optimizer = rates(Net(), FinetuneSettings())
    assert [group["lr"] for group in optimizer.param_groups] == [1.0]


def test_norms_and_biases_do_not_decay_where_they_are_not_to():
    net = Net()
    groups = parameter_groups(net, net.encoder, FinetuneSettings(encoder_rate=0.5), norms_decay=False)
    decays = [(group["scale"], group.get("weight_decay"), len(group["params"])) for group in groups]
    assert decays == [(1.0, None, 1), (1.0, 0.0, 1), (0.5, None, 2), (0.5, 0.0, 4)]


def test_the_rate_that_is_logged_first_is_the_unscaled_one():
    _, optimizer = rates(Net(), FinetuneSettings(encoder_rate=0.5, layer_decay=0.5))
    assert optimizer.param_groups[0]["lr"] == 1.0


def test_rates_of_an_encoder_need_an_encoder():
    with pytest.raises(LesionkitError, match=r"learn.finetune is of a net with an encoder.*got a Net without"):
        parameter_groups(Net(), None, FinetuneSettings(frozen_steps=3), norms_decay=True)


def test_a_resting_encoder_gets_no_gradient_and_keeps_its_statistics_until_it_wakes():
    net = Net().train()
    let_rest(net.encoder, None)
    assert not any(p.requires_grad for p in net.encoder.parameters())
    assert not net.encoder["blocks"][1].training
    assert net.head.weight.requires_grad
    let_rest(net.encoder, 0)
    assert net.encoder["blocks"][1].training
    assert all(p.requires_grad for p in net.parameters())


def test_the_first_stages_may_rest_for_good():
    net = Net().train()
    let_rest(net.encoder, 2)
    assert [name for name, p in net.named_parameters() if p.requires_grad and "bias" not in name] == [
        "encoder.blocks.1.weight",
        "head.weight",
    ]
    assert net.encoder["blocks"][1].training
