"""How much tumour: lesions and area of each slide, found and true, counted by one rule."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lesionkit.core.outline import Outline, SlideMask
from lesionkit.evaluate.bootstrap import bootstrapped, resample_means
from lesionkit.evaluate.camelyon16_regions import RegionSettings, find_regions
from lesionkit.evaluate.camelyon16_settings import Camelyon16Settings
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.score import Figure, Score


@dataclass(frozen=True)
class Extent:
    """How much tumour a slide holds.

    Attributes:
        lesions: pieces as CAMELYON16 counts them: grown by 37.5 µm, without isolated tumour cells.
        area_mm2: of the tumour as it is, not grown.
    """

    lesions: int
    area_mm2: float


def extent_of(tumour: Outline | SlideMask | None, settings: RegionSettings) -> Extent:
    """Lesions and area of a slide.

    >>> mask = np.zeros((50, 50), dtype=bool)
    >>> mask[10:30, 10:20] = True
    >>> extent_of(SlideMask(mask, 32), RegionSettings(level_0_um=1))
    Extent(lesions=1, area_mm2=0.2048)
    """
    if tumour is None or not tumour.has_tumour:
        return Extent(0, 0.0)
    sampled = tumour if isinstance(tumour, SlideMask) else tumour.sampled(settings.downsample)
    regions = find_regions(tumour, settings)
    sample_mm2 = (sampled.downsample * settings.level_0_um / 1000) ** 2
    return Extent(int((~regions.is_itc).sum()), round(int(sampled.mask.sum()) * sample_mm2, 9))


def with_extent(
    score: Score,
    found: Mapping[str, Extent],
    true: Mapping[str, Extent],
    settings: Camelyon16Settings,
    patients: Mapping[str, str] | None = None,
) -> Score:
    """A score with figures of how far lesions and area are off, per slide, and both of every slide among its facts.

    Args:
        found, true: of the same slides.
    """
    ids = list(true)
    whose = Patients.of(ids, patients)
    draws = whose.draw(settings.bootstrap, settings.seed)
    values = {
        "lesion count": [found[i].lesions - true[i].lesions for i in ids],
        "tumour area mm2": [found[i].area_mm2 - true[i].area_mm2 for i in ids],
    }
    figures: dict[str, Figure] = {}
    for name, differences in values.items():
        off = np.array(differences, dtype=np.float64)
        for word, per_slide in (("error", np.abs(off)), ("bias", off)):
            drawn = resample_means(per_slide, draws)
            note = f"mean of {'|found - true|' if word == 'error' else 'found - true'} per slide, {len(ids)} slides"
            figures[f"{name} {word}"] = bootstrapped(per_slide.mean(), drawn, note, len(whose))
    told: dict[str, Any] = {
        i: {"lesions": [found[i].lesions, true[i].lesions], "area_mm2": [found[i].area_mm2, true[i].area_mm2]}
        for i in ids
    }
    facts = {**score.facts, "found_and_true": told}
    return replace(score, figures={**score.figures, **figures}, facts=facts)
