"""How a radiograph is searched."""

from typing import Literal

from pydantic import Field

from lesionkit.core.settings import Settings


class SegmentInferSettings(Settings):
    """How a radiograph is searched."""

    side: int = Field(512, ge=32, multiple_of=32)
    """Pixels of the square that a radiograph, or its lungs, is resized to; aspect is not kept, as with all winners."""
    flip: bool = True
    """Average with the image mirrored left to right."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """auto takes what this machine computes fastest in: measured once."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
