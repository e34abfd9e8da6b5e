"""Find the lungs of a chest CT by rules.

The published chains are presets of one chain whose every step is a setting; the default works on a coarser copy and
takes a fraction of a second.
"""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage, Image
from lesionkit.prepare.coarse import coarsen
from lesionkit.prepare.lung.air import find_air
from lesionkit.prepare.lung.airway import find_airway
from lesionkit.prepare.lung.components import choose_lungs
from lesionkit.prepare.lung.kmeans import find_by_kmeans
from lesionkit.prepare.lung.separate import separate
from lesionkit.prepare.lung.settings import PRESETS, LungSettings, Preset
from lesionkit.prepare.lung.shape import Side, close, dilate, fill_holes, fill_slices, hull_slices
from lesionkit.prepare.pieces import Mask, largest_pieces
from lesionkit.prepare.spacing import resample_onto

__all__ = ["PRESETS", "LungMask", "LungSettings", "Preset", "find_lungs", "trace_lungs"]


@dataclass(frozen=True, eq=False)
class LungMask:
    """Where the lungs are.

    Attributes:
        mask: booleans on `grid`, never empty: where to search.
        proper: the same before it was grown: the lungs up to the pleura, with what was closed and filled.
        grid: the lattice of the mask.
        volume_l: volume of the lungs before closing, hull and growth; of the body or image if nothing was found.
        left_right_ratio: volume of the patient's left lung / right lung; nan if they were not told apart.
        cover_ratio: share of the image that the mask covers (system 0, row 0.15: about 0.17).
        preset: the settings' preset, or "kmeans" if that had to help out.
        failure: None, or one sentence: why no lungs were found and what the mask is instead.
        seconds: time it took.
    """

    mask: Mask
    proper: Mask
    grid: Grid
    volume_l: float
    left_right_ratio: float
    cover_ratio: float
    preset: str
    failure: str | None
    seconds: float

    def on(self, grid: Grid) -> LungMask:
        """The same lungs on another lattice, by the nearest sample."""
        mask, proper = (
            resample_onto(ArrayImage(self.grid, part), grid, 0, fill=0).array for part in (self.mask, self.proper)
        )
        return dataclasses.replace(self, mask=mask, proper=proper, grid=grid)


def find_lungs(image: Image, settings: LungSettings | None = None) -> LungMask:
    """The lung mask of a chest CT on the image's own grid.

    Args:
        image: three-dimensional, HU, any orientation; padding below -1024 is fine.
        settings: default is the preset "fast".

    Raises:
        LesionkitError: the image is not three-dimensional, is constant or holds values that are not finite.
    """
    started = time.perf_counter()
    lungs = trace_lungs(image, settings).on(image.grid)
    return dataclasses.replace(lungs, seconds=time.perf_counter() - started)


def trace_lungs(image: Image, settings: LungSettings | None = None) -> LungMask:
    """The lung mask on the upright, possibly coarser lattice it was found on; see `find_lungs`."""
    settings = settings or LungSettings()
    started = time.perf_counter()
    work = coarsen(image, settings.working_spacing_mm)
    hu, spacing_mm = work.array, work.grid.spacing_mm
    low, high = int(hu.min()), int(hu.max())
    if low == high:
        raise LesionkitError(f"a CT varies, but every value is {low}; was it read with the right data type?")
    preset = settings.preset
    parts, failure = _find_parts(hu, spacing_mm, settings)
    if failure is not None and settings.kmeans_fallback:
        again, still = _by_kmeans(hu, spacing_mm, settings)
        if still is None:
            parts, failure, preset = again, None, "kmeans"
    if failure is not None:
        parts = [_body(hu)]
        failure += "; the body is searched instead"
        if not parts[0].any():
            parts, failure = [np.ones(hu.shape, dtype=bool)], failure.replace("the body", "the whole volume")
    proper, grown = _grown(parts, spacing_mm, settings) if failure is None else (parts[0], parts[0])
    return LungMask(
        mask=grown,
        proper=proper,
        grid=work.grid,
        volume_l=sum(np.count_nonzero(p) for p in parts) * work.grid.voxel_mm * 1e-6,
        left_right_ratio=_left_right(parts),
        cover_ratio=float(grown.mean()),
        preset=preset,
        failure=failure,
        seconds=time.perf_counter() - started,
    )


