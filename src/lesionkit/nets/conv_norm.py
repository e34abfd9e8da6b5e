"""Convolution and batch norm, and the residual block made of them, in two and three dimensions."""

from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
_NORMS = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}

SMALL = 4
"""Sides up to which maps are computed in 32 bits, see `trainable`."""


class ConvNorm(nn.Module):
    """Convolution and batch norm, ReLU in place where wanted.

    Args:
        dimensions: of a map: 2 for (y, x), 3 for (z, y, x).
        stride: 2 halves the sides.
        kernel: samples per axis, odd.
    """

    def __init__(
        self,
        dimensions: Literal[2, 3],
        inputs: int,
        outputs: int,
        stride: int = 1,
        relu: bool = True,
        kernel: int = 3,
    ) -> None:
        super().__init__()
        convolution = _CONVOLUTIONS[dimensions]
        self.conv: nn.Module = convolution(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.norm: nn.Module = _NORMS[dimensions](outputs)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """(b, inputs, …, y, x) -> (b, outputs, …, y / stride, x / stride)."""
        x = self.norm(trainable(self.conv, x))
        return x.relu_() if self.relu else x

    def fold(self) -> None:
        """Fold the norm into the convolution: the same output in evaluation mode, less work."""
        if not isinstance(self.norm, nn.Identity):
            self.conv = fuse_conv_bn_eval(cast(nn.Conv3d, self.conv), cast(nn.BatchNorm3d, self.norm))
            self.norm = nn.Identity()


class Residual(nn.Module):
    """Two convolutions beside what comes in (He et al. 2016)."""

    def __init__(self, dimensions: Literal[2, 3], channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(dimensions, channels, channels)
        self.second = ConvNorm(dimensions, channels, channels, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """(b, channels, …, y, x) -> the same shape."""
        return cast(Tensor, self.second(self.first(x))).add_(x).relu_()


def fold_norms(net: nn.Module) -> None:
    """Fold every norm of a net in evaluation mode into the convolution before it."""
    for module in net.modules():
        if isinstance(module, ConvNorm):
            module.fold()


def trainable(layer: nn.Module, x: Tensor) -> Tensor:
    """A convolution whose gradients can be trusted: in 32 bits where a processor's bf16 would give others.

    In bf16 on a CPU, PyTorch 2.15 writes wrong weight gradients, half of them not finite, and even
    beyond their memory, for 3-D maps (b, c, z, y, x) of a depth of 2, and at a stride of 2 for others with a side up to
    4. A test compares gradients at every size that a patch can come down to.
    """
    doubtful = x.ndim == 5 and x.device.type == "cpu" and min(x.shape[2:]) <= SMALL
    if doubtful and torch.is_grad_enabled() and torch.is_autocast_enabled("cpu"):
        with torch.autocast("cpu", enabled=False):
            return cast(Tensor, layer(x.float()))
    return cast(Tensor, layer(x))
