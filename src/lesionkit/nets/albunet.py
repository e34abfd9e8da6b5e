"""AlbuNet, the decoder of the first place (system 3, row 3.1)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class AlbuDecoder(nn.Module):
    """Blocks of bilinear ×2, two 3×3 convolutions and ReLU, no norm; a centre one level below the encoder.

    With `deconvolution`, the published code's `is_deconv`, a block is a 3×3 convolution and a transposed one of 4×4 and
    stride 2 instead. The stem's pooling is the encoder's: 3×3 of stride 2 in segmentation-models-pytorch's ResNet-34,
    where the first place pooled 2×2.

    Widths are those of ResNet-34 (in → mid → out): centre 512→512→256, then 768→512→256, 512→512→256, 384→256→64,
    128→128→128, 128→128→32, a last convolution of 32 and the mask's 1×1.

    Args:
        channels: of the encoder's maps at strides 1 to 32.
    """

    def __init__(self, channels: Sequence[int], deconvolution: bool = False) -> None:
        super().__init__()
        block = _Deconvolution if deconvolution else _Block
        _, _, c4, c8, c16, c32 = channels
        self.deep_channels = c32
        self.centre = block(c32, 512, 256)
        self.up32 = block(c32 + 256, 512, 256)
        self.up16 = block(c16 + 256, 512, 256)
        self.up8 = block(c8 + 256, 256, 64)
        self.up4 = block(c4 + 64, 128, 128)
        self.up2 = block(128, 128, 32)
        self.last = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(32, 1, 1))

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Mask logits (b, 1, y, x), and the deepest map for an image head."""
        _, _, f4, f8, f16, f32 = features
        # The published pooling loses a row where the deepest map is odd; rounding up and cutting back does not.
        x = self.centre(functional.max_pool2d(f32, 2, ceil_mode=True))[..., : f32.shape[2], : f32.shape[3]]
        x = self.up32(torch.cat([x, f32], dim=1))
        x = self.up16(torch.cat([x, f16], dim=1))
        x = self.up8(torch.cat([x, f8], dim=1))
        x = self.up2(self.up4(torch.cat([x, f4], dim=1)))
        return self.last(x), f32


class _Block(nn.Sequential):
    def __init__(self, inputs: int, middle: int, outputs: int) -> None:
        super().__init__(
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            *[nn.Conv2d(inputs, middle, 3, padding=1), nn.ReLU(inplace=True)],
            *[nn.Conv2d(middle, outputs, 3, padding=1), nn.ReLU(inplace=True)],
        )


class _Deconvolution(nn.Sequential):
    def __init__(self, inputs: int, middle: int, outputs: int) -> None:
        super().__init__(
            *[nn.Conv2d(inputs, middle, 3, padding=1), nn.ReLU(inplace=True)],
            *[nn.ConvTranspose2d(middle, outputs, 4, stride=2, padding=1), nn.ReLU(inplace=True)],
        )
