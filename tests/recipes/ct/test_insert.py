from pathlib import Path

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.phantoms.ct.nodule_bank import NoduleBank, TransplantSettings, save_bank
from lesionkit.phantoms.ct.real_nodule import RealNodule
from lesionkit.recipes.ct.insert import bank_facts, inserter
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.sample.draw_settings import SampleSettings


def settings_of(bank: Path | None, share: float) -> CtNodule:
    return CtNodule(sample=SampleSettings(nodules=bank), transplant=TransplantSettings(share=share))


@pytest.fixture
def bank(tmp_path):
    z, y, x = np.ogrid[:15, :15, :15]
    mask = (z - 7) ** 2 + (y - 7) ** 2 + (x - 7) ** 2 <= 9
    hu = np.where(mask, 30, -850).astype(np.int16)
    return save_bank(tmp_path / "bank", NoduleBank((RealNodule(hu, mask, 6.0, "n", "p", 5),), {"source": "LIDC"}))


def planted(settings):
    insert = inserter(settings)
    shape, found = (40, 40, 40), []
    for seed in range(6):
        hu = np.full(shape, -850, np.float32)
        grid = Grid.upright(shape, (1, 1, 1))
        found += insert(hu, np.ones(shape, bool), grid, (), np.random.default_rng(seed))[1]
    return [("nodule" in lesion.facts) for lesion in found]


def test_patches_get_real_nodules_as_often_as_the_share_says(bank):
    assert all(planted(settings_of(bank, 1.0)))
    assert not any(planted(settings_of(bank, 0.0)))
    assert not any(planted(settings_of(None, 1.0)))
    assert 0 < np.mean(planted(settings_of(bank, 0.5))) < 1


def test_a_bank_that_is_none_or_of_other_sizes_is_refused_before_training(bank, tmp_path):
    with pytest.raises(LesionkitError, match="must be a nodule bank"):
        inserter(settings_of(tmp_path, 1.0))
    large = TransplantSettings(diameter_range_mm=(20.0, 40.0))
    with pytest.raises(LesionkitError, match="none of its 1 fits"):
        inserter(CtNodule(sample=SampleSettings(nodules=bank), transplant=large))


def test_a_card_tells_what_the_bank_held_but_not_where_it_lay(bank):
    assert bank_facts(settings_of(bank, 1.0)) == {"nodules": 1, "patients": 1, "source": "LIDC"}
    assert bank_facts(settings_of(None, 1.0)) is None
