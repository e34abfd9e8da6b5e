"""A probability map -> one number that says whether the slide holds tumour, and features for a trained one."""

from collections.abc import Mapping
from typing import Literal

import cc3d
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
        score = _top_area(values, settings.top_mm2, found.grid.voxel_mm)
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
    # One partition finds them all; float32 as the values are, which is what NumPy makes of a single quantile too.
    for quantile, score in zip(QUANTILES, np.quantile(values, np.array(QUANTILES, np.float32)), strict=True):
        features[f"quantile {quantile:g}"] = _logit(float(score))
    for name, area_mm2 in (("0.01", 0.01), ("0.1", 0.1)):
        features[f"top {name} mm2"] = _logit(round(_top_area(values, area_mm2, found.grid.voxel_mm), 7))
    for level in LEVELS:
        features |= _piece_features(found, level)
    return features


def checked_values(found: ProbabilityMap) -> NDArray[np.float32]:
    """(n,) probabilities of the cells that were computed.

    Raises:
        LesionkitError: one is not within 0..1.
    """
    values = found.values
    # Not the other way round, so that NaN is wrong too.
    if len(values) and not (values.min() >= 0 and values.max() <= 1):
        wrong = np.flatnonzero(~((values >= 0) & (values <= 1)))
        raise LesionkitError(
            f"probabilities must be within 0..1, got {values[wrong[0]]:g} and {len(wrong)} such cells of {len(values)}"
            "; are they logits?"
        )
    return values


def _top_area(values: NDArray[np.float32], area_mm2: float, cell_mm2: float) -> float:
    """The highest probability that so much area reaches together."""
    place = len(values) - min(max(round(area_mm2 / cell_mm2), 1), len(values))
    return float(np.partition(values, place)[place])


def _piece_features(found: ProbabilityMap, level: float) -> dict[str, float]:
    """Area above a level, in all and of the largest connected piece, how many pieces, and how long the longest box."""
    pieces, count = ndimage.label(found.computed & (found.array > level))
    # Number 0 is what lies outside of all pieces.
    told = cc3d.statistics(pieces.view(np.uint32), no_slice_conversion=True)
    cells = told["voxel_counts"][1:]
    first, last = np.moveaxis(told["bounding_boxes"][1:].astype(np.int64).reshape(-1, 2, 2), 2, 0)
    longest = ((last - first + 1) * found.grid.spacing_mm).max(initial=0)
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
