"""What a caller may ask for when a scan is read."""

from pydantic import Field

from lesionkit.core.settings import Settings

MIN_SLICES = 10
"""Fewer slices are no volume a detector could search."""

PADDING_HU = -1024
"""What lies outside the scanner's circle; lower values are raised to it."""


class ScanOptions(Settings):
    """How to read one scan."""

    series: str | None = None
    """Which DICOM series of a folder: its UID, a unique ending of it, or its series number; None chooses by rule."""
    allow_gaps: bool = False
    """Interpolate missing or unevenly spaced slices instead of refusing the series."""
    most_voxels: int = Field(default=10**9, ge=1)
    """A scan of more is refused before its samples are read; 1,000 slices of 1024 x 1024 still are read."""
