"""The small net for slides that we ship: made for processors with bf16, dense at a stride of 8 pixels."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_unshuffle
from torch.nn.utils.fusion import fuse_conv_bn_weights

FOLD = 4
"""Pixels per axis that the first step folds into channels."""


class NarrowNet(nn.Module):
    """Maps slides (b, 3, y, x) to logits (b, 1, y/8, x/8), each of about 116 pixels around it.

    Nothing is computed at full resolution: 4 × 4 pixels are folded into 48 channels first, so no pixel is lost and
    every convolution is a dense 3 × 3 of many channels, which is what processors do fastest.

    Args:
        channels: at the strides 4 and 8; multiples of 32 run fastest.
        blocks: residual blocks at these strides, two convolutions each.
        dropout: share of maps dropped before the last convolution.
    """

    stride = 8
    multiple = 8

    def __init__(self, channels: tuple[int, int], blocks: tuple[int, int], dropout: float) -> None:
        super().__init__()
        s4, s8 = channels
        self.stem = _ConvNorm(3 * FOLD**2, s4)
        self.at4 = nn.Sequential(*[_Residual(s4) for _ in range(blocks[0])])
        self.at8 = nn.Sequential(_ConvNorm(s4, s8, stride=2), *[_Residual(s8) for _ in range(blocks[1])])
        self.dropout = nn.Dropout2d(dropout)
        self.last = nn.Conv2d(s8, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        x = self.at8(self.at4(self.stem(pixel_unshuffle(image, FOLD))))
        return cast(Tensor, self.last(self.dropout(x)))

    def fold(self) -> None:
        """Fold the batch norms into the convolutions before them: the same output in evaluation mode, less work."""
        for module in self.modules():
            if isinstance(module, _ConvNorm):
                module.fold()


class _ConvNorm(nn.Module):
    """3 × 3 convolution and batch norm, ReLU in place where wanted."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, relu: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return x.relu_() if self.relu else x

    def fold(self) -> None:
        if isinstance(self.norm, nn.BatchNorm2d):
            norm, conv = self.norm, self.conv
            mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
            with torch.no_grad():
                conv.weight, conv.bias = fuse_conv_bn_weights(
                    conv.weight, conv.bias, mean, variance, norm.eps, norm.weight, norm.bias
                )
            self.norm = nn.Identity()


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _ConvNorm(channels, channels)
        self.second = _ConvNorm(channels, channels, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.second(self.first(x))).add_(x).relu_()
