"""The small net for slides that we ship: made for processors with bf16, dense at a stride of 8 pixels."""

from typing import cast

from torch import Tensor, nn
from torch.nn.functional import pixel_unshuffle

from lesionkit.nets.conv_norm import ConvNorm, Residual, fold_norms

FOLD = 4
"""Pixels per axis that the first step folds into channels."""


class NarrowNet(nn.Module):
    """Maps slides (b, 3, y, x) to logits (b, 1, y/8, x/8), each of about 116 pixels around it.

    Nothing is computed at full resolution: 4 × 4 pixels are folded into 48 channels first, so no pixel is lost and
    every convolution is a dense 3 × 3 of many channels, which is what processors do fastest.

    Args:
        channels: at the strides 4 and 8; multiples of 32 run fastest.
        blocks: residual blocks at these strides, two convolutions each.
        dropout: share of maps dropped before the last convolution.
    """

    stride = 8
    multiple = 8

    def __init__(self, channels: tuple[int, int], blocks: tuple[int, int], dropout: float) -> None:
        super().__init__()
        s4, s8 = channels
        self.stem = ConvNorm(2, 3 * FOLD**2, s4)
        self.at4 = nn.Sequential(*[Residual(2, s4) for _ in range(blocks[0])])
        self.at8 = nn.Sequential(ConvNorm(2, s4, s8, stride=2), *[Residual(2, s8) for _ in range(blocks[1])])
        self.dropout = nn.Dropout2d(dropout)
        self.last = nn.Conv2d(s8, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        x = self.at4(self.stem(pixel_unshuffle(image, FOLD)))  # b c y/4 x/4
        x = self.at8(x)  # b c y/8 x/8
        return cast(Tensor, self.last(self.dropout(x)))

    def fold(self) -> None:
        """Fold the batch norms into the convolutions before them: the same output in evaluation mode, less work."""
        fold_norms(self)
