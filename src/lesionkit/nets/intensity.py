"""How Hounsfield values enter a net; the same in training and inference because both call this."""

from torch import Tensor

LOW_HU, HIGH_HU = -1024.0, 476.0


def scale_hu(hu: Tensor) -> Tensor:
    """Hounsfield values clipped to -1024..476 and mapped linearly to -1..1 (any shape)."""
    half = (HIGH_HU - LOW_HU) / 2
    return hu.clamp(LOW_HU, HIGH_HU).sub(LOW_HU + half).div(half)
