import pytest
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.colours import IMAGENET, standardised, statistics_of
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.segmenter_settings import SegmenterSettings

LITE = "tf_efficientnet_lite0"


def test_black_and_white_enter_as_imagenet_s_extremes():
    seen = standardised(torch.tensor([0.0, 0.485, 1.0]).view(1, 1, 1, 3), IMAGENET)
    assert seen[0, 0, 0].tolist() == pytest.approx([-0.485 / 0.229, 0, (1 - 0.485) / 0.229], abs=1e-6)
    assert seen.shape == (1, 3, 1, 3)


def test_two_channels_are_neither_grey_nor_colour():
    with pytest.raises(LesionkitError, match=r"shape \(b, 1 or 3, y, x\), got \(1, 2, 4, 4\)"):
        standardised(torch.zeros(1, 2, 4, 4), IMAGENET)


@pytest.mark.parametrize("name", [LITE, f"tu-{LITE}", f"timm-{LITE}", "xception", "inceptionv4"])
def test_encoders_that_learned_with_one_half_enter_with_one_half(name):
    assert statistics_of(name) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    "name", ["narrow", "narrow-resnet18", "resnet34", "efficientnet-b3", "tu-resnet18", "vgg11_bn"]
)
def test_all_others_enter_with_imagenet_s_means(name):
    assert statistics_of(name) == IMAGENET


def test_the_encoder_decides_how_an_image_enters_and_both_kinds_of_net_ask_it():
    with torch.device("meta"):
        how = {"encoder": LITE, "pretrained": False, "scaling": "encoder"}
        nets = [
            PatchNet(PatchNetSettings.parse(how)),
            Segmenter(SegmenterSettings.parse(how | {"architecture": "unet"})),
        ]
    assert [net.statistics[0] for net in nets] == [(0.5, 0.5, 0.5)] * 2
