import pytest
import torch

from lesionkit.nets.nodule_net import NoduleNet, for_inference, space_to_depth
from lesionkit.nets.nodule_net_settings import NoduleNetSettings

SMALL = NoduleNetSettings(channels=(8, 16, 16, 16), blocks=(1, 1, 1, 1))


def test_the_output_has_five_maps_at_a_quarter_of_the_resolution():
    assert NoduleNet(SMALL).eval()(torch.zeros(2, 1, 32, 48, 16)).shape == (2, 5, 8, 12, 4)


def test_space_to_depth_loses_no_sample():
    volume = torch.arange(64.0).view(1, 1, 4, 4, 4)
    folded = space_to_depth(volume)
    assert folded.shape == (1, 8, 2, 2, 2)
    assert folded[0, :, 0, 0, 0].tolist() == [0, 1, 4, 5, 16, 17, 20, 21]
    assert sorted(folded.flatten().tolist()) == list(range(64))


def test_folding_batch_norms_changes_no_output():
    torch.manual_seed(0)
    net = NoduleNet(SMALL)
    volume = torch.randn(2, 1, 32, 32, 32)
    for _ in range(3):
        net(volume)
    net.eval()
    torch.testing.assert_close(for_inference(net)(volume), net(volume), atol=1e-4, rtol=1e-4)


def test_a_fresh_net_believes_in_nothing():
    probability = NoduleNet(SMALL).eval()(torch.randn(1, 1, 32, 32, 32))[:, 0].sigmoid()
    assert probability.max() < 0.1


def test_the_shipped_architecture_fits_eight_megabytes_at_two_bytes_a_weight():
    assert 2 * sum(p.numel() for p in NoduleNet().parameters()) < 8e6


def test_bf16_differs_little_from_fp32():
    torch.manual_seed(0)
    net = for_inference(NoduleNet(SMALL).eval())
    volume = torch.randn(1, 1, 32, 32, 32).clamp(-1, 1)
    exact = net(volume)
    assert (net.bfloat16()(volume.bfloat16()).float() - exact).abs().max() < 0.1


@pytest.mark.parametrize("bad", [(-0.1), (1.0)])
def test_dropout_lies_between_zero_and_one(bad):
    with pytest.raises(ValueError, match="dropout"):
        NoduleNetSettings(dropout=bad)
