"""One CT from the reader to what a detector wants: chest, lungs, 1 mm, cropped."""

import dataclasses
import math
import time
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.settings import Settings
from lesionkit.prepare.chest import Chest, ChestSettings, find_chest
from lesionkit.prepare.coarse import coarsen
from lesionkit.prepare.intensity import LOWEST_HU, check_hu_range, clip_hu
from lesionkit.prepare.lung.shape import bounds
from lesionkit.prepare.lung.trace import LungMask, LungSettings, trace_lungs
from lesionkit.prepare.spacing import resample_onto, upright_grid

_CUT_CM2 = 5.0
"""A tip of the lung that just touches the scan's end is smaller."""


class PrepareSettings(Settings):
    """How a CT becomes what a detector reads."""

    spacing_mm: float | tuple[float, float, float] = 1.0
    """Of the prepared image: of all axes, or of each (z, y, x)."""
    antialias: bool = False
    """Smooth axes that become coarser before they are resampled."""
    hu_range: tuple[float, float] = (LOWEST_HU, 2000)
    """Values kept in the prepared image; what a network sees is windowed later."""
    field_mm: tuple[float, float] = (100.0, 2000.0)
    """A chest is larger than the first along two axes at least, and no axis of a scan is longer than the second; else
    the scan is refused before anything is computed."""
    most_spacing_mm: float = Field(default=20.0, gt=0)
    """A scan whose samples lie farther apart is refused likewise."""
    margin_mm: float = Field(default=12.0, ge=0)
    """Kept around the box of the lungs."""
    chest: ChestSettings = ChestSettings()
    """How the chest is found in a long scan."""
    lung: LungSettings = LungSettings()
    """How the lungs are found."""

    @field_validator("spacing_mm")
    @classmethod
    def _check_spacing(cls, value: float | tuple[float, float, float]) -> float | tuple[float, float, float]:
        if min(value if isinstance(value, tuple) else (value,)) <= 0:
            raise ValueError("spacing_mm must be greater than 0")
        return value

    @field_validator("hu_range")
    @classmethod
    def _check_range(cls, value: tuple[float, float]) -> tuple[float, float]:
        return check_hu_range(value)


def prepare_ct(case: Case, settings: PrepareSettings | None = None) -> Case:
    """The chest of a CT, upright, at one spacing, cropped to the lungs' box.

    Args:
        case: a CT in HU, any orientation and spacing.

    Returns:
        The case with an int16 image, regions "lung" and "lung_proper" (before it was grown; bool, same grid), facts
        "at_scan_end" (for z, y, x: whether the first and the last sample lie at the scan's end), "lung_volume_l",
        "lung_cover_ratio",
        "lung_left_right_ratio", "lung_seconds", "lung_preset", "lung_failure", "searched_mm" (lowest and highest world
        z), "searched", "native_spacing_mm", "prepare_seconds" and "warnings". Truth outside the box is kept, with a
        warning.

    Raises:
        LesionkitError: no lungs in view, a size or spacing that no chest can have, or no CT at all.
    """
    settings = settings or PrepareSettings()
    started = time.perf_counter()
    refuse_impossible(case.image.grid, settings)
    work = coarsen(case.image, settings.lung.working_spacing_mm)
    chest = find_chest(work, settings.chest)
    lungs = trace_lungs(ArrayImage(work.grid.crop(chest.box), work.read(chest.box)), settings.lung)
    grid = _lung_grid(case.image.grid, lungs, settings)
    image = resample_onto(case.image, grid, antialias=settings.antialias)
    array = clip_hu(image.array, settings.hu_range).astype(np.int16, copy=False)
    there = lungs.on(grid)
    regions = {"lung": ArrayImage(grid, there.mask), "lung_proper": ArrayImage(grid, there.proper)}
    warnings = _warnings(case, settings, chest, lungs, grid)
    facts = _facts(case, chest, lungs, warnings, time.perf_counter() - started)
    facts["at_scan_end"] = _at_scan_end(case.image.grid, grid)
    return dataclasses.replace(case, image=ArrayImage(grid, array), regions=regions, facts=facts)


