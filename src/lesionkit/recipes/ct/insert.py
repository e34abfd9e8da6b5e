"""What is put into training patches: synthetic nodules, and real ones where there is a bank."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Lesion
from lesionkit.phantoms.ct.nodule_bank import NoduleBank, load_bank
from lesionkit.phantoms.ct.place import plant_nodules
from lesionkit.phantoms.ct.plant_real import plant_real
from lesionkit.phantoms.ct.real_nodule import Placed, RealNodule, placed_outline
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.sample.draw import Insert
from lesionkit.sample.drawn import Outline

_MOST = 3


def inserter(settings: CtSettings) -> Insert:
    """The function that fills training patches with nodules.

    Raises:
        LesionkitError: the bank of `sample.nodules` cannot be used, or holds no nodule that may be drawn.
    """
    if settings.sample.nodules is None:
        return partial(plant_nodules, settings=settings.insert, most=_MOST)
    bank = load_bank(settings.sample.nodules)
    bank.weights(settings.transplant)
    return partial(_plant_either, bank=bank, settings=settings)


def outline(settings: CtSettings) -> Outline:
    """The outlines of lesions that were inserted: those of real nodules as their readers drew them.

    Raises:
        LesionkitError: the bank of `sample.nodules` cannot be used.
    """
    bank = load_bank(settings.sample.nodules) if settings.sample.nodules is not None else ()
    return partial(_outline, nodules={nodule.nodule_id: nodule for nodule in bank})


def _outline(lesion: Lesion, grid: Grid, nodules: Mapping[str, RealNodule]) -> NDArray[np.float32] | None:
    nodule = nodules.get(str(lesion.facts.get("nodule")))
    return None if nodule is None else placed_outline(grid, nodule, Placed.of_lesion(lesion))


def bank_facts(settings: CtSettings) -> dict[str, Any] | None:
    """What a model's card tells of the bank it learned from; None without one."""
    if settings.sample.nodules is None:
        return None
    bank = load_bank(settings.sample.nodules)
    return {"nodules": len(bank), "patients": len(bank.patients), "source": bank.about.get("source", "")}


def _plant_either(
    hu: NDArray[np.float32],
    lung: NDArray[np.bool_],
    grid: Grid,
    taken: Sequence[Lesion],
    rng: Generator,
    bank: NoduleBank,
    settings: CtSettings,
) -> tuple[NDArray[np.float32], tuple[Lesion, ...]]:
    if rng.random() < settings.transplant.share:
        return plant_real(hu, lung, grid, taken, rng, bank, settings.transplant, _MOST)
    return plant_nodules(hu, lung, grid, taken, rng, settings.insert, _MOST)
