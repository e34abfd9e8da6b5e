"""Widths and depths of the nodule detector."""

from typing import Annotated

from pydantic import Field

from lesionkit.core.settings import Settings

Maps = Annotated[int, Field(ge=1, le=1024)]
Blocks = Annotated[int, Field(ge=0, le=64)]


class NoduleNetSettings(Settings):
    """Widths and depths of the detector; the defaults are what we ship."""

    channels: tuple[Maps, Maps, Maps, Maps] = (32, 64, 96, 96)
    """Feature maps at strides 2, 4, 8 and 16; multiples of 16 run fastest on CPUs with bf16."""
    blocks: tuple[Blocks, Blocks, Blocks, Blocks] = (1, 2, 2, 1)
    """Residual blocks at strides 2, 4, 8 and 16."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Share of features dropped before the last convolution."""