def _lung_grid(native: Grid, lungs: LungMask, settings: PrepareSettings) -> Grid:
    """The part of the upright lattice of the whole scan that holds the lungs and a margin."""
    whole = upright_grid(native, settings.spacing_mm)
    box = bounds(lungs.mask)
    ends = np.array([[s.start - 0.5 for s in box], [s.stop - 0.5 for s in box]])
    corners = np.array([[ends[i, 0], ends[j, 1], ends[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    index = whole.world_to_index(lungs.grid.index_to_world(corners))
    margin = settings.margin_mm / np.array(whole.spacing_mm)
    low = np.maximum(np.floor(index.min(axis=0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0) + margin) + 1, whole.shape).astype(int)
    return whole.crop(tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True)))


def refuse_impossible(grid: Grid, settings: PrepareSettings) -> None:
    """Refuse a scan of a size or spacing that no chest can have, before memory is taken for it.

    Raises:
        LesionkitError: says size or spacing, and which setting allows it.
    """
    least, most = settings.field_mm
    sizes, spacing = sorted(grid.size_mm), max(grid.spacing_mm)
    said = " x ".join(f"{size:.4g}" for size in grid.size_mm)
    if sizes[-1] > most or sizes[-2] < least:
        bound = f"at most {most:g} mm long" if sizes[-1] > most else f"at least {least:g} mm wide along two axes"
        raise LesionkitError(
            f"a chest CT is {bound} (prepare.field_mm), got {said} mm (z, y, x); does its header state the right unit?"
        )
    if spacing > settings.most_spacing_mm:
        raise LesionkitError(
            f"samples of a chest CT lie at most {settings.most_spacing_mm:g} mm apart (prepare.most_spacing_mm), got "
            f"{spacing:.4g} mm; does its header state the right unit?"
        )


def _at_scan_end(native: Grid, grid: Grid) -> list[list[bool]]:
    """For each axis of the prepared grid, whether its first and its last sample lie at the scan's end."""
    turned = native.turned_upright()
    if turned.is_oblique:
        return [[False, False] for _ in range(3)]
    low, high = (np.array(turned.index_to_world(place))[::-1] for place in ([-0.5] * 3, np.array(turned.shape) - 0.5))
    first, last = (np.array(grid.index_to_world(place))[::-1] for place in ([0.0] * 3, np.array(grid.shape) - 1.0))
    # The lattice covers the scan to half a sample.
    near = 1.5 * np.array(grid.spacing_mm)
    return [[bool(a), bool(b)] for a, b in zip(first - low < near, high - last < near, strict=True)]


def _facts(case: Case, chest: Chest, lungs: LungMask, warnings: list[str], seconds: float) -> dict[str, Any]:
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
    if chest.plain_air:
        warnings.append("the lungs hold plain air without vessels: this looks like a phantom, not like a patient")
    if lungs.failure:
        warnings.append(f"the lungs were not found: {lungs.failure}")
    else:
        warnings += _cut_lungs(case.image.grid, lungs)
    if not lungs.failure and settings.lung.max_erosions and math.isnan(lungs.left_right_ratio):
        warnings.append("the two lungs were not told apart, or only one is in view")
    for number, lesion in enumerate(case.truth or ()):
        if not bool(grid.contains(lesion.centre_mm)):
            place = ", ".join(f"{v:.1f}" for v in lesion.centre_mm)
            name = lesion.lesion_id or str(number)
            warnings.append(f"lesion {name} at ({place}) mm lies outside the prepared box around the lungs")
    return warnings


def _cut_lungs(native: Grid, lungs: LungMask) -> list[str]:
    """A sentence where the lungs go on beyond the first or the last slice."""
    turned = native.turned_upright()
    area = [np.count_nonzero(lungs.proper[end]) * math.prod(lungs.grid.spacing_mm[1:]) / 100 for end in (0, -1)]
    inside = [float(lungs.grid.index_to_world([end, 0, 0])[2]) for end in (0, lungs.grid.shape[0] - 1)]
    outer = [float(turned.index_to_world([end, 0, 0])[2]) for end in (0, turned.shape[0] - 1)]
    # Averaging drops less than a coarse slice at the far end.
    near = 2 * lungs.grid.spacing_mm[0]
    return [
        f"the scan ends within the lungs at its {name} end ({cm2:.0f} cm² of lung in the last slice): nodules beyond "
        "it are not seen, and those at the cut are judged from a part of them"
        for name, cm2, at, end in zip(("lower", "upper"), area, inside, outer, strict=True)
        if cm2 >= _CUT_CM2 and abs(at - end) <= near
    ]
