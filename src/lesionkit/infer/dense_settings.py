"""How all tissue of a slide is searched."""

from typing import Literal

from pydantic import Field

from lesionkit.core.settings import Settings


class DenseSettings(Settings):
    """How a slide is searched."""

    tile: int = Field(default=1024, ge=64)
    """Side of a window in pixels, surroundings not counted; memory grows with its square."""
    halo: int | None = Field(default=None, ge=0)
    """Surroundings of a window in pixels; None for all that outputs depend on, so that there is no seam."""
    least_stride: int = Field(default=8, ge=1)
    """Pixels per cell of the map at least; of a finer net, probabilities are averaged."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """auto takes what this machine computes fastest in: measured once."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
