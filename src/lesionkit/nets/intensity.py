"""How Hounsfield values enter a net; the same in training and inference because both call this."""

import torch
from torch import Tensor

LOW_HU, HIGH_HU = -1024.0, 476.0


def scale_hu(hu: Tensor) -> Tensor:
    """Hounsfield values (any shape and type) clipped to -1024..476 and mapped linearly to -1..1 as float32."""
    half = (HIGH_HU - LOW_HU) / 2
    return hu.to(torch.float32, copy=True).clamp_(LOW_HU, HIGH_HU).sub_(LOW_HU + half).mul_(1 / half)
