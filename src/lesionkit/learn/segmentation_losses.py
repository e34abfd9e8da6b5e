"""Losses of 2-D segmentation where most images are empty: weighted sums of the libraries', as the winners set them."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import cast

import torch
from monai.losses.dice import DiceLoss
from monai.losses.focal_loss import FocalLoss
from pydantic import Field, model_validator
from segmentation_models_pytorch.losses import LovaszLoss
from torch import Tensor
from torch.nn import functional

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.nets.segmenter import Segmentation


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


def segmentation_loss(
    output: Segmentation, mask: Tensor, settings: SegmentationLossSettings, nonempty: Tensor | None = None
) -> dict[str, Tensor]:
    """The parts of the loss without their weights, by name, and their weighted sum as "total".

    Args:
        output: logits of the network; computed with in 32 bits whatever they come in.
        mask: (b, 1, y, x) truth, 0 or 1.
        nonempty: (b,) 1 where the image holds a lesion; read off the mask if not given.

    Raises:
        LesionkitError: an image loss is asked for and the network has no image head, or shapes differ.
    """
    if output.mask.shape != mask.shape:
        raise LesionkitError(
            f"logits and mask must have one shape, got {tuple(output.mask.shape)} and {tuple(mask.shape)}"
        )
    logit, truth = output.mask.float(), mask.float()
    makers = {
        "bce": lambda: functional.binary_cross_entropy_with_logits(logit, truth),
        "dice": lambda: dice_loss(logit, truth, settings.dice_form),
        "focal": lambda: focal_loss(logit, truth),
        "lovasz": lambda: symmetric_lovasz(logit, truth),
    }
    if settings.image_bce or settings.image_focal:
        if output.nonempty is None:
            raise LesionkitError("image_bce and image_focal need a network with an image head; set head to 'linear'")
        image = output.nonempty.float()
        present = truth.flatten(1).amax(dim=1) if nonempty is None else nonempty.float()
        makers["image_bce"] = lambda: functional.binary_cross_entropy_with_logits(image, present)
        makers["image_focal"] = lambda: focal_loss(image[:, None], present[:, None])
    weights = {name: float(getattr(settings, name)) for name in makers if getattr(settings, name)}
    parts = {name: makers[name]() for name in weights}
    total = torch.stack([weight * parts[name] for name, weight in weights.items()]).sum()
    return {**parts, "total": total if settings.floor is None else total.clamp(min=settings.floor)}


def dice_loss(logit: Tensor, mask: Tensor, form: DiceSettings) -> Tensor:
    """See `DiceSettings`; logits and mask are (b, 1, y, x). MONAI's.

    >>> logit = torch.tensor([[[[100.0, -100.0]]]])
    >>> round(float(dice_loss(logit, torch.ones(1, 1, 1, 2), DiceSettings())), 3)
    0.333
    """
    loss = DiceLoss(
        sigmoid=True,
        batch=not form.per_image,
        squared_pred=form.squared,
        smooth_nr=form.eps_above,
        smooth_dr=form.eps_below,
    )
    return cast(Tensor, loss(logit, mask))


def focal_loss(logit: Tensor, truth: Tensor, gamma: float = 2.0) -> Tensor:
    """Mean of −(1 − p)^γ log p, where p is the probability of what is true. MONAI's."""
    return cast(Tensor, FocalLoss(gamma=gamma)(logit, truth))


def symmetric_lovasz(logit: Tensor, mask: Tensor) -> Tensor:
    """Half the Lovász hinge of the lesion and half that of the rest, per image (row 3.58). The library's, twice.

    Berman et al., "The Lovász-Softmax loss" (2018). The rest has a Jaccard index also where the lesion is empty.
    """
    hinge = LovaszLoss(mode="binary", per_image=True)
    return cast(Tensor, (hinge(logit[:, 0], mask[:, 0]) + hinge(-logit[:, 0], 1 - mask[:, 0])) / 2)
