"""Real nodules of a bank -> places in a patch, or in a whole CT."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.phantoms.ct.nodule import ATTACHMENTS, Attachment, Nodule
from lesionkit.phantoms.ct.nodule_bank import NoduleBank, TransplantSettings
from lesionkit.phantoms.ct.place import PlaceSettings, place_nodule
from lesionkit.phantoms.ct.real_nodule import Placed, RealNodule, draw_placed, transplant


def plant_real(
    hu: NDArray[np.float32],
    lung: NDArray[np.bool_],
    grid: Grid,
    taken: Sequence[Lesion],
    rng: Generator,
    bank: NoduleBank,
    settings: TransplantSettings,
    most: int = 1,
    slice_thickness_mm: float | None = None,
    place: PlaceSettings | None = None,
) -> tuple[NDArray[np.float32], tuple[Lesion, ...]]:
    """Transplant 1 to `most` nodules of a bank into a patch, in place; fewer where there is no room.

    Args:
        taken: lesions and findings to keep away from: nothing that is there is ever covered.

    Returns:
        the patch, and the truth of what was put in, with its provenance among the facts.
    """
    planted: list[Lesion] = []
    for _ in range(int(rng.integers(1, most + 1))):
        nodule = bank.draw(rng, settings)
        placed = place_real(hu, lung, grid, [*taken, *planted], rng, nodule, settings, place)
        if placed is not None:
            transplant(hu, grid, nodule, placed, slice_thickness_mm)
            planted.append(placed.lesion_of(nodule))
    return hu, tuple(planted)


def place_real(
    hu: NDArray[np.floating | np.integer],
    lung: NDArray[np.bool_],
    grid: Grid,
    taken: Sequence[Lesion],
    rng: Generator,
    nodule: RealNodule,
    settings: TransplantSettings,
    place: PlaceSettings | None = None,
) -> Placed | None:
    """How and where a nodule may be put, or None where there is no room for it.

    Args:
        hu, lung: (z, y, x) on `grid`; a whole scan or a patch of it.
        taken: lesions and excluded findings to keep away from.
    """
    weights = np.array(settings.attachment_weights, float)
    first = int(rng.choice(3, p=weights / weights.sum()))
    order = [first, *(n for n in (0, 1, 2) if n != first and weights[n] > 0)]
    scaled = draw_placed(rng, (0.0, 0.0, 0.0), ATTACHMENTS[first], settings.scale)
    for number in order:
        attachment: Attachment = ATTACHMENTS[number]
        ball = Nodule((0.0, 0.0, 0.0), nodule.diameter_mm * scaled.scale, attachment=attachment)
        found = place_nodule(hu, lung, grid, ball, rng, taken, place)
        if found is not None:
            return replace(scaled, centre_mm=found.centre_mm, attachment=attachment)
    return None


def insert_real_nodules(
    case: Case,
    lung: NDArray[np.bool_],
    nodules: Sequence[RealNodule],
    seed: int,
    settings: TransplantSettings,
    place: PlaceSettings | None = None,
) -> Case:
    """A CT with real nodules of others in its lungs, in its own geometry and thickness of slices.

    They are the truth of the result, each with its provenance; what was known before is excluded, and no nodule comes
    near it.

    Args:
        lung: (z, y, x) mask on the grid of the case's image.
        nodules: one after the other; one that finds no room is left out.

    Raises:
        LesionkitError: the mask does not fit or is empty, or not one nodule found room.
    """
    grid = case.image.grid
    if lung.shape != grid.shape or not lung.any():
        raise LesionkitError(
            f"lung must be a non-empty mask of the image's shape {grid.shape}, got shape {lung.shape} "
            f"with {int(lung.sum())} samples; segment the lungs first"
        )
    rng = np.random.default_rng([22, seed])
    hu = case.image.read(grid.whole).astype(np.float32)
    known = (*(case.truth or ()), *case.excluded)
    thickness = case.facts.get("slice_thickness_mm")
    planted: list[Lesion] = []
    for nodule in nodules:
        placed = place_real(hu, lung, grid, [*known, *planted], rng, nodule, settings, place)
        if placed is not None:
            transplant(hu, grid, nodule, placed, float(thickness) if thickness else None)
            planted.append(replace(placed.lesion_of(nodule), lesion_id=f"inserted-{len(planted) + 1}"))
    if nodules and not planted:
        largest = max(nodule.diameter_mm for nodule in nodules)
        raise LesionkitError(
            f"none of {len(nodules)} nodules of up to {largest:.0f} mm found room in the lungs beside what is known "
            "there; give more or smaller nodules"
        )
    image = ArrayImage(grid, np.rint(np.clip(hu, -1024, 32767)).astype(np.int16))
    return replace(case, image=image, truth=tuple(planted), excluded=known)
