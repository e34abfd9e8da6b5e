"""The region proposal network of system 2: a residual U-shape that says of cubes of three sizes whether they fit."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from lesionkit.core.settings import Settings
from lesionkit.nets.conv_norm import ConvNorm, fold_norms, trainable
from lesionkit.nets.nodule_net import space_to_depth
from lesionkit.nets.rpn.anchors import PER_ANCHOR, Anchors
from lesionkit.nets.rpn.rpn_net_settings import RpnNetSettings


class RpnNet(nn.Module):
    """Maps a CT volume (b, 1, z, y, x), scaled to about -1..1, to (b, a × 5, z/4, y/4, x/4); see `Anchors`.

    As tabled (system 2, section 3.2): stages of residual blocks after max pooling, two transposed convolutions, each
    beside what was there on the way down, and the location joined before the last stage. Sides are multiples of 16.
    Norms have scales and convolutions before them no biases, where Caffe had biases and no scales.
    """

    settings_type: ClassVar[type[Settings]] = RpnNetSettings
    stride = 4
    multiple = 16

    def __init__(self, settings: RpnNetSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or RpnNetSettings()
        given = self.settings
        s2, s4, s8, s16 = given.channels
        n2, n4, n8, n16 = given.blocks
        u8, u4 = given.up_channels
        self.stem = _stem(given)
        self.at2 = _stage(s2 if given.stem == "folded" else given.pre, s2, n2)
        self.at4 = nn.Sequential(nn.MaxPool3d(2), _stage(s2, s4, n4))
        self.at8 = nn.Sequential(nn.MaxPool3d(2), _stage(s4, s8, n8))
        self.at16 = nn.Sequential(nn.MaxPool3d(2), _stage(s8, s16, n16))
        self.lift8 = Lift(s16, u8)
        self.up8 = _stage(u8 + s8, u8, given.up_blocks[0])
        self.lift4 = Lift(u8, u8)
        self.up4 = _stage(u8 + s4 + 3 * given.location, u4, given.up_blocks[1])
        self.drop = nn.Dropout3d(given.dropout)
        self.hidden = nn.Conv3d(u4, given.hidden, 1)
        self.head = nn.Conv3d(given.hidden, len(given.anchors_mm) * PER_ANCHOR, 1)
        # Large steps of the box at the start would drown all else.
        nn.init.normal_(self.head.weight, std=0.01)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    @property
    def anchors(self) -> Anchors:
        """What the output is about."""
        return Anchors(self.settings.anchors_mm, self.stride)

    def forward(self, volume: Tensor, location: Tensor) -> Tensor:
        """See the class.

        Args:
            location: (b, 3, z/4, y/4, x/4) where in the scan each cell lies, z, y, x from -0.5 to 0.5; not looked at
                by a network without `location`.
        """
        x2 = self.at2(self.stem(volume))  # b c z/2 y/2 x/2
        x4 = self.at4(x2)  # b c z/4 y/4 x/4
        x8 = self.at8(x4)  # b c z/8 y/8 x/8
        x = self.up8(torch.cat([self.lift8(self.at16(x8)), x8], dim=1))
        parts = [self.lift4(x), x4, location.to(x4.dtype)] if self.settings.location else [self.lift4(x), x4]
        x = self.up4(torch.cat(parts, dim=1))  # b c z/4 y/4 x/4
        x = trainable(self.hidden, self.drop(x)).relu()
        return trainable(self.head, x)


class Block(nn.Module):
    """Two convolutions beside what comes in, which passes a convolution of 1 where the width changes."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = ConvNorm(3, inputs, outputs)
        self.second = ConvNorm(3, outputs, outputs, relu=False)
        self.shortcut: nn.Module = (
            nn.Identity() if inputs == outputs else ConvNorm(3, inputs, outputs, relu=False, kernel=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(b, inputs, z, y, x) -> (b, outputs, z, y, x)."""
        result: Tensor = self.second(self.first(x)).add_(self.shortcut(x)).relu_()
        return result


class Lift(nn.Module):
    """Twice the resolution: transposed convolution of 2, norm, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose3d(inputs, outputs, 2, stride=2, bias=False)
        self.norm = nn.BatchNorm3d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(b, inputs, z, y, x) -> (b, outputs, 2 z, 2 y, 2 x)."""
        result: Tensor = self.norm(trainable(self.conv, x)).relu_()
        return result


class _Folded(nn.Module):
    """The scan at half its resolution, with all its samples."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv = ConvNorm(3, 8, outputs)

    def forward(self, volume: Tensor) -> Tensor:
        result: Tensor = self.conv(space_to_depth(volume))
        return result


def _stem(settings: RpnNetSettings) -> nn.Module:
    if settings.stem == "folded":
        return _Folded(settings.channels[0])
    pre = settings.pre
    return nn.Sequential(ConvNorm(3, 1, pre), ConvNorm(3, pre, pre), nn.MaxPool3d(2))


def _stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*[Block(inputs if number == 0 else outputs, outputs) for number in range(blocks)])


def for_search(net: RpnNet) -> RpnNet:
    """A copy in evaluation mode with norms folded into the convolutions before them: same output, less work."""
    copy = RpnNet(net.settings)
    copy.load_state_dict(net.state_dict())
    copy.eval()
    fold_norms(copy)
    return copy.to(memory_format=torch.channels_last_3d)
