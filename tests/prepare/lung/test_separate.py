import numpy as np

from lesionkit.prepare.lung.separate import separate
from lesionkit.prepare.lung.settings import LungSettings

SPACING = (5.0, 5.0, 5.0)
SETTINGS = LungSettings(min_volume_l=0)


def lungs(bridge=2, right=20):
    mask = np.zeros((30, 30, 60), dtype=bool)
    mask[5:25, 5:25, 30 - right : 26] = True
    mask[5:25, 5:25, 34:54] = True
    mask[14 : 14 + bridge, 14 : 14 + bridge, 26:34] = True
    return mask


def test_lungs_joined_by_a_bridge_are_told_apart_and_nothing_is_lost():
    parts = separate(lungs(), SPACING, SETTINGS)
    assert len(parts) == 2
    np.testing.assert_array_equal(parts[0] | parts[1], lungs())
    assert not (parts[0] & parts[1]).any()
    places = sorted(np.argwhere(part)[:, 2].mean() for part in parts)
    assert places[0] < 25
    assert places[1] > 35


def test_the_larger_lung_comes_first():
    parts = separate(lungs(right=14), SPACING, SETTINGS)
    assert parts[0].sum() > parts[1].sum()
    assert np.argwhere(parts[0])[:, 2].mean() > 35


def test_a_lung_and_a_crumb_are_one_lung():
    mask = np.zeros((30, 30, 60), dtype=bool)
    mask[5:25, 5:25, 5:25] = True
    mask[10:14, 10:14, 40:44] = True
    assert len(separate(mask, SPACING, SETTINGS)) == 1


def test_a_small_lung_apart_is_a_lung_if_it_has_the_volume_of_one():
    mask = np.zeros((30, 30, 60), dtype=bool)
    mask[2:28, 2:28, 2:30] = True
    mask[5:17, 5:17, 40:52] = True  # 0.2 L, eleven times smaller
    assert len(separate(mask, SPACING, LungSettings(min_volume_l=0.2))) == 2
    assert len(separate(mask, SPACING, LungSettings(min_volume_l=0.3))) == 1


def test_lobes_one_above_the_other_are_not_two_lungs():
    mask = np.zeros((60, 20, 20), dtype=bool)
    mask[2:27, 2:18, 2:18] = mask[33:58, 2:18, 2:18] = True
    assert len(separate(mask, SPACING, SETTINGS)) == 1
    assert len(separate(mask, SPACING, LungSettings(min_volume_l=0, min_apart_mm=0))) == 2


def test_a_mask_that_never_falls_apart_stays_one():
    mask = np.zeros((20, 20, 20), dtype=bool)
    mask[2:18, 2:18, 2:18] = True
    assert len(separate(mask, SPACING, SETTINGS)) == 1


def test_small_islands_in_a_slice_are_left_out_by_the_cover():
    mask = lungs()
    mask[5, 0, 0:2] = True
    parts = separate(mask, SPACING, LungSettings(min_volume_l=0, slice_cover=0.95))
    assert len(parts) == 2
    assert not any(part[5, 0, 0] for part in parts)
