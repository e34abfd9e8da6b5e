"""The U-Net of the first and fourth place: convolutions around each skip, scSE if asked for (rows 3.2, 3.3, 3.80)."""

from collections.abc import Sequence

import torch
from segmentation_models_pytorch.base.modules import SCSEModule
from torch import Tensor, nn


class MaxOutScse(nn.Module):
    """scSE whose channel and spatial parts meet in their maximum, not their sum (row 3.3)."""

    def __init__(self, channels: int, reduction: int = 2) -> None:
        super().__init__()
        parts = SCSEModule(channels, reduction)
        self.channel, self.spatial = parts.cSE, parts.sSE

    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(x * self.channel(x), x * self.spatial(x))


class BottleneckDecoder(nn.Module):
    """Per level: nearest ×2, 3×3, ReLU, concatenate the skip, 3×3, ReLU and scSE if asked for. No norm.

    Args:
        channels: of the encoder's maps at strides 1 to 32.
        widths: maps at strides 16, 8, 4 and 2: 256, 256, 128, 64 or, with scSE, 384, 256, 128, 64.
        last: maps at stride 1: 64 or, with scSE, 32.
        scse: max-out scSE with reduction 2 after each skip.
    """

    def __init__(
        self, channels: Sequence[int], widths: Sequence[int] = (256, 256, 128, 64), last: int = 64, scse: bool = False
    ) -> None:
        super().__init__()
        skips = list(channels)[-2:0:-1]  # strides 16, 8, 4, 2
        below = [channels[-1], *widths[:-1]]
        self.deep_channels = channels[-1]
        self.ups = nn.ModuleList(_up(inputs, outputs) for inputs, outputs in zip(below, widths, strict=True))
        self.joins = nn.ModuleList(_join(width + skip, width, scse) for width, skip in zip(widths, skips, strict=True))
        self.last = nn.Sequential(_up(widths[-1], last), nn.Conv2d(last, 1, 1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Mask logits (b, 1, y, x), and the deepest map for an image head."""
        x = features[-1]
        for up, join, skip in zip(self.ups, self.joins, list(features)[-2:0:-1], strict=True):
            x = join(torch.cat([up(x), skip], dim=1))
        return self.last(x), features[-1]


def _up(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True)
    )


def _join(inputs: int, outputs: int, scse: bool) -> nn.Sequential:
    attention = [MaxOutScse(outputs)] if scse else []
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True), *attention)
