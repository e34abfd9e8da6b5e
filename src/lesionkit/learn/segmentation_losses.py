"""Losses of 2-D segmentation where most images are empty: weighted sums of the libraries', as the winners set them."""

from typing import cast

import torch
from monai.losses.dice import DiceLoss
from monai.losses.focal_loss import FocalLoss
from segmentation_models_pytorch.losses import LovaszLoss
from torch import Tensor
from torch.nn import functional

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.ranks import Gather, images_alone
from lesionkit.learn.segmentation_loss_settings import DiceSettings, SegmentationLossSettings
from lesionkit.nets.segmenter import Segmentation


def segmentation_loss(
    output: Segmentation,
    mask: Tensor,
    settings: SegmentationLossSettings,
    nonempty: Tensor | None = None,
    gathered: Gather = images_alone,
) -> dict[str, Tensor]:
    """The parts of the loss without their weights, by name, and their weighted sum as "total".

    Args:
        output: logits of the network; computed with in 32 bits whatever they come in.
        mask: (b, 1, y, x) truth, 0 or 1.
        nonempty: (b,) 1 where the image holds a lesion; read off the mask if not given.
        gathered: images of this device -> of all, for the Dice of a whole batch; see `learn.ranks`.

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
        "dice": lambda: dice_loss(logit, truth, settings.dice_form, gathered),
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


def dice_loss(logit: Tensor, mask: Tensor, form: DiceSettings, gathered: Gather = images_alone) -> Tensor:
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
    if not form.per_image:
        logit, mask = gathered(logit), gathered(mask)
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
