"""Which losses a mask is learned by, and with which weights: those of the five best of SIIM-ACR."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings


class DiceSettings(Settings):
    """Which Dice: 1 − (2 Σpt + above) / (Σp + Σt + below)."""

    per_image: bool = False
    """One Dice per image, then the mean; otherwise the batch is one image."""
    squared: bool = False
    """Σp² + Σt² below."""
    eps_above: float = Field(1e-6, ge=0)
    eps_below: float = Field(1e-6, gt=0)


SECOND_DICE = DiceSettings(per_image=True, squared=True, eps_above=0.02, eps_below=0.01)
"""1 − 2 (Σpt + .01) / (Σp² + Σt² + .01) per image (row 3.36). Below 0 for a perfect mask, as published."""


class SegmentationLossSettings(Settings):
    """The weight of each part; 0 leaves it out. The defaults are the first place's (row 3.13)."""

    bce: float = Field(3.0, ge=0)
    """Binary cross-entropy of the mask, mean over pixels."""
    dice: float = Field(1.0, ge=0)
    focal: float = Field(4.0, ge=0)
    """Focal loss of the mask with γ = 2 and no α, mean over pixels."""
    lovasz: float = Field(0.0, ge=0)
    """Symmetric Lovász hinge per image."""
    image_bce: float = Field(0.0, ge=0)
    """Binary cross-entropy of the image head."""
    image_focal: float = Field(0.0, ge=0)
    """Focal loss of the image head."""
    dice_form: DiceSettings = DiceSettings()
    floor: float | None = None
    """The sum is not let below this; the first place used 1e-5."""

    @model_validator(mode="after")
    def _has_a_part(self) -> "SegmentationLossSettings":
        if not any((self.bce, self.dice, self.focal, self.lovasz, self.image_bce, self.image_focal)):
            raise LesionkitError("a loss needs a part whose weight is above 0, got none; set bce, for example")
        return self


_only = partial(SegmentationLossSettings, bce=0, dice=0, focal=0)


LOSSES: Mapping[str, SegmentationLossSettings] = MappingProxyType(
    {
        "bce": _only(bce=1),
        "1st 3:1:4": SegmentationLossSettings(floor=1e-5),
        "1st 1:1:1": SegmentationLossSettings(bce=1, dice=1, focal=1, floor=1e-5),
        "1st 2:1:2": SegmentationLossSettings(bce=2, dice=1, focal=2, floor=1e-5),
        "2nd classifier": _only(bce=1, image_bce=1, image_focal=1),
        "2nd": _only(dice=1, dice_form=SECOND_DICE),
        "2nd with head": _only(dice=1, dice_form=SECOND_DICE, image_bce=1),
        "3rd": _only(lovasz=1),
        "4th": _only(bce=2.7, dice=0.9, image_bce=0.1, dice_form=DiceSettings(eps_above=1e-5, eps_below=1e-5)),
        "5th": _only(bce=1024, image_bce=1),
    }
)
"""The losses of the five best of SIIM-ACR (rows 3.13, 3.32, 3.36, 3.58, 3.84, 3.103), and plain cross-entropy."""
