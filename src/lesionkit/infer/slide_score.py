"""A probability map -> one number that says whether the slide holds tumour, and features for a trained one."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.infer.probability_map import ProbabilityMap

QUANTILES = (0.5, 0.9, 0.99, 0.999, 0.9999)
LEVELS = (0.5, 0.9)
SMALLEST_MM2 = 1e-4
"""Areas below this are as good as none: a cell of tumour is about that large."""


class SlideScoreSettings(Settings):
    """How a map becomes a score. More probability anywhere never gives a lower one."""

    rule: Literal["maximum", "quantile", "top area", "area"] = "top area"
    """maximum: the highest probability, as the original (row 4.18): one wrong cell decides, and nearly every slide has
    one near 1. quantile: a high quantile of all tissue. top area: the highest probability that an area of `top_mm2`
    reaches together, however much tissue there is. area: mm2 above `threshold`."""
    quantile: float = Field(default=0.999, ge=0, le=1)
    """Of rule quantile. A lesion smaller than the share above it is overlooked."""
    top_mm2: float = Field(default=0.01, ge=0)
    """Of rule top area; 0.01 mm2 is a disc of 0.11 mm. Of a slide with less tissue, the lowest probability."""
    threshold: float = Field(default=0.5, ge=0, le=1)
    """Of rule area."""


def slide_score(found: ProbabilityMap, settings: SlideScoreSettings | None = None) -> float:
    """The score of a slide: 0..1, for rule "area" mm2; 0 where nothing was computed.

    Raises:
        LesionkitError: a probability that is not within 0..1.

    >>> from lesionkit.core.grid import Grid
    >>> row = np.array([[0.1, 0.2, 0.7, 0.99]])
    >>> found = ProbabilityMap(Grid.upright((1, 4), (0.1, 0.1)), row, np.ones((1, 4), dtype=bool))
    >>> slide_score(found, SlideScoreSettings(rule="maximum"))
    0.99
    >>> slide_score(found, SlideScoreSettings(rule="top area", top_mm2=0.02))
    0.7
    >>> slide_score(found, SlideScoreSettings(rule="area", threshold=0.5))
    0.02
    """
    settings, values = settings or SlideScoreSettings(), checked_values(found)
    if not len(values):
        return 0.0
    if settings.rule == "maximum":
        score = float(values.max())
    elif settings.rule == "quantile":
        score = float(np.quantile(values, settings.quantile, method="lower"))
    elif settings.rule == "top area":
        count = min(max(round(settings.top_mm2 / found.grid.voxel_mm), 1), len(values))
        score = float(np.partition(values, len(values) - count)[len(values) - count])
    else:
        score = float(np.count_nonzero(values > settings.threshold)) * found.grid.voxel_mm
    return round(score, 7)


def slide_features(found: ProbabilityMap) -> Mapping[str, float]:
    """What a trained aggregator sees of a slide, by name, always in the same order.

    Quantiles and means are probabilities as logits; areas and lengths are logarithms that are 0 for a cell or less. All
    are 0 where nothing was computed, but the logits, which are then those of 0.

    Raises:
        LesionkitError: a probability that is not within 0..1.
    """
    values = checked_values(found)
    if not len(values):
        values = np.zeros(1, dtype=np.float32)
    features = {"maximum": _logit(float(values.max())), "mean": _logit(float(values.mean()))}
    for quantile in QUANTILES:
        features[f"quantile {quantile:g}"] = _logit(float(np.quantile(values, quantile)))
    for name, area_mm2 in (("0.01", 0.01), ("0.1", 0.1)):
        score = slide_score(found, SlideScoreSettings(rule="top area", top_mm2=area_mm2))
        features[f"top {name} mm2"] = _logit(score)
    for level in LEVELS:
        features |= _piece_features(found, level)
    return features


def checked_values(found: ProbabilityMap) -> NDArray[np.float32]:
    """(n,) probabilities of the cells that were computed.

    Raises:
        LesionkitError: one is not within 0..1.
    """
    values = found.values
    wrong = np.flatnonzero(~((values >= 0) & (values <= 1)))
    if len(wrong):
        raise LesionkitError(
            f"probabilities must be within 0..1, got {values[wrong[0]]:g} and {len(wrong)} such cells of {len(values)}"
            "; are they logits?"
        )
    return values


def _piece_features(found: ProbabilityMap, level: float) -> dict[str, float]:
    """Area above a level, in all and of the largest connected piece, how many pieces, and how long the longest box."""
    above = found.computed & (found.array > level)
    pieces, count = ndimage.label(above)
    cells = np.bincount(pieces.ravel(), minlength=1)[1:]
    boxes = ndimage.find_objects(pieces)
    spacing = found.grid.spacing_mm
    longest = max((max((b.stop - b.start) * s for b, s in zip(box, spacing, strict=True)) for box in boxes), default=0)
    return {
        f"log area above {level:g}": _log(float(cells.sum()) * found.grid.voxel_mm, SMALLEST_MM2),
        f"log largest piece above {level:g}": _log(float(cells.max(initial=0)) * found.grid.voxel_mm, SMALLEST_MM2),
        f"log length above {level:g}": _log(float(longest), SMALLEST_MM2**0.5),
        f"log pieces above {level:g}": float(np.log1p(count)),
    }


def _log(value: float, unit: float) -> float:
    return float(np.log(max(value / unit, 1.0)))


def _logit(probability: float) -> float:
    """Bounded at 1e-4, so that saturated maps do not run away."""
    p = min(max(probability, 1e-4), 1 - 1e-4)
    return float(np.log(p / (1 - p)))
