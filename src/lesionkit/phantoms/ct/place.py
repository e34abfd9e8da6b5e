"""Where a nodule may sit in a lung: beside the pleura, beside a vessel, or with air all around."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field

from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Lesion
from lesionkit.core.settings import Settings
from lesionkit.phantoms.ct.nodule import Nodule, NoduleSettings, draw_nodule, insert_nodule

VESSEL_HU = -500.0
"""Inside the lungs, brighter samples are vessels, airway walls, lesions."""
LUMEN_HU = -960.0
"""Places darker than this in the mean are airways, which lung masks often hold."""


class PlaceSettings(Settings):
    """What holds where a nodule is placed."""

    gap_mm: float = Field(3.0, ge=0)
    """Least distance from the surface of one nodule to that of another or of a forbidden ball."""
    unknown_diameter_mm: float = Field(10.0, gt=0)
    """Diameter of a forbidden finding whose own is unknown (0 or negative)."""
    edge_mm: float = Field(4.0, ge=0)
    """Least distance of a centre from the faces of the patch."""
    pleural_outside: tuple[float, float] = (0.06, 0.28)
    """Share of the surface of a juxta-pleural nodule that lies outside the lung."""
    vascular_bright: tuple[float, float] = (0.04, 0.35)
    """Share of the surface of a juxta-vascular nodule that lies in vessels; an isolated one has less."""
    tries: int = Field(256, ge=1)
    """Places looked at per round; the first that fits is taken, after four rounds the nodule is given up."""


def place_nodule(
    hu: NDArray[np.floating | np.integer],
    lung: NDArray[np.bool_],
    grid: Grid,
    nodule: Nodule,
    rng: Generator,
    taken: Sequence[Lesion] = (),
    settings: PlaceSettings | None = None,
) -> Nodule | None:
    """The nodule moved to a place in the lung that its attachment asks for, or None where there is none.

    Args:
        hu, lung: (z, y, x) on `grid`; a whole scan or a patch of it.
        taken: lesions and excluded findings to keep away from.
    """
    settings = settings or PlaceSettings()
    edge = settings.edge_mm / np.array(grid.spacing_mm)
    low = np.minimum(edge, (np.array(grid.shape) - 1) / 2)
    for _ in range(4):
        index = rng.uniform(low, np.array(grid.shape) - 1 - low, (4 * settings.tries, 3))
        index = index[_look_up(lung, index)][: settings.tries]
        index = index[_is_free(grid.index_to_world(index), nodule.diameter_mm, taken, settings)]
        if len(index):
            fits = np.flatnonzero(_fits(hu, lung, grid, index, nodule, settings))
            if len(fits):
                x, y, z = grid.index_to_world(index[fits[0]]).tolist()
                return replace(nodule, centre_mm=(x, y, z))
    return None


def plant_nodules(
    hu: NDArray[np.float32],
    lung: NDArray[np.bool_],
    grid: Grid,
    taken: Sequence[Lesion],
    rng: Generator,
    settings: NoduleSettings | None = None,
    most: int = 2,
    slice_thickness_mm: float | None = None,
) -> tuple[NDArray[np.float32], tuple[Lesion, ...]]:
    """Insert 1 to `most` drawn nodules into a patch, in place; fewer where there is no room.

    Returns:
        the patch, and the truth of what was inserted.
    """
    planted: list[Lesion] = []
    for _ in range(int(rng.integers(1, most + 1))):
        drawn = draw_nodule(rng, settings)
        placed = place_nodule(hu, lung, grid, drawn, rng, [*taken, *planted])
        if placed is not None:
            insert_nodule(hu, grid, placed, lung, slice_thickness_mm)
            planted.append(placed.lesion)
    return hu, tuple(planted)


def _fits(
    hu: NDArray[np.floating | np.integer],
    lung: NDArray[np.bool_],
    grid: Grid,
    index: NDArray[np.float64],
    nodule: Nodule,
    settings: PlaceSettings,
) -> NDArray[np.bool_]:
    """Which places (n, 3) suit the attachment, judged on 60 points of the nodule's surface and 20 half-way in."""
    radius = nodule.diameter_mm / 2
    beyond = radius + (1.0 if nodule.attachment == "isolated" else 0.3)
    surface = (index[:, None] + beyond * _SPHERE / np.array(grid.spacing_mm)).reshape(-1, 3)
    outside = ~_look_up(lung, surface).reshape(len(index), -1)
    bright = (_look_up(hu, surface) > VESSEL_HU).reshape(len(index), -1) & ~outside
    inner = (index[:, None] + 0.5 * radius * _SPHERE[::3] / np.array(grid.spacing_mm)).reshape(-1, 3)
    inner_hu = _look_up(hu, inner).reshape(len(index), -1)
    filled = (inner_hu > VESSEL_HU) | ~_look_up(lung, inner).reshape(len(index), -1)
    possible = (filled.mean(axis=1) <= 0.25) & (inner_hu.mean(axis=1) > LUMEN_HU)
    left, hit = outside.mean(axis=1), bright.mean(axis=1)
    least, most = settings.vascular_bright
    if nodule.attachment == "juxta-pleural":
        low, high = settings.pleural_outside
        fits = (left >= low) & (left <= high) & (hit < most)
    elif nodule.attachment == "juxta-vascular":
        fits = (left == 0) & (hit >= least) & (hit <= most)
    else:
        fits = (left == 0) & (hit < least)
    return np.asarray(fits & possible)


def _is_free(
    world_mm: NDArray[np.float64], diameter_mm: float, taken: Sequence[Lesion], settings: PlaceSettings
) -> NDArray[np.bool_]:
    free = np.ones(len(world_mm), bool)
    for lesion in taken:
        other = lesion.diameter_mm if lesion.diameter_mm > 0 else settings.unknown_diameter_mm
        least = (diameter_mm + other) / 2 + settings.gap_mm
        free &= np.linalg.norm(world_mm - np.array(lesion.centre_mm), axis=1) > least
    return free


def _look_up(array: NDArray[Any], index: NDArray[np.float64]) -> NDArray[Any]:
    """Nearest samples; beyond the array its faces continue."""
    z, y, x = np.clip(np.rint(index), 0, np.array(array.shape) - 1).astype(np.intp).T
    samples: NDArray[Any] = array[z, y, x]
    return samples


def _fibonacci_sphere(count: int) -> NDArray[np.float64]:
    index = np.arange(count) + 0.5
    z = 1 - 2 * index / count
    turn = math.pi * (1 + math.sqrt(5)) * index
    ring = np.sqrt(1 - z * z)
    return np.column_stack([z, ring * np.cos(turn), ring * np.sin(turn)])


_SPHERE = _fibonacci_sphere(60)
