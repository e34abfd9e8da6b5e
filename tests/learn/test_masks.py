import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.learn.mask_settings import MaskLearnSettings
from lesionkit.learn.masks import mask_loss

NOWHERE = torch.zeros(2, 1, 2, 2, 2, dtype=torch.bool)


def cubes(first: float, second: float) -> torch.Tensor:
    return torch.stack([torch.full((1, 2, 2, 2), first), torch.full((1, 2, 2, 2), second)])


def test_the_loss_is_one_minus_the_dice_of_the_batch_with_one_added_above_and_below():
    # Eight samples of the first are lesion, all 16 are believed in by one half: (2 · 4 + 1) / (8 + 8 + 1).
    found = mask_loss(cubes(0.0, 0.0), cubes(1.0, 0.0), NOWHERE, MaskLearnSettings())
    assert float(found["total"]) == pytest.approx(1 - 9 / 17)
    assert set(found) == {"dice", "total"}


def test_of_nothing_that_nothing_is_drawn_of_the_loss_is_none():
    found = mask_loss(cubes(-100.0, -100.0), cubes(0.0, 0.0), NOWHERE, MaskLearnSettings())
    assert float(found["total"]) == pytest.approx(0.0, abs=1e-6)


def test_cross_entropy_is_added_with_its_weight():
    found = mask_loss(cubes(0.0, 0.0), cubes(1.0, 0.0), NOWHERE, MaskLearnSettings(cross_entropy=2.0))
    assert float(found["cross_entropy"]) == pytest.approx(0.6931, abs=1e-4)
    assert float(found["total"]) == pytest.approx(1 - 9 / 17 + 2 * 0.6931, abs=1e-4)


@given(st.floats(-20, 20), st.floats(0, 1))
def test_what_is_ignored_changes_nothing(logit, truth):
    settings = MaskLearnSettings(cross_entropy=1.0)
    hidden = NOWHERE.clone()
    hidden[1] = True
    without = mask_loss(cubes(1.0, 0.0), cubes(1.0, 0.0), hidden, settings)
    other = mask_loss(cubes(1.0, logit), cubes(1.0, truth), hidden, settings)
    assert float(other["total"]) == pytest.approx(float(without["total"]), abs=1e-6)


def test_a_part_of_a_sample_counts_as_a_part():
    half = mask_loss(cubes(0.0, -100.0), cubes(0.5, 0.0), NOWHERE, MaskLearnSettings())
    assert float(half["total"]) == pytest.approx(1 - (2 * 2 + 1) / (4 + 4 + 1))
