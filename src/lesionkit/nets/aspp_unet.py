"""The U-Net of the fifth place: atrous pooling in the centre, whose output also feeds the image head (row 3.101)."""

from collections.abc import Sequence

import torch
from timm.layers.squeeze_excite import SEModule
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.segmentation.deeplabv3 import ASPP

WIDTH = 64
"""Maps that every up-block gives."""


class AsppDecoder(nn.Module):
    """1×1 reductions to 64, 128, 256, 512; ASPP (rates 1, 6, 12, 18 and the image's mean) to 256; four up-blocks of 64.

    The four maps are brought to stride 2 and read together: 256 → 32, then bilinear to full resolution, then 1. The
    image head reads the ASPP's output. Two images per batch are needed in training: the image's mean is batch-normed.

    Args:
        channels: of the encoder's maps at strides 1 to 32; use `with_deep_stem` for the published stem.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        reduced = (64, 128, 256, 512)
        self.deep_channels = 256
        self.reduce = nn.ModuleList(nn.Conv2d(n, m, 1) for n, m in zip(channels[2:], reduced, strict=True))
        self.centre = ASPP(512, [6, 12, 18], 256)
        below = (256, WIDTH, WIDTH, WIDTH)
        self.ups = nn.ModuleList(_Up(n + skip) for n, skip in zip(below, reversed(reduced), strict=True))
        self.join = nn.Sequential(nn.Conv2d(4 * WIDTH, 32, 3, padding=1), nn.ReLU(inplace=True))
        self.last = nn.Conv2d(32, 1, 1)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Mask logits (b, 1, y, x), and the ASPP's output for an image head."""
        skips = [reduce(f) for reduce, f in zip(self.reduce, list(features)[2:], strict=True)]  # strides 4 to 32
        x = centre = self.centre(skips[-1])
        maps = []
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            x = up(torch.cat([x, skip], dim=1))
            maps.append(x)
        together = torch.cat([functional.interpolate(m, size=x.shape[2:], mode="nearest") for m in maps], dim=1)
        full = functional.interpolate(self.join(together), size=features[0].shape[2:], mode="bilinear")
        return self.last(full), centre


class _Up(nn.Sequential):
    """SE, 1×1 with BN and ReLU, nearest ×2, 3×3 with BN and ReLU, 1×1 with ReLU."""

    def __init__(self, inputs: int) -> None:
        super().__init__(
            SEModule(inputs, rd_ratio=1 / 16),
            *[nn.Conv2d(inputs, WIDTH, 1, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU(inplace=True)],
            nn.Upsample(scale_factor=2, mode="nearest"),
            *[nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU(inplace=True)],
            *[nn.Conv2d(WIDTH, WIDTH, 1), nn.ReLU(inplace=True)],
        )
