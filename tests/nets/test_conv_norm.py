import pytest
import torch
from torch import nn

from lesionkit.nets.conv_norm import ConvNorm, Residual, fold_norms, trainable
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.nodule_net_settings import NoduleNetSettings


def gradient(layer: nn.Module, x: torch.Tensor, bf16: bool) -> torch.Tensor:
    layer.zero_grad()
    # What a block of memory may hold that a wrong kernel takes for its own.
    junk = torch.full((300_000,), float("nan"))
    del junk
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        y = trainable(layer, x)
    torch.autograd.backward(y.float().square().mean())
    return torch.cat([p.grad.flatten().clone() for p in layer.parameters()])


def distance(layer: nn.Module, x: torch.Tensor) -> float:
    right, found = gradient(layer, x, bf16=False), gradient(layer, x, bf16=True)
    return float((found - right).norm() / right.norm())


# Of patches of 32 to 128 samples at strides 2 to 16, and what flat patches would come down to.
SIDES = [
    *[(n, n, n) for n in (1, 2, 3, 4, 5, 6, 8)],
    *[(1, 2, 1), (2, 1, 1), (2, 1, 8), (2, 2, 8), (2, 4, 4), (2, 8, 8), (3, 1, 3), (4, 1, 8), (4, 4, 1), (8, 8, 1)],
]


@pytest.mark.parametrize("side", SIDES, ids=str)
@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_of_a_3d_convolution_in_bf16_are_those_in_32_bits_at_every_size(side, stride):
    torch.manual_seed(0)
    conv = ConvNorm(3, 16, 32, stride=stride).conv
    for _ in range(2):
        assert distance(conv, torch.randn(2, 16, *side)) < 0.03


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_gradients_of_a_step_upwards_in_bf16_are_those_in_32_bits(side):
    torch.manual_seed(0)
    assert distance(nn.ConvTranspose3d(16, 16, 2, stride=2), torch.randn(2, 16, side, side, side)) < 0.03


@pytest.mark.parametrize("side", [32, 48])
def test_gradients_of_the_detector_in_bf16_are_near_those_in_32_bits_for_the_smallest_patches(side):
    torch.manual_seed(0)
    net = NoduleNet(NoduleNetSettings(channels=(16, 16, 32, 32), blocks=(1, 1, 1, 1), dropout=0)).train()
    assert distance(net, torch.randn(2, 1, side, side, side)) < 0.2


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_folded_norm_gives_the_same(dimensions):
    torch.manual_seed(0)
    net = nn.Sequential(ConvNorm(dimensions, 3, 8, stride=2), Residual(dimensions, 8))
    x = torch.randn(2, 3, *[8] * dimensions)
    net.train()(x)
    before = net.eval()(x)
    fold_norms(net)
    assert not [m for m in net.modules() if isinstance(m, nn.BatchNorm2d | nn.BatchNorm3d)]
    torch.testing.assert_close(net(x), before, atol=1e-5, rtol=1e-5)
