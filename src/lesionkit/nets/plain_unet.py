"""Plain decoders: the library's of the second place, U-Net (system 3, row 3.30) and DeepLabV3+ (row 3.35)."""

from collections.abc import Sequence

from segmentation_models_pytorch.base import SegmentationHead
from segmentation_models_pytorch.decoders.deeplabv3.decoder import DeepLabV3PlusDecoder
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import Tensor, nn


class PlainDecoder(nn.Module):
    """segmentation-models-pytorch's U-Net decoder: nearest ×2, skip, two conv-BN-ReLU of 256, 128, 64, 32, 16.

    Args:
        channels: of the encoder's maps at strides 1 to 32.
        widths: maps at strides 16, 8, 4, 2 and 1.
    """

    def __init__(self, channels: Sequence[int], widths: Sequence[int] = (256, 128, 64, 32, 16)) -> None:
        super().__init__()
        self.deep_channels = channels[-1]
        self.decoder = UnetDecoder(list(channels), list(widths), n_blocks=len(widths))
        self.last = SegmentationHead(widths[-1], 1, kernel_size=3)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Mask logits (b, 1, y, x), and the deepest map for an image head."""
        return self.last(self.decoder(list(features))), features[-1]


class DeepLabDecoder(nn.Module):
    """segmentation-models-pytorch's DeepLabV3+ decoder with the 48 skip maps of stride 4 that the second place used.

    Its convolutions are separable; the second place's (NVIDIA's) were not. Two images per batch are needed in training.

    Args:
        channels: of the encoder's maps; the deepest has stride 8, as in NVIDIA's variant D.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.deep_channels = channels[-1]
        # At stride 8 the rates double (Chen et al. 2018), so that they reach as far as 6, 12, 18 do at stride 16.
        self.decoder = DeepLabV3PlusDecoder(
            list(channels),
            encoder_depth=5,
            out_channels=256,
            atrous_rates=(12, 24, 36),
            output_stride=8,
            aspp_separable=True,
            aspp_dropout=0.5,
        )
        self.last = SegmentationHead(256, 1, kernel_size=1, upsampling=4)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Mask logits (b, 1, y, x), and the deepest map for an image head."""
        return self.last(self.decoder(list(features))), features[-1]
