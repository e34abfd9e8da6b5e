"""The U-Net of system 4, row 4.15: 16-32-64-128-256 maps, ELU, dropout, skips."""

from typing import cast

import torch
from torch import Tensor, nn

_DROPOUT = (0.1, 0.1, 0.2, 0.2, 0.2)
"""From the finest scale to the coarsest, at the rate that is published."""


class PatchUnet(nn.Module):
    """Maps slides (b, 3, y, x), sides multiples of 16, to logits (b, 1, y, x).

    Args:
        base: maps of the finest scale, doubled at each of the four coarser ones.
        dropout: at the coarsest scales; half of it at the two finest.
    """

    stride = 1
    multiple = 16

    def __init__(self, base: int, dropout: float) -> None:
        super().__init__()
        widths = [base * 2**n for n in range(5)]
        rates = [dropout * rate / _DROPOUT[-1] for rate in _DROPOUT]
        self.down = nn.ModuleList(
            _block(inputs, width, rate) for inputs, width, rate in zip([3, *widths], widths, rates, strict=False)
        )
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * width, width, 2, stride=2) for width in reversed(widths[:-1]))
        self.join = nn.ModuleList(
            _block(2 * width, width, rate) for width, rate in zip(widths[-2::-1], rates[-2::-1], strict=True)
        )
        self.last = nn.Conv2d(base, 1, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        x, skips = image, list[Tensor]()
        for n, block in enumerate(self.down):
            x = block(nn.functional.max_pool2d(x, 2) if n else x)
            skips.append(x)
        for up, join, skip in zip(self.up, self.join, skips[-2::-1], strict=True):
            x = join(torch.cat([up(x), skip], dim=1))
        return cast(Tensor, self.last(x))


def _block(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        *[nn.Conv2d(inputs, outputs, 3, padding=1), nn.ELU(), nn.Dropout(dropout)],
        *[nn.Conv2d(outputs, outputs, 3, padding=1), nn.ELU()],
    )
