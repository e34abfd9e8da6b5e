"""Pseudo labels: which predictions on radiographs without masks are good enough to learn from, and their provenance.

A round of self-training predicts every such radiograph with the models at hand, keeps what `accept` keeps, and trains
the next models on the labelled and the kept ones together (`radiographs.mix_pseudo`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings

AREA_SIDE = 1024
"""Areas in pixels are counted on a radiograph of so many pixels per side, as in the challenge."""


class PseudoSettings(Settings):
    """How many rounds of self-training, and which predictions they keep."""

    rounds: int = Field(1, ge=0)
    """How often models are trained anew on labelled and pseudo-labelled radiographs; 0 trains on labelled ones only."""
    filter: Literal["label and area", "confidence"] = "label and area"
    """Believe the image's label and take the mask where the model finds one (third place on CheXpert, row 3.52), or
    ignore labels and believe a confident model (rows 3.38 and 3.53)."""
    min_pixels: float = Field(100.0, ge=0)
    """"label and area": a mask must have more than so many pixels, counted at 1024 pixels per side."""
    mask_threshold: float = Field(0.5, gt=0, lt=1)
    """A pixel is lesion where its probability is above this."""
    confident_positive: float = Field(0.9, ge=0, le=1)
    """"confidence": an image at least so likely to hold a lesion is taken as positive."""
    confident_negative: float = Field(0.1, ge=0, le=1)
    """"confidence": an image at most so likely to hold a lesion is taken as healthy."""
    share: float = Field(0.5, ge=0)
    """Pseudo-labelled radiographs per labelled one in an epoch; 0.5 is the published 1 to 2 (row 3.54)."""

    @model_validator(mode="after")
    def _negative_below_positive(self) -> "PseudoSettings":
        if not self.confident_negative < self.confident_positive:
            raise LesionkitError(
                f"confident_negative must lie below confident_positive, got {self.confident_negative:g} and "
                f"{self.confident_positive:g}"
            )
        return self


@dataclass(frozen=True, eq=False)
class PseudoLabel:
    """A radiograph whose mask was drawn by networks.

    Attributes:
        mask: (y, x), of the predicted probability's size; false everywhere if not positive.
        provenance: JSON values: "round", "models" (SHA-256 by name), "filter", "label" (the image's, or None),
            "p_nonempty", "area" (predicted lesion, share of the image).
    """

    case_id: str
    positive: bool
    mask: NDArray[np.bool_]
    provenance: Mapping[str, Any]


def accept(
    case_id: str,
    label: int | None,
    probability: NDArray[np.floating[Any]],
    p_nonempty: float,
    settings: PseudoSettings,
    round: int,
    models: Mapping[str, str],
) -> PseudoLabel | None:
    """The pseudo label of a radiograph, or None where the filter does not keep it.

    "label and area": a positive label and a predicted lesion of more than `min_pixels` give the predicted mask; a
    negative label gives an empty mask, whatever was predicted; an uncertain or missing one is dropped. "confidence":
    a likely image gives the predicted mask, if it has any pixel, an unlikely one an empty mask; the label is ignored.

    Args:
        label: of the image: 1 with a lesion, 0 without, −1 uncertain (CheXpert), None without a label.
        probability: (y, x) 0..1 of lesion.
        p_nonempty: 0..1, that the image holds a lesion at all.
        round: of self-training, counted from 1.
        models: SHA-256 of the weights by name of the models that predicted; keep the image's own fold apart.

    Raises:
        LesionkitError: an unknown label, probabilities outside 0..1, a round below 1 or no model.

    >>> likely = np.full((64, 64), 0.8)
    >>> accept("a", 1, likely, 0.9, PseudoSettings(), 1, {"fold-0": "9f2c"}).positive
    True
    >>> accept("a", -1, likely, 0.9, PseudoSettings(), 1, {"fold-0": "9f2c"}) is None
    True
    """
    _check(case_id, label, probability, p_nonempty, round, models)
    mask = probability > settings.mask_threshold
    positive = _verdict(label, mask, p_nonempty, settings)
    if positive is None:
        return None
    provenance = {
        "round": round,
        "models": dict(models),
        "filter": settings.filter,
        "label": label,
        "p_nonempty": float(p_nonempty),
        "area": float(mask.mean()),
    }
    return PseudoLabel(case_id, positive, mask if positive else np.zeros_like(mask), provenance)


def _verdict(label: int | None, mask: NDArray[np.bool_], p_nonempty: float, settings: PseudoSettings) -> bool | None:
    """Positive, negative, or not to be used."""
    if settings.filter == "label and area":
        if label == 1:
            return True if mask.mean() * AREA_SIDE**2 > settings.min_pixels else None
        return False if label == 0 else None
    if p_nonempty >= settings.confident_positive:
        return True if mask.any() else None
    return False if p_nonempty <= settings.confident_negative else None


def _check(
    case_id: str,
    label: int | None,
    probability: NDArray[np.floating[Any]],
    p_nonempty: float,
    round: int,
    models: Mapping[str, str],
) -> None:
    if label not in (None, -1, 0, 1):
        raise LesionkitError(f"image '{case_id}': label must be 1, 0, -1 (uncertain) or None, got {label!r}")
    if probability.ndim != 2 or not probability.size:
        raise LesionkitError(f"image '{case_id}': probability must be (y, x), got shape {probability.shape}")
    for low, high in ((float(probability.min()), float(probability.max())), (p_nonempty, p_nonempty)):
        if not (low >= 0 and high <= 1):
            raise LesionkitError(f"image '{case_id}': probabilities must lie in 0..1, got {low:g}..{high:g}")
    if round < 1 or not models:
        raise LesionkitError(
            f"image '{case_id}': a pseudo label comes from a round from 1 on and from at least one model, got round "
            f"{round} and {len(models)} models"
        )