def _find_parts(
    hu: NDArray[np.int16], spacing_mm: tuple[float, ...], settings: LungSettings
) -> tuple[list[Mask], str | None]:
    """The lungs, larger first, before closing, hull and growth; or the reason why there are none."""
    if settings.method == "kmeans":
        return _by_kmeans(hu, spacing_mm, settings)
    air = find_air(hu, spacing_mm, settings)
    if settings.max_airway_mm2:
        air &= ~find_airway(air, spacing_mm, settings.max_airway_mm2)
    parts, reason = _choose_parts(air, hu, spacing_mm, settings, relaxed=False)
    if settings.relaxed_axis_distance_mm and (reason is not None or _differ(parts, settings.separation_ratio)):
        again, still = _choose_parts(air, hu, spacing_mm, settings, relaxed=True)
        if still is None or reason is not None:
            parts, reason = again, still
    return parts, reason


def _choose_parts(
    air: Mask, hu: NDArray[np.int16], spacing_mm: tuple[float, ...], settings: LungSettings, relaxed: bool
) -> tuple[list[Mask], str | None]:
    choice = choose_lungs(air, hu, spacing_mm, settings, relaxed)
    if choice.reason is not None:
        return [], choice.reason
    mask = fill_holes(choice.mask) if settings.fill_holes else choice.mask
    volume_l = np.count_nonzero(mask) * math.prod(spacing_mm) * 1e-6
    if volume_l < settings.min_total_l:
        return [], f"the lungs found have only {volume_l:.2f} L, at least {settings.min_total_l:g} L are expected"
    return (separate(mask, spacing_mm, settings) if settings.max_erosions else [mask]), None


def _by_kmeans(
    hu: NDArray[np.int16], spacing_mm: tuple[float, ...], settings: LungSettings
) -> tuple[list[Mask], str | None]:
    mask = find_by_kmeans(hu, settings)
    volume_l = np.count_nonzero(mask) * math.prod(spacing_mm) * 1e-6
    if volume_l == 0 or not settings.min_volume_l <= volume_l <= settings.max_volume_l:
        return [], f"K-means found {volume_l:.2f} L of lung"
    return [mask], None


def _grown(parts: list[Mask], spacing_mm: tuple[float, ...], settings: LungSettings) -> tuple[Mask, Mask]:
    """The lungs closed and filled, and the same grown at the end."""
    proper, grown = np.zeros_like(parts[0]), np.zeros_like(parts[0])
    sides = _sides(parts)
    for lung, side in zip(parts, sides, strict=True):
        if settings.closing_mm:
            lung = close(lung, spacing_mm, settings.closing_mm)
        if settings.dilation_mm:
            lung = dilate(lung, spacing_mm, settings.dilation_mm, cube=True)
        if settings.hull and (side or not settings.hull_wall_only):
            lung = hull_slices(lung, settings.max_hull_ratio, side if settings.hull_wall_only else None)
        proper |= lung
        grown |= dilate(lung, spacing_mm, settings.growth_mm) if settings.growth_mm else lung
    return (fill_holes(proper), fill_holes(grown)) if settings.fill_holes else (proper, grown)


def _differ(parts: list[Mask], ratio: float) -> bool:
    return len(parts) < 2 or bool(np.count_nonzero(parts[0]) > ratio * np.count_nonzero(parts[1]))


def _left_right(parts: list[Mask]) -> float:
    if len(parts) != 2:
        return math.nan
    sizes = {side: int(np.count_nonzero(part)) for side, part in zip(_sides(parts), parts, strict=True)}
    return sizes["left"] / sizes["right"]


def _sides(parts: list[Mask]) -> list[Side | None]:
    """Which lung is which: the patient's left is where x grows. None where they were not told apart."""
    if len(parts) != 2:
        return [None] * len(parts)
    first, second = (np.flatnonzero(part.any(axis=(0, 1))).mean() for part in parts)
    return ["left", "right"] if first > second else ["right", "left"]


def _body(hu: NDArray[np.int16]) -> Mask:
    """Everything inside the skin: the largest piece of tissue, each slice filled."""
    pieces = largest_pieces(hu > -300, 6, 1)
    return fill_slices(pieces[0][1]) if pieces else np.zeros(hu.shape, dtype=bool)
