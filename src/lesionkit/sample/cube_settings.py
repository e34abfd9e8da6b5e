"""What a classifier of cubes learns from."""

from pydantic import Field

from lesionkit.core.settings import Settings


class CubeSettings(Settings):
    """What a batch of cubes is made of; where they come from is said by `SampleSettings`."""

    side: int = Field(32, ge=16, multiple_of=8)
    """Samples per axis (system 0, row 0.17)."""
    positive_share: float = Field(0.5, gt=0, lt=1)
    """Share of cubes with a lesion in their middle (row 0.34)."""
    hard_share: float = Field(0.7, ge=0, le=1)
    """Share of the others that lie around false positives of the network that draws, where there are any; the rest are
    random places in the lungs."""
    shift: float = Field(2.0, ge=0)
    """How far, in samples, a lesion or a false positive may lie from the middle along each axis (row 0.34)."""
