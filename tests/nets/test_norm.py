import pytest
import torch
from timm.layers import BatchNormAct2d
from torch import nn

from lesionkit.nets.norm import groups_of, with_norm


def convolutions() -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 8, 3), BatchNormAct2d(8))
    for _ in range(5):
        net(torch.randn(4, 1, 12, 12) * 3 + 1)
    return net


@pytest.mark.parametrize("norm", ["frozen batch", "none"])
def test_a_replaced_norm_with_fixed_statistics_computes_what_evaluation_did(norm):
    net, x = convolutions().eval(), torch.randn(2, 1, 12, 12)
    before = net(x)
    torch.testing.assert_close(with_norm(net, norm).train()(x), before, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("norm", ["frozen batch", "group", "none"])
def test_without_batch_norm_an_image_in_training_does_not_depend_on_its_batch(norm):
    net, x = with_norm(convolutions(), norm).train(), torch.randn(3, 1, 12, 12)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in net.modules())
    torch.testing.assert_close(net(x)[:1], net(x[:1]), atol=1e-5, rtol=1e-4)


def test_a_frozen_batch_norm_has_nothing_to_learn():
    net = with_norm(convolutions(), "frozen batch")
    assert len(list(net.parameters())) == 4  # weights and biases of two convolutions


def test_the_weights_of_a_batch_norm_go_on_in_groups():
    net = convolutions()
    nn.init.constant_(net[1].weight, 3.0)
    replaced = with_norm(net, "group")
    assert isinstance(replaced[1], nn.GroupNorm)
    assert replaced[1].weight.tolist() == [3.0] * 16
    assert replaced[1].num_groups == 4


def test_batch_is_what_was_there():
    net = convolutions()
    assert with_norm(net, "batch") is net
    assert isinstance(net[1], nn.BatchNorm2d)


def test_a_batch_norm_without_statistics_becomes_its_scale_and_shift():
    norm = nn.BatchNorm2d(4, track_running_stats=False, eps=0.0)
    x = torch.randn(1, 4, 2, 2)
    torch.testing.assert_close(with_norm(nn.Sequential(norm), "none")(x), x)


@pytest.mark.parametrize("channels", [1, 3, 7, 24, 40, 136, 1536])
def test_groups_part_the_channels_evenly(channels):
    assert channels % groups_of(channels) == 0
