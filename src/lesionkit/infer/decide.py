"""From probability to mask: the decision rules of the five best of SIIM-ACR, siblings of one shape.

A rule is a value that is called with a probability map (y, x) in 0..1 and `p_nonempty`, the probability that the image
holds a lesion at all (high means there *is* one: the fourth place's description says it upside down), and gives a mask.
It decides for Kaggle's tables; whether a radiograph is shown as positive is decided by its score (decisions/0021), and
the rule then only draws.
Numbers of pixels hold at `side` × `side` pixels, where they were found, and are scaled to the map's size.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings

Probability: TypeAlias = NDArray[np.floating]
Mask: TypeAlias = NDArray[np.bool_]


def _check_order(bottom: float, top: float) -> None:
    if bottom > top:
        raise LesionkitError(f"bottom must not be above top, got bottom {bottom:g} and top {top:g}; swap them")


class Rule(Protocol):
    """What every decision rule is."""

    def __call__(self, probability: Probability, p_nonempty: float | None = None) -> Mask:
        """The mask (y, x); all false where the image is held to be empty."""
        ...

    def drawn(self, probability: Probability) -> Mask:
        """What the rule outlines where something else has decided that there is a lesion; may be empty all the same."""
        ...


class Plain(Settings):
    """Every pixel above one threshold (third place, row 3.67)."""

    pixel: float = Field(0.5, ge=0, le=1)

    def __call__(self, probability: Probability, p_nonempty: float | None = None) -> Mask:
        return self.drawn(probability)

    def drawn(self, probability: Probability) -> Mask:
        """See `Rule.drawn`."""
        return _checked(probability) > self.pixel


class Triplet(Settings):
    """Positive if enough pixels are above `top`; then every pixel above `bottom` (first place, rows 3.5–3.7)."""

    top: float = Field(0.75, ge=0, le=1)
    min_pixels: float = Field(2000, ge=0)
    """Least number of pixels above `top`; exactly so many are enough."""
    bottom: float = Field(0.3, ge=0, le=1)
    min_contour_area: float = Field(0, ge=0)
    """See `without_small_contours`; the first place submitted with 100."""
    side: int = Field(1024, ge=1)

    @model_validator(mode="after")
    def _bottom_below_top(self) -> "Triplet":
        _check_order(self.bottom, self.top)
        return self

    def __call__(self, probability: Probability, p_nonempty: float | None = None) -> Mask:
        probability = _checked(probability)
        scale = probability.size / self.side**2
        if (probability > self.top).sum() < self.min_pixels * scale:
            return np.zeros(probability.shape, bool)
        return self.drawn(probability)

    def drawn(self, probability: Probability) -> Mask:
        """See `Rule.drawn`."""
        mask = _checked(probability) > self.bottom
        least = self.min_contour_area * probability.size / self.side**2
        return without_small_contours(mask, least) if least else mask


class ClassifyThenSegment(Settings):
    """Positive if a classifier says so; then every pixel above `pixel` (second place, rows 3.40 and 3.41)."""

    image: float = Field(0.65, ge=0, le=1)
    pixel: float = Field(0.4, ge=0, le=1)

    def __call__(self, probability: Probability, p_nonempty: float | None = None) -> Mask:
        if _known(p_nonempty, self) > self.image:
            return self.drawn(probability)
        return np.zeros(probability.shape, bool)

    def drawn(self, probability: Probability) -> Mask:
        """See `Rule.drawn`."""
        return _checked(probability) > self.pixel


class HeadAndArea(Settings):
    """Positive if the image head says so and enough pixels are above `top`; then every one above `bottom`.

    The fourth place's code, row 3.85: empty if p_nonempty < 0.4 or fewer than 800 pixels of 768² are above 0.8.
    """

    image: float = Field(0.4, ge=0, le=1)
    """An image whose p_nonempty is below this is empty."""
    top: float = Field(0.8, ge=0, le=1)
    min_pixels: float = Field(800, ge=0)
    bottom: float = Field(0.4, ge=0, le=1)
    side: int = Field(768, ge=1)

    @model_validator(mode="after")
    def _bottom_below_top(self) -> "HeadAndArea":
        _check_order(self.bottom, self.top)
        return self

    def __call__(self, probability: Probability, p_nonempty: float | None = None) -> Mask:
        if _known(p_nonempty, self) < self.image:
            return np.zeros(probability.shape, bool)
        area = Triplet(top=self.top, min_pixels=self.min_pixels, bottom=self.bottom, side=self.side)
        return area(probability)

    def drawn(self, probability: Probability) -> Mask:
        """See `Rule.drawn`."""
        return _checked(probability) > self.bottom


class MaximumPixel(Settings):
    """Positive if any pixel is above `top`; then every one above `bottom`, if there are enough (fifth, row 3.110)."""

    top: float = Field(0.5, ge=0, le=1)
    bottom: float = Field(0.2, ge=0, le=1)
    max_empty_pixels: float = Field(64, ge=0)
    """A mask of at most so many pixels is emptied."""
    side: int = Field(1024, ge=1)

    @model_validator(mode="after")
    def _bottom_below_top(self) -> "MaximumPixel":
        _check_order(self.bottom, self.top)
        return self

    def __call__(self, probability: Probability, p_nonempty: float | None = None) -> Mask:
        mask = self.drawn(probability)
        found = probability.max() > self.top and mask.sum() > self.max_empty_pixels * probability.size / self.side**2
        return mask if found else np.zeros(mask.shape, bool)

    def drawn(self, probability: Probability) -> Mask:
        """See `Rule.drawn`."""
        return _checked(probability) > self.bottom


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "plain": Plain(),
        "1st validation": Triplet(),
        "1st submitted": Triplet(top=0.7, min_pixels=800, bottom=0.3, min_contour_area=100),
        "1st submitted, second": Triplet(top=0.75, min_pixels=1500, bottom=0.3, min_contour_area=100),
        "2nd": ClassifyThenSegment(),
        "3rd": Plain(),
        "4th": HeadAndArea(),
        "5th": MaximumPixel(),
    }
)
"""As the five best of SIIM-ACR decided (rows 3.10, 3.11, 3.40, 3.67, 3.85, 3.110)."""


def without_small_contours(mask: Mask, min_contour_area: float, count: int | None = None) -> Mask:
    """The mask's findings with a contour of more than a given area, their holes filled (row 3.7).

    The area is that of the polygon through the centres of the outline's pixels, as OpenCV's `contourArea` counts it, so
    a finding one pixel thin has none. Findings are connected also over corners.

    Args:
        count: keep at most so many, the largest.

    >>> square = np.zeros((6, 6), bool); square[1:4, 1:4] = True
    >>> bool(without_small_contours(square, 3.9).any()), bool(without_small_contours(square, 4.0).any())
    (True, False)
    """
    labels, n_findings = ndimage.label(mask, np.ones((3, 3)))
    kept: list[tuple[float, int, Mask]] = []
    boxes = ndimage.find_objects(labels)
    for number in range(n_findings):
        filled = ndimage.binary_fill_holes(labels[boxes[number]] == number + 1)
        area = contour_area(filled)
        if area > min_contour_area:
            kept.append((-area, number, filled))
    result = np.zeros(mask.shape, bool)
    for _, number, filled in sorted(kept, key=lambda finding: finding[:2])[:count]:
        result[boxes[number]] |= filled
    return result


def contour_area(filled: Mask) -> float:
    """Area of the polygon through the outermost pixels' centres of one finding without holes.

    Each square of four neighbouring centres counts 1 if all four are inside and 1/2 if three are.
    """
    inside = filled.astype(np.int8)
    corners = inside[:-1, :-1] + inside[1:, :-1] + inside[:-1, 1:] + inside[1:, 1:]
    return float((corners == 4).sum() + 0.5 * (corners == 3).sum())


def _checked(probability: Probability) -> Probability:
    if probability.ndim != 2 or not probability.size:
        raise LesionkitError(f"a rule needs a probability map (y, x), got an array of shape {probability.shape}")
    low, high = float(probability.min()), float(probability.max())
    if not (low >= 0 and high <= 1):
        raise LesionkitError(f"probabilities must lie in 0..1, got {low:g}..{high:g}; are these logits?")
    return probability


def _known(p_nonempty: float | None, rule: Settings) -> float:
    if p_nonempty is None:
        raise LesionkitError(
            f"{type(rule).__name__} needs p_nonempty, the probability that an image holds a lesion; take a network "
            "with an image head or a rule without one, such as Triplet"
        )
    if not 0 <= p_nonempty <= 1:
        raise LesionkitError(f"p_nonempty must lie in 0..1, got {p_nonempty:g}; is this a logit?")
    return p_nonempty
