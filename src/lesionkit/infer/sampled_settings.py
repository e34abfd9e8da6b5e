"""How a sample of a slide's patches is drawn and judged."""

from typing import Literal

from pydantic import Field

from lesionkit.core.settings import Settings


class SampledSettings(Settings):
    """How patches are drawn and judged; the defaults are the published ones."""

    most: int = Field(default=5000, ge=1)
    """Patches per slide at most, drawn at random."""
    seed: int = 42
    """Of the draw."""
    patch: int = Field(default=256, ge=16)
    """Side in pixels of the image they are read from."""
    centre: int = Field(default=128, ge=1)
    """Side of the middle that is judged."""
    rule: Literal["maximum", "quantile"] = "maximum"
    """Of the probabilities in the middle."""
    quantile: float = Field(default=10_000 / 16_384, gt=0, le=1)
    """Of "quantile": the 10,000th smallest of 128 × 128, in the one variant that did not take the maximum."""
    batch: int = Field(default=16, ge=1)
    """Patches at a time."""
