"""Heat maps of any tool, scored by the lesion protocol: marks at their peaks, lesions and area above a threshold."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.evaluate.camelyon16_extent import extent_of, with_extent
from lesionkit.evaluate.camelyon16_settings import Camelyon16Settings
from lesionkit.evaluate.score import Score
from lesionkit.infer.marks import PeakSettings, peaks
from lesionkit.infer.probability_map import ProbabilityMap
from lesionkit.read.slide.heat_map import HeatMap, read_heat_maps
from lesionkit.read.truth.camelyon_lesions import read_lesion_annotations
from lesionkit.read.truth.slide_tables import read_slide_labels, read_slide_patients
from lesionkit.recipes.score_camelyon import Camelyon16Files
from lesionkit.recipes.score_files import Given, Scorer
from lesionkit.recipes.scoring import with_inputs

THRESHOLD = 0.5
_SQUARE = 0.01
_SAME_SIZE = 0.03
_CELLS = 2


def camelyon16_maps_scorer(
    files: Camelyon16Files,
    protocol: str,
    given: Given,
    *,
    mask_downsample: float | None = None,
    score_column: str | None = None,
    map_um: float | None = None,
    threshold: float | None = None,
) -> Scorer:
    """Of a folder of heat maps, against outlines or masks; see `camelyon16_scorer`.

    Args:
        map_um: µm per cell of maps that do not say it.
        threshold: cells above it are tumour, for lesions and area; `THRESHOLD` if not given.
    """
    settings = Camelyon16Settings.parse(given)
    above = THRESHOLD if threshold is None else threshold
    peak = PeakSettings.parse({"threshold": min(PeakSettings().threshold, above)})

    def score(folder: Path) -> Score:
        maps = read_heat_maps(folder, map_um)
        truth = read_lesion_annotations(files.truth, mask_downsample)
        labels = read_slide_labels(files.labels) if files.labels else None
        patients = read_slide_patients(files.labels) if files.labels else None
        um = settings.regions().level_0_um
        for slide_id, one in maps.items():
            _refuse_elsewhere(slide_id, one, truth.get(slide_id), um)
        marks = {slide_id: _marks(one, peak, um) for slide_id, one in maps.items()}
        scored = files.score(marks, truth, protocol, settings, score_column or "")
        how = settings.regions()
        ids = list(dict.fromkeys([*truth, *maps])) if labels is None else list(labels)
        found = {i: extent_of(_above(maps[i], above, um) if i in maps else None, how) for i in ids}
        true = {i: extent_of(truth.get(i), how) for i in ids}
        scored = with_extent(scored, found, true, settings, patients)
        how_found = {"threshold": above, "peaks": peak.model_dump(mode="json")}
        scored = replace(scored, facts={**scored.facts, "maps": how_found})
        return with_inputs(scored, {**files.inputs, "maps": folder})

    return score


def _refuse_elsewhere(slide_id: str, one: HeatMap, tumour: Outline | SlideMask | None, level_0_um: float) -> None:
    """Refuse a map that cannot be of its slide: cells that are not square, or another size than the slide's."""
    if abs(one.um[0] / one.um[1] - 1) > _SQUARE:
        raise LesionkitError(
            f"the cells of the heat map of '{slide_id}' must be square, got {one.um[1]:g} x {one.um[0]:g} µm"
        )
    if one.um[0] < level_0_um:
        raise LesionkitError(
            f"the cells of the heat map of '{slide_id}' must be at least as large as the slide's pixels of "
            f"{level_0_um:g} µm, got {one.um[0]:g}; give --level-0-um"
        )
    size_xy = tumour.size_xy if isinstance(tumour, SlideMask) else None
    if size_xy is None:
        return
    covers = np.array(one.array.shape[::-1]) * one.um[0]
    slide = np.array(size_xy) * level_0_um
    if (np.abs(covers - slide) > np.maximum(_SAME_SIZE * slide, _CELLS * one.um[0])).any():
        raise LesionkitError(
            f"the heat map of '{slide_id}' must cover its slide of {slide[0]:.0f} x {slide[1]:.0f} µm, got "
            f"{covers[0]:.0f} x {covers[1]:.0f}; is it of another slide, and is --level-0-um ({level_0_um:g}) right?"
        )


def _marks(one: HeatMap, settings: PeakSettings, level_0_um: float) -> list[tuple[float, float, float]]:
    """Peaks as rows of probability, x and y in pixels of the finest level."""
    side = one.um[0] / 1000
    grid = Grid.upright(one.array.shape, (side, side), (side / 2, side / 2))
    held = ~np.isnan(one.array)
    found = peaks(ProbabilityMap(grid, np.where(held, one.array, 0).astype(np.float32), held), settings)
    places = np.array([mark.centre_mm for mark in found]).reshape(-1, 2) * 1000 / level_0_um
    return [(mark.score, x, y) for mark, (x, y) in zip(found, places.tolist(), strict=True)]


def _above(one: HeatMap, threshold: float, level_0_um: float) -> SlideMask:
    with np.errstate(invalid="ignore"):
        return SlideMask(one.array > threshold, max(one.um[0] / level_0_um, 1.0))
