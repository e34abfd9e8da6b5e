"""A U-Net for slices whose way down is an encoder of photographs, with ImageNet weights or without."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from lesionkit.nets.encoder import make_encoder
from lesionkit.nets.light_unet import LightDecoder


class EncodedUNet(nn.Module):
    """Maps slices (b, 1, y, x), scaled to about -1..1, to logits of the same shape. Sides are multiples of 16.

    An encoder halves its image at once, where a nodule of 5 mm is seven samples wide: it is shown the slice at twice
    its size, so that its first maps have the samples of the slice, and so have the logits.

    Args:
        encoder: see `make_encoder`.
        channels: maps of the way up at strides 1, 2, 4 and 8.
        pretrained: begin from ImageNet.
    """

    multiple = 16

    def __init__(self, encoder: str, channels: Sequence[int], pretrained: bool) -> None:
        super().__init__()
        self.encoder = make_encoder(encoder, 1, pretrained)
        maps: Any = self.encoder.out_channels
        self.decoder = LightDecoder(maps, channels[::-1], enlarged=False)
        self.to(memory_format=torch.channels_last)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        twice = functional.interpolate(image, scale_factor=2.0, mode="bilinear", align_corners=False)
        logit, _ = self.decoder(self.encoder(twice.contiguous(memory_format=torch.channels_last)))
        return cast(Tensor, logit)
