"""A decoder of radiographs that costs a CPU little."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class LightDecoder(nn.Module):
    """A U-Net decoder that costs a CPU little: one convolution per step, and no map at full resolution.

    Logits are computed at stride 2 and brought up bilinearly. With a small encoder a training step takes about a third
    of `PlainDecoder`'s time.

    Args:
        channels: of the encoder's maps at strides 1 to 32.
        widths: maps at strides 16, 8, 4 and 2.
        enlarged: bring the logits up to full resolution; otherwise they stay at stride 2.
    """

    def __init__(
        self, channels: Sequence[int], widths: Sequence[int] = (96, 64, 48, 32), enlarged: bool = True
    ) -> None:
        super().__init__()
        self.enlarged = enlarged
        self.deep_channels = channels[-1]
        below = (channels[-1], *widths[:-1])
        skips = channels[-2:0:-1]
        self.steps = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(deep + skip, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
            )
            for deep, skip, width in zip(below, skips, widths, strict=True)
        )
        self.last = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Mask logits (b, 1, y, x), and the deepest map for an image head."""
        x = features[-1]
        for step, skip in zip(self.steps, features[-2:0:-1], strict=True):
            x = step(torch.cat([functional.interpolate(x, scale_factor=2.0), skip], 1))
        logit = self.last(x)
        if self.enlarged:
            logit = functional.interpolate(logit, scale_factor=2.0, mode="bilinear")
        return logit, features[-1]
