import pytest
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.cube.chain import Chain, chain_of
from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.nets.cube.mask_net_settings import FULL, MaskNetSettings
from lesionkit.nets.weights import load_net, save_model

SMALL = MaskNetSettings(channels=(4, 8, 16))
ENCODED = MaskNetSettings(dimensions=2, channels=(4, 8, 8, 16), encoder="narrow-resnet18", pretrained=False)


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        (MaskNetSettings(channels=FULL), 23_532_289),
        (MaskNetSettings(), 5_836_033),
        (MaskNetSettings(dimensions=2, channels=FULL), 7_846_081),
    ],
)
def test_the_networks_have_as_many_parameters_as_published(settings, count):
    with torch.device("meta"):
        net = MaskNet(settings)
    assert sum(p.numel() for p in net.parameters()) == count


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("shape", [(8, 12, 16), (12, 8)])
def test_a_logit_belongs_to_each_sample(shape, norm):
    net = MaskNet(SMALL.model_copy(update={"dimensions": len(shape), "norm": norm})).eval()
    assert net.multiple == 4
    assert net(torch.zeros(2, 1, *shape)).shape == (2, 1, *shape)


def test_what_lies_far_away_does_not_matter():
    torch.manual_seed(0)
    net = MaskNet(SMALL).eval()
    near, far = torch.zeros(1, 1, 8, 8, 64), torch.zeros(1, 1, 8, 8, 64)
    far[..., -4:] = 1
    difference = (net(near) - net(far)).abs()[0, 0].amax(dim=(0, 1))
    assert difference[:24].max() == 0
    assert difference[-4:].min() > 0


def test_it_is_written_and_read_again(tmp_path):
    torch.manual_seed(0)
    net = MaskNet(SMALL).half().float().eval()
    again, card = load_net(save_model(tmp_path / "m.safetensors", net, {"a": 1}), MaskNet)
    x = torch.randn(1, 1, 8, 8, 8)
    assert card == {"a": 1}
    torch.testing.assert_close(again(x), net(x))


def test_maps_must_be_counted_from_one_up():
    with pytest.raises(LesionkitError, match=r"'channels.1': Input should be greater than or equal to 1, got 0"):
        MaskNetSettings.parse({"channels": (8, 0)})


def test_an_encoder_of_photographs_says_something_of_each_sample_of_a_slice_and_only_of_its_surroundings():
    net = MaskNet(ENCODED).eval()
    assert net.multiple == 16
    assert net(torch.zeros(2, 1, 32, 48)).shape == (2, 1, 32, 48)
    light, moved = torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 32, 32)
    light[..., 16:, 16:], moved[..., 16:, 17:] = 1, 1
    # A step of one sample moves the answer: the first maps have the samples of the slice.
    assert (net(light) - net(moved)).abs().max() > 0


def test_an_encoder_begins_from_imagenet_and_a_trained_network_never_asks_for_it(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("lesionkit.nets.encoder.fill_from_wheel", lambda net, channels: asked.append(channels))
    given = ENCODED.model_copy(update={"encoder": "tf_efficientnet_lite0", "pretrained": True})
    net = MaskNet(given).half().float()
    assert asked == [1]
    again, _ = load_net(save_model(tmp_path / "mask.safetensors", net, {}), MaskNet)
    chain, _ = load_net(save_model(tmp_path / "chain.safetensors", chain_of(again, (), 32), {}), Chain)
    assert asked == [1]
    x = torch.randn(1, 1, 32, 32)
    torch.testing.assert_close(chain.mask(x), net.eval()(x))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"encoder": "resnet18"}, "net.encoder resnet18 is of pictures, so net.dimensions must be 2, got 3"),
        (
            {"encoder": "resnet18", "dimensions": 2, "channels": (8, 16)},
            r"after net.encoder resnet18 the way up has four widths, got 2 channels; name four",
        ),
    ],
)
def test_an_encoder_needs_slices_and_four_widths(given, message):
    with pytest.raises(LesionkitError, match=message):
        MaskNetSettings.parse(given)
