"""How a scan is searched for nodules."""

from typing import Literal

from pydantic import Field

from lesionkit.core.settings import Settings


class InferSettings(Settings):
    """How a scan is searched."""

    largest_window: int = Field(5_000_000, ge=100_000)
    """Most samples in one window, context included, which bounds the memory: about 100 bytes each. With a RetinaNet of
    others what does not fit into as much memory lies in temporary files."""
    halo: int = Field(12, ge=0, multiple_of=4)
    """Samples of context read around each window and thrown away, so that no seam shows."""
    threshold: float = Field(0.02, ge=0, le=1)
    """Lowest score of a candidate."""
    limit: int = Field(100, ge=1)
    """Most candidates per scan; LUNA16 counts no more than 100."""
    merge: float = Field(0.5, ge=0)
    """Candidates closer than this share of the stronger one's diameter, or than `merge_mm`, are one."""
    merge_mm: float = Field(4.0, ge=0)
    """Candidates closer than this are one, however small."""
    near_lung_mm: float = Field(4.0, ge=0)
    """Candidates farther outside the lungs than this along any axis are dropped."""
    look_again: int = Field(0, ge=0)
    """So many of the strongest candidates are looked at again in cubes of their own, on four lattices and mirrored; the
    mean of what is said there ranks them."""
    flip: bool = False
    """Average with the scan mirrored left to right (twice the time)."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """auto takes what this machine computes fastest in: measured once."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    foreign: Literal["refuse", "allow"] = "refuse"
    """What to do with scans that lie far from those that the model learned from; nearer ones are warned of."""
