from typing import get_args

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from lesionkit.nets.cube.cube_net import CubeNet
from lesionkit.nets.cube.cube_net_settings import CubeNetSettings
from lesionkit.nets.weights import load_net, save_model

ARCHITECTURES = get_args(CubeNetSettings.model_fields["architecture"].annotation)


def narrow(architecture: str, **more) -> CubeNet:
    torch.manual_seed(0)
    width = 0.125 if architecture == "inception" else 0.5
    return CubeNet(CubeNetSettings(architecture=architecture, width=width, blocks=4, **more))


def trainable_and_kept(net: CubeNet) -> tuple[int, int]:
    kept = sum(b.numel() for name, b in net.named_buffers() if "running" in name)
    trainable = sum(p.numel() for p in net.parameters())
    return trainable, trainable + kept


def meta(**settings) -> CubeNet:
    with torch.device("meta"):
        return CubeNet(CubeNetSettings(**settings))


def test_the_dense_network_has_as_many_parameters_as_published():
    assert trainable_and_kept(meta(architecture="densenet")) == (248_786, 250_946)


def test_the_networks_have_the_maps_that_are_published():
    def maps(net: CubeNet) -> list[int]:
        return [m.out_channels for m in net.modules() if isinstance(m, torch.nn.Conv3d)]

    assert maps(meta()) == [16, 16, 32, 32, 64, 64, 64, 128, 128, 128]
    assert maps(meta(architecture="vgg full")) == [32, 32, 64, 64, *[128] * 3, *[256] * 3, *[512] * 3]
    assert maps(meta(architecture="resnet"))[-3:] == [64, 64, 256]
    inception = maps(meta(architecture="inception"))
    assert inception[:4] == [32, 32, 64, 64]
    # A mixed block: one of 1, narrow and 3, narrow and twice 3, pooled and 1, narrow and three strips.
    assert inception[4:15] == [128, 42, 128, 42, 128, 128, 128, 42, 128, 128, 128]
    assert meta(architecture="inception").body.top[1].in_features == 640
    assert meta(architecture="inception", separable=False).body.top[1].in_features == 512
    assert meta(architecture="densenet").body.top[1].in_features == 136
    assert meta(architecture="densenet", compression=0.5).body.top[1].in_features == 74


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_network_gives_one_logit_a_cube_and_learns_two_cubes_apart(architecture):
    net = narrow(architecture, dropout=0).train()
    cubes = torch.full((2, 1, 16, 16, 16), -1.0)
    cubes[1, :, 5:11, 5:11, 5:11] = 0.2
    truth = torch.tensor([0.0, 1.0])
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    losses = []
    for _ in range(6):
        loss = binary_cross_entropy_with_logits(net(cubes), truth)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert net(cubes).shape == (2,)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_network_is_written_and_read_again(architecture, tmp_path):
    net = narrow(architecture).half().float().eval()
    again, _ = load_net(save_model(tmp_path / "m.safetensors", net, {}), CubeNet)
    x = torch.randn(1, 1, 16, 16, 16)
    torch.testing.assert_close(again(x), net(x))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_in_bf16_are_near_those_in_32_bits(architecture):
    x = torch.randn(2, 1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    found = []
    for bf16 in (False, True):
        # Norms at rest: those of two cubes would magnify how bf16 rounds.
        net = narrow(architecture, dropout=0).eval()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logit = net(x)
        logit.float().square().mean().backward()
        found.append(torch.cat([p.grad.flatten() for p in net.parameters()]))
    assert torch.isfinite(found[1]).all()
    assert float(torch.nn.functional.cosine_similarity(*found, dim=0)) > 0.9


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_network_searches_in_bf16(architecture):
    net = narrow(architecture).eval()
    x = torch.randn(2, 1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(net.bfloat16()(x.bfloat16()).float(), net.float()(x), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("architecture", ["vgg simple", "vgg full"])
def test_a_network_without_norms_begins_by_saying_something_of_what_it_sees(architecture):
    torch.manual_seed(0)
    body = CubeNet(CubeNetSettings(architecture=architecture, width=0.5)).body.body.eval()
    said = body(torch.randn(4, 1, 32, 32, 32, generator=torch.Generator().manual_seed(0)).clamp(-1, 1))
    assert float(said.detach().std()) > 0.1


def test_the_logit_is_that_of_the_published_softmax():
    net = narrow("vgg simple").eval()
    x = torch.randn(3, 1, 16, 16, 16)
    truth = torch.tensor([1, 0, 1])
    torch.testing.assert_close(
        binary_cross_entropy_with_logits(net(x), truth.float()), cross_entropy(net.body(x), truth)
    )
