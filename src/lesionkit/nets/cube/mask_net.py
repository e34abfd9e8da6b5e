"""The U-Net that draws lesions in cubes or slices of CT."""

import itertools
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from lesionkit.core.settings import Settings
from lesionkit.nets.cube.guarded import Guarded, plain
from lesionkit.nets.cube.mask_net_settings import MaskNetSettings


class MaskNet(nn.Module):
    """Maps CT (b, 1, z, y, x) or (b, 1, y, x), scaled to about -1..1, to logits of the same shape.

    Two convolutions of 3 and ReLU per level, maximum of 2 downwards, nearest upwards, joined with what was there on
    the way down, and a convolution of 1 (Ronneberger et al. 2015; widths of systems 0 and 1). Or, of slices, an
    `EncodedUNet`. Sides are multiples of `multiple`.
    """

    settings_type: ClassVar[type[Settings]] = MaskNetSettings

    def __init__(self, settings: MaskNetSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or MaskNetSettings()
        self.encoded: nn.Module | None = None
        widths, dimensions = self.settings.channels, self.settings.dimensions
        if self.settings.encoder is not None:
            # It loads timm, which only who wants an encoder should wait for.
            from lesionkit.nets.cube.encoded_unet import EncodedUNet

            self.encoded = EncodedUNet(self.settings.encoder, widths, self.settings.pretrained)
            self.multiple = EncodedUNet.multiple
            return
        self.multiple = 2 ** (len(widths) - 1)
        self.down = nn.ModuleList([self._level(a, b) for a, b in itertools.pairwise((1, *widths))])
        self.up = nn.ModuleList([self._level(below + beside, beside) for beside, below in itertools.pairwise(widths)])
        self.last = Guarded(dimensions, widths[0], 1, kernel=1)
        self.pool = functional.max_pool3d if dimensions == 3 else functional.max_pool2d

    def _level(self, inputs: int, outputs: int) -> nn.Sequential:
        dimensions, norm = self.settings.dimensions, self.settings.norm
        return nn.Sequential(plain(dimensions, inputs, outputs, norm), plain(dimensions, outputs, outputs, norm))

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        if self.encoded is not None:
            return cast(Tensor, self.encoded(image))
        beside = [self.down[0](image)]
        for level in self.down[1:]:
            beside.append(level(self.pool(beside[-1], 2)))
        x = beside.pop()
        for level in reversed(self.up):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = level(torch.cat([x, beside.pop()], dim=1))
        return cast(Tensor, self.last(x))
