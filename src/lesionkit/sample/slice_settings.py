"""What a network that draws lesions slice by slice learns from."""

from pathlib import Path

from pydantic import Field

from lesionkit.sample.draw_settings import SampleSettings


class SliceSampleSettings(SampleSettings):
    """Slices of prepared scans, and slices around lesions that readers outlined; the shares are those of scans.

    `patch` is the side of a slice in samples; system 1 has whole slices of 512.
    """

    slices: Path | None = None
    """Folder with `slices.npz` and `slices.csv`: slices around lesions with the outlines of several readers."""
    slices_share: float = Field(0.6, ge=0, le=1)
    """Share of items that come from that folder; the rest are slices of scans, also such without a lesion."""
    agreed: float = Field(0.5, gt=0, le=1)
    """A pixel belongs to a lesion where at least this share of those who outlined the lesion outlined it."""
    even_textures: float = Field(0.0, ge=0, le=1)
    """0 draws outlined lesions equally often, 1 solid, part-solid and ground glass equally often (column "texture", 1
    to 5); most are solid."""
    shift_mm: float = Field(12.0, ge=0)
    """How far an outlined lesion may lie from the middle along each axis: readers' slices have it in the middle."""
    depth: int = Field(24, ge=1)
    """Slices that are cut from a scan at once; lesions are inserted into these."""
    per_cut: int = Field(4, ge=1)
    """Slices that are drawn of these. Where they hold a lesion, drawn are those that show it and their neighbours."""
