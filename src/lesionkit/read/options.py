"""What a caller may ask for when a scan is read."""

import math

from pydantic import Field

from lesionkit.core.errors import LesionkitError
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


def refuse_voxels(shape: tuple[int, ...], most_voxels: int) -> None:
    """Raise, before memory is taken, where a scan has more voxels than any CT.

    Args:
        shape: (z, y, x).

    Raises:
        LesionkitError: there are more than `most_voxels`.
    """
    count = math.prod(map(int, shape))
    if count > most_voxels:
        raise LesionkitError(
            f"a CT has at most {most_voxels:,} voxels (read.most_voxels), got {count:,} of shape {shape} "
            "(z, y, x); cut out the chest first"
        )
