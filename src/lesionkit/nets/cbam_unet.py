"""The U-Net of the third place: CBAM after each decoder block and a hypercolumn (system 3, rows 3.56 and 3.57)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 32
"""Maps that every decoder block gives."""


class Cbam(nn.Module):
    """Channel attention (average and maximum through one shared perceptron), then spatial attention with kernel 1.

    Woo et al., "CBAM" (2018), who use a spatial kernel of 7; the third place used 1.
    """

    def __init__(self, channels: int, reduction: int = 16, kernel: int = 1) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.shared = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1))
        self.spatial = nn.Conv2d(2, 1, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        mean, most = functional.adaptive_avg_pool2d(x, 1), functional.adaptive_max_pool2d(x, 1)
        x = x * (self.shared(mean) + self.shared(most)).sigmoid()
        planes = torch.cat([x.amax(dim=1, keepdim=True), x.mean(dim=1, keepdim=True)], dim=1)  # b 2 y x
        attended: Tensor = x * self.spatial(planes).sigmoid()
        return attended


class CbamDecoder(nn.Module):
    """Five blocks of bilinear ×2, skip, conv-BN-ReLU (512, 256, 128, 64, 32), conv-BN-ReLU (32) and CBAM.

    The five maps, 32 each, are brought to full resolution and read together: 160 → 64 → 32 → 1.

    Args:
        channels: of the encoder's maps at strides 1 to 32.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        _, c2, c4, c8, c16, c32 = channels
        self.deep_channels = c32
        self.centre = nn.Sequential(*_conv(c32, c32 // 2), *_conv(c32 // 2, c32 // 2))
        inputs = [c32 // 2 + c16, WIDTH + c8, WIDTH + c4, WIDTH + c2, WIDTH]
        self.blocks = nn.ModuleList(
            nn.Sequential(*_conv(n, middle), *_conv(middle, WIDTH), Cbam(WIDTH))
            for n, middle in zip(inputs, (512, 256, 128, 64, 32), strict=True)
        )
        self.last = nn.Sequential(*_conv(5 * WIDTH, 64), *_conv(64, 32), nn.Conv2d(32, 1, 1))

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Mask logits (b, 1, y, x), and the deepest map for an image head."""
        x, maps = self.centre(features[-1]), []
        skips = [*list(features)[-2:0:-1], None]  # strides 16, 8, 4, 2; none at full resolution
        for block, skip in zip(self.blocks, skips, strict=True):
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(x if skip is None else torch.cat([x, skip], dim=1))
            maps.append(x)
        full = [functional.interpolate(m, size=x.shape[2:], mode="bilinear", align_corners=False) for m in maps[:-1]]
        return self.last(torch.cat([*full, x], dim=1)), features[-1]


def _conv(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
