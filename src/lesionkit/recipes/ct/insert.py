"""What is put into training patches: synthetic nodules, and real ones where there is a bank."""

from collections.abc import Sequence
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
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.sample.draw import Insert

_MOST = 3


def inserter(settings: CtNodule) -> Insert:
    """The function that fills training patches with nodules.

    Raises:
        LesionkitError: the bank of `sample.nodules` cannot be used, or holds no nodule that may be drawn.
    """
    if settings.sample.nodules is None:
        return partial(plant_nodules, settings=settings.insert, most=_MOST)
    bank = load_bank(settings.sample.nodules)
    bank.weights(settings.transplant)
    return partial(_plant_either, bank=bank, settings=settings)


def bank_facts(settings: CtNodule) -> dict[str, Any] | None:
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
    settings: CtNodule,
) -> tuple[NDArray[np.float32], tuple[Lesion, ...]]:
    if rng.random() < settings.transplant.share:
        return plant_real(hu, lung, grid, taken, rng, bank, settings.transplant, _MOST)
    return plant_nodules(hu, lung, grid, taken, rng, settings.insert, _MOST)
