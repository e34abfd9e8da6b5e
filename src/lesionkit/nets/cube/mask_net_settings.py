"""Which network draws lesions."""

from typing import Annotated, Literal

from pydantic import Field

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
