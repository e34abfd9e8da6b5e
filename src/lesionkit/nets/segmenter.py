"""Networks that draw a mask on a radiograph and say whether there is anything to draw: encoder, decoder, image head."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal, NamedTuple, cast

from torch import Tensor, nn

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.nets.colours import IMAGENET, standardised, statistics_of
from lesionkit.nets.encoder import make_encoder, with_deep_stem
from lesionkit.nets.norm import with_norm
from lesionkit.nets.segmenter_settings import Architecture, Head, SegmenterSettings


class Segmentation(NamedTuple):
    """What a network says about a batch.

    Attributes:
        mask: (b, 1, y, x) logits of the lesion, at the image's resolution.
        nonempty: (b,) logits that the image holds a lesion at all, or None without an image head. Positive means
            there *is* one.
    """

    mask: Tensor
    nonempty: Tensor | None


class Segmenter(nn.Module):
    """Maps radiographs (b, 1, y, x), grey values 0..1, to a `Segmentation`. Sides are multiples of 32."""

    settings_type: ClassVar[type[Settings]] = SegmenterSettings
    multiple = 32

    def __init__(self, settings: SegmenterSettings | None = None) -> None:
        super().__init__()
        self.settings = settings = settings or SegmenterSettings()
        channels = 1 if settings.scaling == "none" else 3
        self.statistics = statistics_of(settings.encoder) if settings.scaling == "encoder" else IMAGENET
        stride: Literal[8, 32] = 8 if settings.architecture == "deeplab" else 32
        encoder = make_encoder(settings.encoder, channels, settings.pretrained, stride)
        if settings.architecture == "aspp unet":
            encoder = with_deep_stem(encoder, channels)
        self.encoder = with_norm(encoder, settings.norm)
        decoder: nn.Module = _make_decoder(settings.architecture, cast(Sequence[int], encoder.out_channels))
        self.decoder = with_norm(decoder, "batch" if settings.norm == "frozen batch" else settings.norm)
        self.head = _make_head(settings.head, cast(int, decoder.deep_channels))

    def tap_features(self, see: Callable[[Tensor], None]) -> None:
        """Have the encoder's maps before the deepest told to `see`; see `lesionkit.nets.features`.

        They tell what is no radiograph better than the deepest, which are nearer to the answer.
        """
        self.encoder.register_forward_hook(lambda module, inputs, output: see(output[-2]))

    def forward(self, image: Tensor) -> Segmentation:
        """See the class.

        Raises:
            LesionkitError: not (b, 1, y, x), or a side that is no multiple of 32.
        """
        _check(image, self.multiple)
        if self.settings.scaling != "none":
            image = standardised(image, self.statistics)
        mask, deepest = self.decoder(self.encoder(image))
        return Segmentation(mask, None if self.head is None else self.head(deepest)[:, 0])


def _check(image: Tensor, multiple: int) -> None:
    if image.ndim != 4 or image.shape[1] != 1:
        raise LesionkitError(f"a radiograph batch must have the shape (b, 1, y, x), got {tuple(image.shape)}")
    y, x = image.shape[2:]
    if y % multiple or x % multiple or not y * x:
        padded = [max(-(-side // multiple), 1) * multiple for side in (y, x)]
        raise LesionkitError(
            f"sides must be multiples of {multiple}, got {y} × {x}; pad or resize to {padded[0]} × {padded[1]}"
        )


def _make_head(head: Head, inputs: int) -> nn.Sequential | None:
    mean: tuple[nn.Module, ...] = (nn.AdaptiveAvgPool2d(1), nn.Flatten())
    if head == "none":
        return None
    if head == "linear":
        return nn.Sequential(*mean, nn.Linear(inputs, 1))
    if head == "two linear":
        # As published: nothing between the two, so together they are one linear map.
        return nn.Sequential(*mean, nn.Linear(inputs, inputs), nn.Linear(inputs, 1))
    return nn.Sequential(nn.Conv2d(inputs, 64, 1), *mean, nn.Linear(64, 1))


def _make_decoder(architecture: Architecture, channels: Sequence[int]) -> nn.Module:
    """The decoder of an architecture. Its file is loaded when it is wanted: some load timm, torchvision and smp."""
    if architecture in ("albunet", "albunet deconv"):
        from lesionkit.nets.albunet import AlbuDecoder

        return AlbuDecoder(channels, deconvolution=architecture == "albunet deconv")
    if architecture in ("bottleneck unet", "scse unet"):
        from lesionkit.nets.bottleneck_unet import BottleneckDecoder

        scse = architecture == "scse unet"
        return (
            BottleneckDecoder(channels, (384, 256, 128, 64), last=32, scse=True)
            if scse
            else BottleneckDecoder(channels)
        )
    if architecture == "cbam unet":
        from lesionkit.nets.cbam_unet import CbamDecoder

        return CbamDecoder(channels)
    if architecture == "aspp unet":
        from lesionkit.nets.aspp_unet import AsppDecoder

        return AsppDecoder(channels)
    if architecture == "light unet":
        from lesionkit.nets.light_unet import LightDecoder

        return LightDecoder(channels)
    from lesionkit.nets.plain_unet import DeepLabDecoder, PlainDecoder

    return DeepLabDecoder(channels) if architecture == "deeplab" else PlainDecoder(channels)
