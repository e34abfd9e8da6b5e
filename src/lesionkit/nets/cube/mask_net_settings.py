"""Which network draws lesions."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings

FULL = (32, 64, 128, 256, 512)
SIMPLIFIED = (32, 64, 128, 256)
Maps = Annotated[int, Field(ge=1, le=1024)]


class MaskNetSettings(Settings):
    """A U-Net as systems 0 (rows 0.23, 0.24) and 1 (row 1.8) have it, or narrower and with norms."""

    dimensions: Literal[2, 3] = 3
    """2 for slices (y, x), 3 for cubes (z, y, x)."""
    channels: tuple[Maps, ...] = Field(SIMPLIFIED, min_length=2, max_length=8)
    """Maps at strides 1, 2, 4 …; system 0 has (32, 64, 128, 256, 512), or without the last where it is simplified;
    system 1 has the five."""
    norm: bool = False
    """Batch norm after every convolution of 3, which the systems do without."""
    encoder: str | None = None
    """Of slices only: the way down is this encoder, see `make_encoder`, shown the slice at twice its size; `channels`
    are then the four widths of the way up, at strides 1, 2, 4 and 8. null: the plain U-Net."""
    pretrained: bool = True
    """The encoder begins from ImageNet: "tf_efficientnet_lite0" from the wheel of lesionkit[pretrained], all else
    downloaded once. Loading a trained model never does."""

    @model_validator(mode="after")
    def _encoder_fits(self) -> "MaskNetSettings":
        if self.encoder is None:
            return self
        if self.dimensions != 2:
            raise LesionkitError(
                f"net.encoder {self.encoder} is of pictures, so net.dimensions must be 2, got {self.dimensions}; "
                "take ct-nodule-slices, or leave it out"
            )
        if len(self.channels) != 4:
            raise LesionkitError(
                f"after net.encoder {self.encoder} the way up has four widths, got {len(self.channels)} channels; "
                "name four, such as [16, 32, 64, 128]"
            )
        return self
