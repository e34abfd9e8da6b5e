"""Networks that say where on a slide there is tumour: any patch in, one logit per pixel or per few pixels out."""

import copy
from collections.abc import Callable
from functools import cached_property
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.nets.colours import IMAGENET, Statistics, standardised, statistics_of
from lesionkit.nets.convolutional import ConvolutionalNet
from lesionkit.nets.field import Reach, measure_reach
from lesionkit.nets.inception_net import InceptionNet
from lesionkit.nets.narrow_net import NarrowNet
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.nets.patch_unet import PatchUnet
from lesionkit.nets.transposed_net import TransposedNet


class PatchNet(nn.Module):
    """Maps parts of slides (b, 3, y, x), RGB 0..1, to tumour logits (b, 1, y/stride, x/stride).

    Output (i, j) belongs to the pixels from (i, j) · stride on. It does not depend on where the image is cut, as long
    as it lies `context` pixels inside and cuts are at multiples of `multiple`.

    Attributes:
        stride: pixels per output and axis.
        multiple: sides of images are multiples of this.
    """

    settings_type: ClassVar[type[Settings]] = PatchNetSettings

    def __init__(self, settings: PatchNetSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or PatchNetSettings()
        self.body = _body(self.settings)
        self.stride, self.multiple = cast(int, self.body.stride), cast(int, self.body.multiple)
        own = self.settings.architecture == "fully convolutional" and self.settings.scaling == "encoder"
        self.statistics = statistics_of(self.settings.encoder) if own else IMAGENET

    def tap_features(self, see: Callable[[Tensor], None]) -> None:
        """Have the deepest maps told to `see`; see `lesionkit.nets.features`. Networks of others tell nothing."""
        deepest = self.body.down[-1] if isinstance(self.body, PatchUnet) else getattr(self.body, "dropout", None)
        if isinstance(deepest, nn.Module):
            deepest.register_forward_hook(lambda module, inputs, output: see(output))

    def forward(self, image: Tensor) -> Tensor:
        """See the class; the image is scaled in its own precision and computed in that of the weights.

        Raises:
            LesionkitError: not (b, 3, y, x), or a side that is no multiple of `multiple`.
        """
        _check(image, self.multiple)
        image = scaled(image, self.settings.scaling, self.statistics).to(next(self.body.parameters()).dtype)
        return cast(Tensor, self.body(image))

    def patch_logit(
        self, image: Tensor, centre_px: int = 32, pool: Literal["soft maximum", "mean"] = "soft maximum"
    ) -> Tensor:
        """One logit per patch (b,): is there tumour in its middle?

        Args:
            centre_px: side of the middle; 32 of 96 is where PatchCamelyon's labels look.
            pool: of the outputs in the middle; the soft maximum is near the largest where they differ much, near their
                mean where they do not.
        """
        logits = self(image)
        side = max(1, round(centre_px / self.stride))
        top, left = ((n - side) // 2 for n in logits.shape[2:])
        if min(top, left) < 0:
            raise LesionkitError(f"the middle of {centre_px} pixels must lie in the patch, got {tuple(image.shape)}")
        middle = logits[:, 0, top : top + side, left : left + side].float().flatten(1)
        if pool == "mean":
            return cast(Tensor, middle.mean(dim=1))
        return cast(Tensor, middle.logsumexp(dim=1) - torch.tensor(float(side**2)).log())

    @property
    def encoder(self) -> nn.Module | None:
        """The part that may start from published weights; None where the net has none."""
        return self.body.encoder if isinstance(self.body, ConvolutionalNet) else None

    @cached_property
    def reach(self) -> Reach:
        """Pixels that an output depends on, left and right of its own.

        Raises:
            LesionkitError: it depends on the whole image.
        """
        return measure_reach(self, self.stride, self.multiple)

    @property
    def field(self) -> int:
        """Side in pixels of what one output depends on."""
        return self.stride + sum(self.reach)

    @property
    def context(self) -> int:
        """Pixels on each side of an image whose outputs depend on its border; a multiple of `multiple`."""
        return -(-max(self.reach) // self.multiple) * self.multiple


def for_inference(net: PatchNet, device: torch.device, dtype: torch.dtype) -> PatchNet:
    """A copy in evaluation mode, laid out for speed, batch norms folded where we can."""
    ready = copy.deepcopy(net).eval()
    if isinstance(ready.body, NarrowNet | ConvolutionalNet):
        ready.body.fold()
    ready.requires_grad_(False)
    return ready.to(device=device, dtype=dtype).to(memory_format=torch.channels_last)


def _body(settings: PatchNetSettings) -> nn.Module:
    if settings.architecture == "transposed":
        return TransposedNet(settings.dropout)
    if settings.architecture == "inception":
        return InceptionNet(settings.width_divisor, settings.dropout)
    if settings.architecture == "unet":
        return PatchUnet(settings.base, settings.dropout)
    if settings.encoder == "narrow":
        if settings.stride not in (None, NarrowNet.stride):
            raise LesionkitError(f"narrow has the stride {NarrowNet.stride}, got {settings.stride}; leave it out")
        return NarrowNet(settings.channels, settings.blocks, settings.dropout)
    return ConvolutionalNet(
        settings.encoder,
        settings.stride or 16,
        settings.pretrained,
        settings.dropout,
        settings.depth,
        settings.surroundings_px,
    )


def scaled(image: Tensor, scaling: str, statistics: Statistics = IMAGENET) -> Tensor:
    """Colours 0..1 (b, 3, y, x) as a net takes them, see `PatchNetSettings.scaling`."""
    if scaling == "half":
        return image - 0.5
    if scaling == "bytes":
        return image * 255
    if scaling == "signed":
        return image * 2 - 1
    return image if scaling == "none" else standardised(image, statistics)


def _check(image: Tensor, multiple: int) -> None:
    if image.ndim != 4 or image.shape[1] != 3:
        raise LesionkitError(f"a batch of slide patches must have the shape (b, 3, y, x), got {tuple(image.shape)}")
    y, x = image.shape[2:]
    if y % multiple or x % multiple or not y * x:
        padded = [max(-(-side // multiple), 1) * multiple for side in (y, x)]
        raise LesionkitError(
            f"sides must be multiples of {multiple}, got {y} × {x}; pad or crop to {padded[0]} × {padded[1]}"
        )
