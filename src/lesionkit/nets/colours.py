"""How colours enter an encoder: the means and deviations that its published weights learned with."""

import torch
from torch import Tensor

from lesionkit.core.errors import LesionkitError

Statistics = tuple[tuple[float, ...], tuple[float, ...]]
"""Means and deviations of red, green and blue, of values 0..1."""

IMAGENET: Statistics = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF: Statistics = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_OF_SMP = {
    **dict.fromkeys(("xception", "inceptionv4", "inceptionresnetv2"), _HALF),
    "dpn": ((124 / 255, 117 / 255, 104 / 255), (0.2348, 0.2348, 0.2348)),
}
"""segmentation-models-pytorch's encoders that did not learn with ImageNet's means, by the start of a name."""


def statistics_of(encoder: str) -> Statistics:
    """What a named encoder's weights were trained with: timm's figures; ImageNet's where nothing else is published.

    Args:
        encoder: a name of timm, with "tu-" or "timm-" before it or not, or one of segmentation-models-pytorch.

    >>> statistics_of("narrow") == statistics_of("resnet34") == IMAGENET
    True
    """
    if encoder.startswith(("narrow", "efficientnet-b")):
        return IMAGENET
    own = next((values for start, values in _OF_SMP.items() if encoder.startswith(start)), None)
    if own is not None:
        return own
    # Only for the encoders that are made of it, because it takes seconds to load.
    import timm

    name = encoder.removeprefix("tu-").removeprefix("timm-")
    found = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    return IMAGENET if found is None else (tuple(found.mean), tuple(found.std))


def standardised(image: Tensor, statistics: Statistics) -> Tensor:
    """Colours 0..1 (b, 3, y, x), or grey values (b, 1, y, x) that are taken three times, as (b, 3, y, x) for a net.

    Raises:
        LesionkitError: neither one nor three channels.
    """
    if image.ndim != 4 or image.shape[1] not in (1, 3):
        raise LesionkitError(f"an image must have the shape (b, 1 or 3, y, x), got {tuple(image.shape)}")
    mean, deviation = (
        torch.tensor(values, device=image.device, dtype=image.dtype)[:, None, None] for values in statistics
    )
    return (image - mean) * (1 / deviation)
