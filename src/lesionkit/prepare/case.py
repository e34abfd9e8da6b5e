"""One CT from the reader to what a detector wants: chest, lungs, 1 mm, cropped."""

import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.settings import Settings
from lesionkit.prepare.chest import Chest, ChestSettings, find_chest
from lesionkit.prepare.coarse import coarsen
from lesionkit.prepare.intensity import LOWEST_HU, check_hu_range, clip_hu
from lesionkit.prepare.lung.shape import bounds
from lesionkit.prepare.lung.trace import LungMask, LungSettings, trace_lungs
from lesionkit.prepare.spacing import resample_onto, upright_grid


class PrepareSettings(Settings):
    """How a CT becomes what a detector reads."""

    spacing_mm: float = Field(default=1.0, gt=0)
    """Of the prepared image, all axes."""
    antialias: bool = False
    """Smooth axes that become coarser before they are resampled."""
    hu_range: tuple[float, float] = (LOWEST_HU, 2000)
    """Values kept in the prepared image; what a network sees is windowed later."""
    margin_mm: float = Field(default=12.0, ge=0)
    """Kept around the box of the lungs."""
    chest: ChestSettings = ChestSettings()
    """How the chest is found in a long scan."""
    lung: LungSettings = LungSettings()
    """How the lungs are found."""

    @field_validator("hu_range")
    @classmethod
    def _check_range(cls, value: tuple[float, float]) -> tuple[float, float]:
        return check_hu_range(value)


def prepare_ct(case: Case, settings: PrepareSettings | None = None) -> Case:
    """The chest of a CT, upright, isotropic, cropped to the lungs' box.

    Args:
        case: a CT in HU, any orientation and spacing.

    Returns:
        The case with an int16 image, regions "lung" (bool, same grid) and facts "lung_volume_l", "lung_cover_ratio",
        "lung_left_right_ratio", "lung_seconds", "lung_preset", "lung_failure", "searched_mm" (lowest and highest world
        z), "searched", "native_spacing_mm", "prepare_seconds" and "warnings". Truth outside the box is kept, with a
        warning.

    Raises:
        LesionkitError: no lungs in view, or no CT at all.
    """
    settings = settings or PrepareSettings()
    started = time.perf_counter()
    work = coarsen(case.image, settings.lung.working_spacing_mm)
    chest = find_chest(work, settings.chest)
    lungs = trace_lungs(ArrayImage(work.grid.crop(chest.box), work.read(chest.box)), settings.lung)
    grid = _lung_grid(case.image.grid, lungs, settings)
    image = resample_onto(case.image, grid, antialias=settings.antialias)
    array = clip_hu(image.array, settings.hu_range).astype(np.int16, copy=False)
    regions = {"lung": ArrayImage(grid, lungs.on(grid).mask)}
    warnings = _warnings(case, settings, chest, lungs, grid)
    facts = _facts(case, chest, lungs, warnings, time.perf_counter() - started)
    return dataclasses.replace(case, image=ArrayImage(grid, array), regions=regions, facts=facts)


def _lung_grid(native: Grid, lungs: LungMask, settings: PrepareSettings) -> Grid:
    """The part of the upright isotropic lattice of the whole scan that holds the lungs and a margin."""
    whole = upright_grid(native, settings.spacing_mm)
    box = bounds(lungs.mask)
    ends = np.array([[s.start - 0.5 for s in box], [s.stop - 0.5 for s in box]])
    corners = np.array([[ends[i, 0], ends[j, 1], ends[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    index = whole.world_to_index(lungs.grid.index_to_world(corners))
    margin = settings.margin_mm / settings.spacing_mm
    low = np.maximum(np.floor(index.min(axis=0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0) + margin) + 1, whole.shape).astype(int)
    return whole.crop(tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True)))


def _facts(case: Case, chest: Chest, lungs: LungMask, warnings: list[str], seconds: float) -> Mapping[str, Any]:
    native = case.image.grid
    whole_mm = native.voxel_mm * math.prod(native.shape)
    return {
        "native_spacing_mm": list(native.spacing_mm),
        **case.facts,
        "lung_volume_l": round(float(lungs.volume_l), 4),
        "lung_cover_ratio": round(float(np.count_nonzero(lungs.mask)) * lungs.grid.voxel_mm / whole_mm, 5),
        "lung_left_right_ratio": None if math.isnan(lungs.left_right_ratio) else round(lungs.left_right_ratio, 4),
        "lung_seconds": round(lungs.seconds, 4),
        "lung_preset": lungs.preset,
        "lung_failure": lungs.failure,
        "searched_mm": list(chest.z_mm),
        "searched": chest.note(native),
        "prepare_seconds": round(seconds, 4),
        "warnings": warnings,
    }


def _warnings(case: Case, settings: PrepareSettings, chest: Chest, lungs: LungMask, grid: Grid) -> list[str]:
    """Those the case came with, and what a reader of the result must know."""
    warnings = list(case.facts.get("warnings", ()))
    if not chest.is_whole:
        warnings.append(chest.note(case.image.grid))
    if lungs.failure:
        warnings.append(f"the lungs were not found: {lungs.failure}")
    elif settings.lung.max_erosions and math.isnan(lungs.left_right_ratio):
        warnings.append("the two lungs were not told apart, or only one is in view")
    for number, lesion in enumerate(case.truth or ()):
        if not bool(grid.contains(lesion.centre_mm)):
            place = ", ".join(f"{v:.1f}" for v in lesion.centre_mm)
            name = lesion.lesion_id or str(number)
            warnings.append(f"lesion {name} at ({place}) mm lies outside the prepared box around the lungs")
    return warnings
