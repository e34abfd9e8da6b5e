"""One contract for every architecture, on ResNet-18; the winners' widths on the meta device, where no weights are."""

from copy import deepcopy

import pytest
import segmentation_models_pytorch
import torch
from torch import nn

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.aspp_unet import AsppDecoder
from lesionkit.nets.bottleneck_unet import MaxOutScse
from lesionkit.nets.cbam_unet import Cbam
from lesionkit.nets.encoder import make_encoder, with_deep_stem
from lesionkit.nets.segmenter import Segmentation, Segmenter
from lesionkit.nets.segmenter_settings import WINNERS, SegmenterSettings

FRESH = {"pretrained": False}


def small(architecture: str, **changes) -> Segmenter:
    torch.manual_seed(0)
    values = {"architecture": architecture, "encoder": "resnet18", "head": "linear", **FRESH, **changes}
    return Segmenter(SegmenterSettings(**values))


@pytest.fixture(scope="class")
def net(request) -> Segmenter:
    return small(request.cls.architecture, head=request.cls.head)


class Contract:
    """What every architecture does."""

    architecture: str
    head = "linear"

    def test_mask_logits_have_the_image_s_size_and_the_head_one_logit_per_image(self, net):
        net = deepcopy(net).eval().to("meta")
        for sides in ((32, 32), (96, 64), (160, 224)):
            output = net(torch.zeros(2, 1, *sides, device="meta"))
            assert output.mask.shape == (2, 1, *sides)
            assert output.nonempty.shape == (2,)

    def test_without_a_head_there_is_no_image_logit(self):
        with torch.device("meta"):
            assert small(self.architecture, head="none")(torch.zeros(2, 1, 32, 32)).nonempty is None

    def test_mask_and_head_reach_the_first_weight(self, net):
        first = next(net.encoder.parameters())
        output = net.train()(torch.rand(2, 1, 64, 64))
        for logits in output:
            (gradient,) = torch.autograd.grad(logits.square().sum(), first, retain_graph=True)
            assert gradient.isfinite().all()
            assert gradient.abs().max() > 0

    def test_in_evaluation_an_image_does_not_depend_on_its_batch(self, net):
        images = torch.rand(2, 1, 64, 32)
        net.eval()
        with torch.inference_mode():
            together, alone = net(images), net(images[:1])
        torch.testing.assert_close(together.mask[:1], alone.mask, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(together.nonempty[:1], alone.nonempty, atol=1e-4, rtol=1e-4)

    def test_another_size_names_the_next_one_that_works(self):
        with torch.device("meta"):
            net = small(self.architecture)
            with pytest.raises(LesionkitError, match="multiples of 32, got 100 × 64; pad or resize to 128 × 64"):
                net(torch.zeros(1, 1, 100, 64))


class TestAlbunet(Contract):
    architecture = "albunet"


class TestAlbunetDeconv(Contract):
    architecture = "albunet deconv"


class TestBottleneckUnet(Contract):
    architecture = "bottleneck unet"


class TestScseUnet(Contract):
    architecture = "scse unet"


class TestPlainUnet(Contract):
    architecture = "unet"
    head = "two linear"


class TestDeepLab(Contract):
    architecture = "deeplab"


class TestCbamUnet(Contract):
    architecture = "cbam unet"


class TestAsppUnet(Contract):
    architecture = "aspp unet"
    head = "convolution"


@pytest.mark.parametrize("name", [name for name in WINNERS if "101" not in name])
def test_a_winner_s_network_draws_a_mask_of_the_image_s_size(name):
    with torch.device("meta"):
        output = Segmenter(WINNERS[name].model_copy(update=FRESH))(torch.zeros(2, 1, 64, 96))
    assert isinstance(output, Segmentation)
    assert output.mask.shape == (2, 1, 64, 96)


def test_a_batch_of_colour_images_is_refused():
    with torch.device("meta"), pytest.raises(LesionkitError, match=r"\(b, 1, y, x\), got \(1, 3, 32, 32\)"):
        small("unet")(torch.zeros(1, 3, 32, 32))


def test_max_out_scse_is_the_larger_of_its_two_parts():
    attention, x = MaxOutScse(4), torch.randn(1, 4, 3, 3)
    channel, spatial = x * attention.channel(x), x * attention.spatial(x)
    torch.testing.assert_close(attention(x), torch.where(channel > spatial, channel, spatial))


def test_scse_sits_after_each_of_the_four_skips_with_the_published_widths():
    with torch.device("meta"):
        net = Segmenter(WINNERS["1st scse"].model_copy(update=FRESH))
    joins = [m for m in net.modules() if isinstance(m, MaxOutScse)]
    assert [join.channel[1].in_channels for join in joins] == [384, 256, 128, 64]
    assert [join.channel[1].out_channels for join in joins] == [192, 128, 64, 32]


def test_cbam_with_zero_weights_halves_twice():
    cbam = Cbam(32)
    for parameter in cbam.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, 32, 4, 4)
    torch.testing.assert_close(cbam(x), x / 4)
    assert cbam.spatial.weight.shape == (1, 2, 1, 1)


