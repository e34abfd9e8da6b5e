"""Patches in the stain of a reference: Macenko's or Reinhard's normalisation, found once per slide."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.core.stain import (
    HAEMATOXYLIN_EOSIN,
    Colours,
    ColourStatistics,
    colour_statistics,
    find_stains,
    match_statistics,
    restain,
)
from lesionkit.sample.slide_patches import Normalise

LYMPH_NODES = ColourStatistics(np.array([3.663, -0.077, 0.021]), np.array([0.374, 0.085, 0.0154]))
"""Of the tissue of 1,200 patches of PatchCamelyon, from the slides of CAMELYON16."""


def normaliser(
    method: Literal["macenko", "reinhard"],
    tissue: Mapping[str, Colours],
    target: ColourStatistics = LYMPH_NODES,
) -> Normalise:
    """What brings patches to the stain of a reference; the stain of a slide is found once, not per patch.

    Args:
        method: Macenko's (to `core.stain.HAEMATOXYLIN_EOSIN`) or Reinhard's (to `target`).
        tissue: uint8 RGB of tissue by slide, without glass.

    Raises:
        LesionkitError: the tissue of a slide is too little; or later, a slide is asked for that was not given.
    """
    if method == "macenko":
        stains = {slide: find_stains(colours) for slide, colours in tissue.items()}
        return lambda slide, colours: restain(colours, _of(stains, slide), HAEMATOXYLIN_EOSIN)
    statistics = {slide: colour_statistics(colours) for slide, colours in tissue.items()}
    return lambda slide, colours: match_statistics(colours, _of(statistics, slide), target)


def _of(found: Mapping[str, Any], slide: str) -> Any:
    if slide not in found:
        raise LesionkitError(f"slide {slide} cannot be normalised: its tissue was not given; give all slides' tissue")
    return found[slide]
