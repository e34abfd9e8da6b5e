"""Where the lungs are on a radiograph: the third place cut it down to them before it looked for a pneumothorax."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box
from lesionkit.core.settings import Settings


class LungCropSettings(Settings):
    """From the probability of lung to a box (system 3, row 3.50); lengths and areas hold at 1024 × 1024 pixels."""

    side: int = Field(256, ge=32, multiple_of=32)
    """Side of the square the radiograph is resized to for the lung network."""
    threshold: float = Field(0.5, ge=0, le=1)
    min_pixels: float = Field(2000, ge=0)
    """A connected region of fewer pixels is no lung."""
    padding: float = Field(40, ge=0)
    """Pixels added on each side of the box around all regions."""
    least_side: float = Field(300, ge=0)
    """A padded box of less area than a square of this side is held for a failure; then the whole image is used."""


_AT = 1024


def lung_box(probability: NDArray[np.floating], settings: LungCropSettings | None = None) -> Box | None:
    """The padded box around all regions that are lung, or None where the whole image is to be used.

    Args:
        probability: (y, x) of lung in 0..1, of any size; the box is in its samples. Regions are connected also over
            corners.

    Raises:
        LesionkitError: not two axes, or values outside 0..1.
    """
    settings = settings or LungCropSettings()
    if probability.ndim != 2 or not probability.size:
        raise LesionkitError(f"a lung crop needs a probability map (y, x), got an array of shape {probability.shape}")
    if not (probability.min() >= 0 and probability.max() <= 1):
        raise LesionkitError(
            f"probabilities of lung must lie in 0..1, got {probability.min():g}..{probability.max():g}; are these "
            "logits?"
        )
    labels, _ = ndimage.label(probability > settings.threshold, np.ones((3, 3)))
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    kept = np.isin(labels, np.flatnonzero(areas >= max(settings.min_pixels * probability.size / _AT**2, 1)))
    if not kept.any():
        return None
    box = tuple(
        _padded(np.flatnonzero(kept.any(axis=1 - axis)), size, settings.padding * size / _AT)
        for axis, size in enumerate(probability.shape)
    )
    area = float(np.prod([side.stop - side.start for side in box]))
    return None if area < settings.least_side**2 * probability.size / _AT**2 else box


def scaled_box(box: Box, shape: Sequence[int], onto: Sequence[int]) -> Box:
    """The smallest box of whole samples of an image of shape `onto` that covers `box` of one of `shape`.

    >>> scaled_box((slice(1, 3), slice(0, 4)), (4, 4), (10, 8))
    (slice(2, 8, None), slice(0, 8, None))
    """
    return tuple(
        slice(side.start * large // small, -(-side.stop * large // small))
        for side, small, large in zip(box, shape, onto, strict=True)
    )


def _padded(inside: NDArray[np.intp], size: int, padding: float) -> slice:
    return slice(max(int(np.floor(inside[0] - padding)), 0), min(int(np.ceil(inside[-1] + 1 + padding)), size))
