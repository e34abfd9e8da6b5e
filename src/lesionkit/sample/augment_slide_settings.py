"""What may happen to a patch of a slide, and what the original slide networks did."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings


class SlideAugmentSettings(Settings):
    """What may happen to a patch; 0 switches a step off. Numbers are drawn per patch, evenly from their range."""

    orient: Literal["eight", "flips", "none"] = "eight"
    """One of the eight orientations of a square, or flips along either axis as the original did."""
    rotate_degrees: float = Field(0.0, ge=0, le=180)
    """Greatest turn to either side (45 and 90, row 4.12)."""
    zoom: float = Field(0.0, ge=0, lt=1)
    """Magnification from 1 / (1 + zoom) to 1 + zoom, log-uniform."""
    shift_px: float = Field(0.0, ge=0)
    """Greatest shift along either axis; whole pixels unless the patch is turned, magnified or bent as well."""
    side: int | None = Field(None, ge=16)
    """Side of what is cut out of the middle, after the shift; None for the whole patch."""
    elastic_px: float = Field(0.0, ge=0)
    """Greatest move of a pixel in a smooth random field (after Simard 2003)."""
    stain: float = Field(0.2, ge=0, lt=1)
    """Each stain is multiplied by 1 ± this and shifted by ± a quarter of it (Tellez 2018; see `core.stain`)."""
    brightness: tuple[float, float] = (1.0, 1.0)
    """Range of the factor on all values ((.3, 1) and (.5, 1), row 4.12)."""
    contrast: float = Field(0.0, ge=0, lt=1)
    """Greatest relative change of distances from the patch's mean grey. Found not to work (row 4.21)."""
    colour: float = Field(0.0, ge=0, lt=1)
    """Greatest relative change of distances from a pixel's own grey. Found not to work (row 4.21)."""
    hue: float = Field(0.0, ge=0, le=0.5)
    """Greatest turn of the hue, as a share of the circle. Found not to work (row 4.21)."""

    @model_validator(mode="after")
    def _brightness_rises(self) -> "SlideAugmentSettings":
        low, high = self.brightness
        if not 0 <= low <= high:
            raise LesionkitError(f"brightness must be a range from low to high, 0 or more, got {self.brightness}")
        return self


NO_SLIDE_AUGMENTATION = SlideAugmentSettings(orient="none", stain=0)
"""For validation: patches as they are."""


_default = SlideAugmentSettings()


SLIDE_AUGMENTATIONS: Mapping[str, SlideAugmentSettings] = MappingProxyType(
    {
        "none": NO_SLIDE_AUGMENTATION,
        "orientation": SlideAugmentSettings(stain=0),
        "default": _default,
        # Row 4.12; which of the two ranges of brightness went with which network is not published.
        "inception": SlideAugmentSettings(orient="flips", rotate_degrees=45, brightness=(0.3, 1), stain=0),
        "simple": SlideAugmentSettings(orient="flips", rotate_degrees=90, brightness=(0.5, 1), stain=0),
        # Row 4.21: what the author found not to work, each added to the default.
        "colour": _default.model_copy(update={"colour": 0.3}),
        "hue": _default.model_copy(update={"hue": 0.05}),
        "contrast": _default.model_copy(update={"contrast": 0.3}),
        "elastic": _default.model_copy(update={"elastic_px": 6.0}),
    }
)
"""By name."""
