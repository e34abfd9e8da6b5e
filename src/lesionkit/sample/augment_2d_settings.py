"""Names of the augmentations of the five best of SIIM-ACR and of ours, and the sizes they were made for."""

from collections.abc import Mapping
from types import MappingProxyType

AUGMENTATION_NAMES = ("none", "1st", "2nd", "3rd", "4th", "5th", "rooms")
"""Of `augment_2d.AUGMENTATIONS`."""

PUBLISHED_SIDES: Mapping[str, int] = MappingProxyType(
    {"1st": 1024, "2nd": 1024, "3rd": 768, "4th": 768, "5th": 1024, "rooms": 256}
)
"""The side in pixels at which each winner's augmentation has its published numbers (rows 3.21, 3.33, 3.51, 3.82 and
3.100), and ours."""
