import numpy as np
import pytest

from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Lesion
from lesionkit.phantoms.ct.nodule import Nodule, NoduleSettings
from lesionkit.phantoms.ct.place import PlaceSettings, place_nodule, plant_nodules

GRID = Grid.upright((48, 64, 64), (1.5, 1.0, 1.0), (5.0, -20.0, 30.0))


def chest_corner():
    """Lung on the left half of the patch, wall on the right, one vessel straight through the lung."""
    lung = np.zeros(GRID.shape, bool)
    lung[:, :, :40] = True
    hu = np.where(lung, -860.0, 40.0).astype(np.float32)
    hu[:, 30:34, 14:18] = 20.0
    return hu, lung


def index_of(nodule):
    return GRID.world_to_index(nodule.centre_mm)


@pytest.mark.parametrize("seed", range(8))
def test_a_juxta_pleural_nodule_touches_the_wall_with_its_centre_inside(seed):
    hu, lung = chest_corner()
    nodule = place_nodule(
        hu, lung, GRID, Nodule((0, 0, 0), 10.0, attachment="juxta-pleural"), np.random.default_rng(seed)
    )
    distance = 39.5 - index_of(nodule)[2]
    assert 1.0 < distance < 5.0


@pytest.mark.parametrize("seed", range(8))
def test_a_juxta_vascular_nodule_touches_the_vessel(seed):
    hu, lung = chest_corner()
    nodule = place_nodule(
        hu, lung, GRID, Nodule((0, 0, 0), 8.0, attachment="juxta-vascular"), np.random.default_rng(seed)
    )
    _, y, x = index_of(nodule)
    assert 2.0 < np.hypot(y - 31.5, x - 15.5) < 7.5


@pytest.mark.parametrize("seed", range(8))
def test_an_isolated_nodule_has_air_all_around(seed):
    hu, lung = chest_corner()
    nodule = place_nodule(hu, lung, GRID, Nodule((0, 0, 0), 8.0), np.random.default_rng(seed))
    _, y, x = index_of(nodule)
    assert x + 4 < 39.5
    assert np.hypot(y - 31.5, x - 15.5) > 5


def test_no_nodule_grows_in_the_air_of_an_airway_that_the_mask_holds():
    hu, lung = chest_corner()
    hu[:, :, 5:28] = -995.0
    for seed in range(8):
        nodule = place_nodule(hu, lung, GRID, Nodule((0, 0, 0), 5.0), np.random.default_rng(seed))
        assert index_of(nodule)[2] < 6.5 or index_of(nodule)[2] > 26.5


def test_forbidden_findings_are_kept_away_from_and_unknown_ones_count_as_10_mm():
    hu, lung = chest_corner()
    rng = np.random.default_rng(0)
    taken = [Lesion((20.0, 0.0, 60.0), 20.0), Lesion((30.0, 20.0, 70.0), -1.0)]
    settings = PlaceSettings(gap_mm=15.0)
    for _ in range(30):
        nodule = place_nodule(hu, lung, GRID, Nodule((0, 0, 0), 6.0), rng, taken, settings)
        assert np.linalg.norm(np.subtract(nodule.centre_mm, taken[0].centre_mm)) >= 3 + 10 + 15
        assert np.linalg.norm(np.subtract(nodule.centre_mm, taken[1].centre_mm)) >= 3 + 5 + 15


def test_where_there_is_no_room_there_is_no_nodule():
    hu, lung = chest_corner()
    rng = np.random.default_rng(0)
    assert place_nodule(hu, np.zeros_like(lung), GRID, Nodule((0, 0, 0), 6.0), rng) is None
    assert place_nodule(hu, lung, GRID, Nodule((0, 0, 0), 90.0), rng) is None
    unchanged, planted = plant_nodules(hu.copy(), np.zeros_like(lung), GRID, (), rng)
    assert planted == ()
    np.testing.assert_array_equal(unchanged, hu)


def test_planted_nodules_do_not_touch_and_change_the_patch_where_the_truth_says():
    hu, lung = chest_corner()
    before = hu.copy()
    settings = NoduleSettings(diameter_range_mm=(4.0, 9.0), texture_weights=(1, 0, 0), attachment_weights=(1, 0, 0))
    counts = set()
    for seed in range(12):
        after, planted = plant_nodules(before.copy(), lung, GRID, (), np.random.default_rng(seed), settings, most=3)
        counts.add(len(planted))
        for lesion in planted:
            z, y, x = np.rint(GRID.world_to_index(lesion.centre_mm)).astype(int)
            assert after[z, y, x] > before[z, y, x] + 300
        if len(planted) > 1:
            first, second = planted[:2]
            gap = np.linalg.norm(np.subtract(first.centre_mm, second.centre_mm))
            assert gap > first.radius_mm + second.radius_mm
    assert counts == {1, 2, 3}