def test_the_hypercolumn_reads_five_maps_of_32():
    with torch.device("meta"):
        net = small("cbam unet")
    assert [net.decoder.last[0].in_channels, net.decoder.last[0].out_channels] == [160, 64]


def test_atrous_pooling_has_four_rates_and_the_image_s_mean():
    decoder = AsppDecoder([1, 64, 64, 128, 256, 512])
    rates = [branch[0].dilation[0] for branch in list(decoder.centre.convs)[:4]]
    assert rates == [1, 6, 12, 18]
    assert len(decoder.centre.convs) == 5
    assert decoder.centre.project[3].p == 0.5


def test_the_winners_head_on_efficientnet_b3_reads_1536_maps():
    with torch.device("meta"):
        encoder = make_encoder("efficientnet-b3", 1, pretrained=False)
        shapes = [tuple(f.shape[1:]) for f in encoder(torch.zeros(1, 1, 64, 64))]
    assert shapes == [(1, 64, 64), (24, 32, 32), (32, 16, 16), (48, 8, 8), (136, 4, 4), (1536, 2, 2)]
    assert encoder.out_channels == [1, 24, 32, 48, 136, 1536]


def test_one_grey_channel_equals_the_same_image_three_times():
    torch.manual_seed(0)
    colour = make_encoder("resnet18", 3, pretrained=False).eval()
    grey = make_encoder("resnet18", 3, pretrained=False).eval()
    grey.load_state_dict(colour.state_dict())
    grey.set_in_channels(1, pretrained=True)
    image = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(grey(image)[-1], colour(image.expand(-1, 3, -1, -1))[-1], atol=1e-4, rtol=1e-4)


def test_a_misspelt_encoder_is_answered_with_the_nearest_name():
    with pytest.raises(LesionkitError, match="unknown encoder 'resnet43'; did you mean 'resnet34'"):
        make_encoder("resnet43", 1, pretrained=False)
    with pytest.raises(LesionkitError, match="unknown encoder 'tu-nothing'; "):
        make_encoder("tu-nothing", 1, pretrained=False)


def test_a_backbone_of_timm_is_taken_by_its_name():
    with torch.device("meta"):
        assert small("unet", encoder="tu-mobilenetv3_small_100")(torch.zeros(2, 1, 32, 32)).nonempty.shape == (2,)


def test_weights_that_cannot_be_downloaded_are_answered_with_what_to_do(monkeypatch):
    def offline(*_args, **_kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(segmentation_models_pytorch.encoders, "hf_hub_download", offline)
    with torch.device("meta"), pytest.raises(LesionkitError, match=r"no route to host.*set pretrained to false"):
        make_encoder("resnet18", 1, pretrained=True)


def test_a_deep_stem_needs_an_encoder_whose_stem_is_known():
    with torch.device("meta"):
        encoder = make_encoder("efficientnet-b0", 1, pretrained=False)
        with pytest.raises(LesionkitError, match="ResNet family, got EfficientNetEncoder"):
            with_deep_stem(encoder, 1)


class TestLightUnet(Contract):
    architecture = "light unet"


def test_the_narrow_encoder_fits_the_light_decoder_and_is_small():
    net = small("light unet", encoder="narrow-resnet18")
    assert net.eval()(torch.zeros(1, 1, 64, 64)).mask.shape == (1, 1, 64, 64)
    # In 16 bits it takes at most the 8 MB that a shipped model may have.
    assert sum(p.numel() for p in net.parameters()) < 3.5e6


def test_the_narrow_encoder_has_no_downloaded_weights():
    with pytest.raises(LesionkitError, match="set pretrained to false"):
        make_encoder("narrow-resnet18", 1, pretrained=True)
