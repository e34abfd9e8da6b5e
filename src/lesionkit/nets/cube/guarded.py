"""Convolutions whose gradients can be trusted on maps of any size, and means in any arithmetic."""

from typing import Any, Literal, cast

from torch import Tensor, nn

from lesionkit.nets.conv_norm import trainable

_CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
_NORMS = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class Guarded(nn.Module):
    """A convolution that keeps its place in the middle of its kernel; see `lesionkit.nets.conv_norm.trainable`.

    Args:
        kernel: samples per axis, odd.
        stride: 2 halves the sides, odd ones rounded up.
    """

    def __init__(
        self,
        dimensions: Literal[2, 3],
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, ...] = 3,
        stride: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        sides = (kernel,) * dimensions if isinstance(kernel, int) else kernel
        padding = tuple(side // 2 for side in sides)
        made: Any = _CONVOLUTIONS[dimensions]
        self.conv: nn.Module = made(inputs, outputs, sides, stride=stride, padding=padding, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(b, inputs, …, y, x) -> (b, outputs, …, y / stride, x / stride)."""
        return trainable(self.conv, x)


class MeanPool(nn.AvgPool3d):
    """Means in 32 bits, whatever they are of: torch has none in bf16 on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, z, y, x) -> the same type, with the sides of the pooling."""
        return super().forward(x.float()).to(x.dtype)


def unit(
    inputs: int, outputs: int, kernel: int | tuple[int, ...] = 3, stride: int = 1, relu: bool = True
) -> nn.Sequential:
    """3-D convolution without bias, batch norm, and ReLU where wanted."""
    after: list[nn.Module] = [nn.ReLU(inplace=True)] if relu else []
    return nn.Sequential(Guarded(3, inputs, outputs, kernel, stride, bias=False), nn.BatchNorm3d(outputs), *after)


def plain(dimensions: Literal[2, 3], inputs: int, outputs: int, norm: bool) -> nn.Sequential:
    """Convolution of 3 and ReLU, as VGG and the plain U-Nets have it; with a batch norm between them if wanted.

    Without one it begins as He et al. 2015 have it: torch's own beginning is smaller, and ten such layers say nothing.
    """
    between = [cast(nn.Module, _NORMS[dimensions](outputs))] if norm else []
    convolution = Guarded(dimensions, inputs, outputs, bias=not norm)
    if not norm:
        weight, bias = convolution.conv.parameters()
        nn.init.kaiming_normal_(weight, nonlinearity="relu")
        nn.init.zeros_(bias)
    return nn.Sequential(convolution, *between, nn.ReLU(inplace=True))
