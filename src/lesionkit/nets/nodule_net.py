"""The 3-D nodule detector: a residual U-shape that never computes at full resolution."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from lesionkit.core.settings import Settings
from lesionkit.nets.conv_norm import ConvNorm, Residual, fold_norms, trainable
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
        self.stem = ConvNorm(3, 8, s2)
        self.at2 = nn.Sequential(*[Residual(3, s2) for _ in range(n2)])
        self.at4 = nn.Sequential(ConvNorm(3, s2, s4, stride=2), *[Residual(3, s4) for _ in range(n4)])
        self.at8 = nn.Sequential(ConvNorm(3, s4, s8, stride=2), *[Residual(3, s8) for _ in range(n8)])
        self.at16 = nn.Sequential(ConvNorm(3, s8, s16, stride=2), *[Residual(3, s16) for _ in range(n16)])
        self.up8 = _Up(s16, s8)
        self.up4 = _Up(s8, s4)
        self.last = Residual(3, s4)
        self.head = nn.Sequential(nn.Dropout3d(self.settings.dropout), nn.Conv3d(s4, CHANNELS, 1))
        # Start from a belief of 1 % everywhere, so that the first steps are not spent on unlearning 50 %.
        final = self.head[1]
        assert isinstance(final, nn.Conv3d)
        nn.init.normal_(final.weight, std=0.01)
        assert final.bias is not None
        nn.init.zeros_(final.bias)
        nn.init.constant_(final.bias[:1], -4.6)

    def tap_features(self, see: Callable[[Tensor], None]) -> None:
        """Have the deepest maps (b, c, z/16, y/16, x/16) told to `see`; see `lesionkit.nets.features`."""
        self.at16.register_forward_hook(lambda module, inputs, output: see(output))

    def forward(self, volume: Tensor) -> Tensor:
        """See the class."""
        x2 = self.at2(self.stem(space_to_depth(volume)))  # b c z/2 y/2 x/2
        x4 = self.at4(x2)  # b c z/4 y/4 x/4
        x8 = self.at8(x4)  # b c z/8 y/8 x/8
        x16 = self.at16(x8)  # b c z/16 y/16 x/16
        x = self.last(self.up4(self.up8(x16, x8), x4))  # b c z/4 y/4 x/4
        return trainable(self.head, x)  # b 5 z/4 y/4 x/4


def space_to_depth(volume: Tensor) -> Tensor:
    """(b, 1, z, y, x) -> (b, 8, z/2, y/2, x/2): each cell's eight samples become channels."""
    b, _, z, y, x = volume.shape
    cells = volume.view(b, z // 2, 2, y // 2, 2, x // 2, 2)
    folded = cells.permute(0, 2, 4, 6, 1, 3, 5).reshape(b, 8, z // 2, y // 2, x // 2)
    if torch.onnx.is_in_onnx_export():
        # ONNX knows no other layout, and the values are the same.
        return folded
    return folded.contiguous(memory_format=torch.channels_last_3d)


def for_inference(net: NoduleNet) -> NoduleNet:
    """A copy in evaluation mode with batch norms folded into the convolutions before them: same output, less work."""
    copy = NoduleNet(net.settings)
    copy.load_state_dict(net.state_dict())
    copy.eval()
    fold_norms(copy)
    return copy.to(memory_format=torch.channels_last_3d)


class _Up(nn.Module):
    """Twice the resolution, joined with the features that were there on the way down."""

    def __init__(self, below: int, beside: int) -> None:
        super().__init__()
        self.lift = nn.ConvTranspose3d(below, beside, 2, stride=2)
        self.join = ConvNorm(3, 2 * beside, beside)

    def forward(self, low: Tensor, skip: Tensor) -> Tensor:
        result: Tensor = self.join(torch.cat([trainable(self.lift, low), skip], dim=1))
        return result
