import torch

from lesionkit.nets.conv_norm import ConvNorm
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.rpn.rpn_net import Block, Lift, RpnNet, for_search
from lesionkit.nets.rpn.rpn_net_settings import RpnNetSettings

SMALL = RpnNetSettings(channels=(4, 4, 8, 8), blocks=(1, 1, 1, 1), up_channels=(8, 8), hidden=8)


def location(side: int) -> torch.Tensor:
    return torch.zeros(1, 3, *(side // 4,) * 3)


def residual(width: int) -> int:
    return 2 * (27 * width * width + 2 * width)


def widening(inputs: int, width: int) -> int:
    first, second, shortcut = 27 * inputs * width, 27 * width * width, inputs * width
    return first + second + shortcut + 3 * 2 * width


def test_the_published_network_has_the_parameters_of_its_table():
    pre = 27 * 1 * 24 + 2 * 24 + 27 * 24 * 24 + 2 * 24
    down = widening(24, 32) + residual(32) + widening(32, 64) + residual(64) + 3 * residual(64) + 3 * residual(64)
    lifts = 2 * (8 * 64 * 64 + 2 * 64)
    up = widening(128, 64) + 2 * residual(64) + widening(131, 128) + 2 * residual(128)
    head = 128 * 64 + 64 + 64 * 15 + 15
    net = RpnNet(RpnNetSettings(preset="paper"))
    assert sum(one.numel() for one in net.parameters()) == pre + down + lifts + up + head == 5_380_855


def test_the_published_network_has_forty_convolutions_and_two_transposed_ones():
    net = RpnNet(RpnNetSettings(preset="paper"))
    assert sum(isinstance(one, torch.nn.Conv3d) for one in net.modules()) == 40
    assert sum(isinstance(one, Lift) for one in net.modules()) == 2
    blocks = [sum(isinstance(one, Block) for one in stage.modules()) for stage in (net.at2, net.at4, net.at8, net.at16)]
    assert blocks == [2, 2, 3, 3]


def test_three_anchors_say_five_numbers_at_every_fourth_sample():
    for settings in (SMALL, SMALL.model_copy(update={"stem": "pre-block", "pre": 4})):
        with torch.inference_mode():
            assert RpnNet(settings).eval()(torch.zeros(1, 1, 32, 48, 64), torch.zeros(1, 3, 8, 12, 16)).shape == (
                *(1, 15, 8, 12, 16),
            )


def test_the_location_matters_to_a_network_that_is_told_it():
    volume, elsewhere = torch.zeros(1, 1, 32, 32, 32), location(32) + 0.5
    for told in (True, False):
        torch.manual_seed(0)
        net = RpnNet(SMALL.model_copy(update={"location": told})).eval()
        with torch.inference_mode():
            same = torch.equal(net(volume, location(32)), net(volume, elsewhere))
        assert same is not told


def test_norms_are_folded_without_another_output():
    torch.manual_seed(0)
    net = RpnNet(SMALL).train()
    volume = torch.randn(1, 1, 32, 32, 32)
    net(volume, location(32))
    folded = for_search(net)
    assert not any(isinstance(one.norm, torch.nn.BatchNorm3d) for one in folded.modules() if isinstance(one, ConvNorm))
    with torch.inference_mode():
        torch.testing.assert_close(folded(volume, location(32)), net.eval()(volume, location(32)))


def test_gradients_in_half_precision_are_those_of_whole_where_maps_are_of_two_samples():
    torch.manual_seed(0)
    net = RpnNet(SMALL.model_copy(update={"dropout": 0.0})).train()
    volume = torch.randn(2, 1, 32, 32, 32)
    gradients = []
    for half in (False, True):
        net.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            maps = net(volume, location(32).expand(2, -1, -1, -1, -1))
        maps.float().square().mean().backward()
        gradients.append(torch.cat([one.grad.flatten() for one in net.at16.parameters()]))
    assert torch.isfinite(gradients[1]).all()
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.9


def test_it_is_another_kind_of_network_than_the_detector_with_one_map():
    assert RpnNet.settings_type is not NoduleNet.settings_type
