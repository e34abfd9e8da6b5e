"""Where a slow detector looks at all: around the first candidates of a fast one."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from lesionkit.core.case import Case
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.core.settings import Settings


class ScreenSettings(Settings):
    """Look only where a faster model found something first."""

    model: str | None = None
    """The faster model, as --model names one: ct-nodule is ours. Null: the lungs are searched."""
    most: int = Field(default=100, ge=1)
    """Its first candidates that are looked around; fewer are faster, and lose what ranks lower."""
    around_mm: float = Field(default=4.0, gt=0)
    """How far beyond a candidate's own radius the middle of a nodule may lie along each axis."""


def screened(case: Case, candidates: Sequence[Candidate], settings: ScreenSettings) -> Case:
    """The case with a region "searched": boxes around the strongest candidates, within its lungs.

    Args:
        case: prepared for the slow detector.
        candidates: of the fast one, strongest first, from the same scan.
    """
    grid = case.image.grid
    inside = np.zeros(grid.shape, bool)
    for candidate in candidates[: settings.most]:
        reach = ((candidate.diameter_mm or 0.0) / 2 + settings.around_mm) / np.array(grid.spacing_mm)
        middle = grid.world_to_index(candidate.centre_mm)
        low = np.clip(np.floor(middle - reach), 0, grid.shape).astype(int)
        stop = np.clip(np.ceil(middle + reach) + 1, 0, grid.shape).astype(int)
        inside[tuple(slice(a, b) for a, b in zip(low, stop, strict=True))] = True
    lung = case.regions.get("lung")
    if lung is not None:
        inside &= np.asarray(lung.read(grid.whole), bool)
    return dataclasses.replace(case, regions={**case.regions, "searched": ArrayImage(grid, inside)})
