"""How a scan is searched by the region proposal network."""

from pydantic import Field

from lesionkit.infer.detect_settings import InferSettings


class RpnInferSettings(InferSettings):
    """Proposals of overlapping windows become candidates."""

    halo: int = Field(16, ge=0, multiple_of=4)
    """Samples of context read around each window and thrown away; 32 as published (row 2.37)."""
    threshold: float = Field(0.0474, ge=0, le=1)
    """Lowest score of a proposal: a logit of -3 (row 2.38)."""
    overlap: float = Field(0.1, gt=0, lt=1)
    """A proposal whose cube overlaps a stronger one by so much of their union is the same."""
    proposals: int = Field(100_000, ge=1)
    """So many of the strongest are looked at."""
