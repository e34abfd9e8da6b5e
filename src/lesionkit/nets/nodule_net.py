"""The 3-D nodule detector: a residual U-shape that never computes at full resolution."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lesionkit.core.settings import Settings
from lesionkit.nets.nodule_head import CHANNELS
from lesionkit.nets.nodule_net_settings import NoduleNetSettings


class NoduleNet(nn.Module):
    """Maps a CT volume (b, 1, z, y, x), scaled to about -1..1, to maps (b, 5, z/4, y/4, x/4).

    Designed for CPU speed: the first step folds 2×2×2 samples into 8 channels (space to depth), so no convolution
    runs on a single input channel or at full resolution, yet no sample is lost. Sides must be multiples of 16.
    The output is read by `lesionkit.nets.nodule_head.NoduleHead` with stride 4.
    """

    settings_type: ClassVar[type[Settings]] = NoduleNetSettings
    stride = 4
    multiple = 16

    def __init__(self, settings: NoduleNetSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or NoduleNetSettings()
        s2, s4, s8, s16 = self.settings.channels
        n2, n4, n8, n16 = self.settings.blocks
        self.stem = _convolution(8, s2)
        self.at2 = nn.Sequential(*[_Residual(s2) for _ in range(n2)])
        self.at4 = nn.Sequential(_convolution(s2, s4, stride=2), *[_Residual(s4) for _ in range(n4)])
        self.at8 = nn.Sequential(_convolution(s4, s8, stride=2), *[_Residual(s8) for _ in range(n8)])
        self.at16 = nn.Sequential(_convolution(s8, s16, stride=2), *[_Residual(s16) for _ in range(n16)])
        self.up8 = _Up(s16, s8)
        self.up4 = _Up(s8, s4)
        self.last = _Residual(s4)
        self.head = nn.Sequential(nn.Dropout3d(self.settings.dropout), nn.Conv3d(s4, CHANNELS, 1))
        # Start from a belief of 1 % everywhere, so that the first steps are not spent on unlearning 50 %.
        final = self.head[1]
        assert isinstance(final, nn.Conv3d)
        nn.init.normal_(final.weight, std=0.01)
        assert final.bias is not None
        nn.init.zeros_(final.bias)
        nn.init.constant_(final.bias[:1], -4.6)

    def forward(self, volume: Tensor) -> Tensor:
        """See the class."""
        x2 = self.at2(self.stem(space_to_depth(volume)))  # b c z/2 y/2 x/2
        x4 = self.at4(x2)
        x8 = self.at8(x4)
        x16 = self.at16(x8)
        output: Tensor = self.head(self.last(self.up4(self.up8(x16, x8), x4)))  # b 5 z/4 y/4 x/4
        return output


def space_to_depth(volume: Tensor) -> Tensor:
    """(b, 1, z, y, x) -> (b, 8, z/2, y/2, x/2): each cell's eight samples become channels."""
    b, _, z, y, x = volume.shape
    cells = volume.view(b, z // 2, 2, y // 2, 2, x // 2, 2)
    folded = cells.permute(0, 2, 4, 6, 1, 3, 5).reshape(b, 8, z // 2, y // 2, x // 2)
    return folded.contiguous(memory_format=torch.channels_last_3d)


def for_inference(net: NoduleNet) -> NoduleNet:
    """A copy in evaluation mode with batch norms folded into the convolutions before them: same output, less work."""
    copy = NoduleNet(net.settings)
    copy.load_state_dict(net.state_dict())
    copy.eval()
    for module in copy.modules():
        if isinstance(module, _ConvNorm):
            module.fold()
    return copy.to(memory_format=torch.channels_last_3d)


class _ConvNorm(nn.Module):
    """3×3×3 convolution and batch norm, optionally ReLU in place."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, relu: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm3d(outputs)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return x.relu_() if self.relu else x

    def fold(self) -> None:
        if isinstance(self.norm, nn.BatchNorm3d):
            self.conv = fuse_conv_bn_eval(self.conv, self.norm)
            self.norm = nn.Identity()


def _convolution(inputs: int, outputs: int, stride: int = 1) -> _ConvNorm:
    return _ConvNorm(inputs, outputs, stride)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _ConvNorm(channels, channels)
        self.second = _ConvNorm(channels, channels, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.first(x))
        return y.add_(x).relu_()


class _Up(nn.Module):
    """Twice the resolution, joined with the features that were there on the way down."""

    def __init__(self, below: int, beside: int) -> None:
        super().__init__()
        self.lift = nn.ConvTranspose3d(below, beside, 2, stride=2)
        self.join = _ConvNorm(2 * beside, beside)

    def forward(self, low: Tensor, skip: Tensor) -> Tensor:
        result: Tensor = self.join(torch.cat([self.lift(low), skip], dim=1))
        return result
