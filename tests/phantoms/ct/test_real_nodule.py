import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.phantoms.ct.real_nodule import (
    MARGIN,
    Placed,
    RealNodule,
    cut_nodule,
    draw_placed,
    placed_outline,
    transplant,
)

LUNG_HU, NODULE_HU, WALL_HU = -850, 40, 60


def ball(shape, centre, radius):
    offsets = np.ogrid[tuple(slice(0, n) for n in shape)]
    return sum((o - c) ** 2 for o, c in zip(offsets, centre, strict=True)) <= radius**2


def nodule_of(radius=5, texture=5):
    side = 2 * (radius + MARGIN) + 3
    mask = ball((side,) * 3, ((side - 1) / 2,) * 3, radius)
    hu = np.where(mask, NODULE_HU, LUNG_HU).astype(np.int16)
    return RealNodule(hu, mask, 2.0 * radius, "n", "p", texture)


def at(grid, index, scale=1.0, axes=(0, 1, 2), flips=(False,) * 3):
    return Placed(tuple(grid.index_to_world(index).tolist()), axes, flips, scale, "isolated")


def lung(shape=(40, 40, 40), spacing=(1.0, 1.0, 1.0)):
    return np.full(shape, LUNG_HU, np.float32), Grid.upright(shape, spacing)


def test_a_mask_of_one_slice_becomes_as_thick_as_the_slice():
    mask = np.zeros((3, 20, 20), bool)
    mask[1, 8:12, 8:12] = True
    hu = np.where(mask, NODULE_HU, LUNG_HU)
    cut = cut_nodule(hu, mask, Grid.upright(mask.shape, (5.0, 1.0, 1.0)), "n", "p")
    held = np.argwhere(cut.mask)
    assert np.ptp(held, axis=0).tolist() == [4, 3, 3]
    assert (held.min(axis=0) >= MARGIN).all()
    assert (np.array(cut.mask.shape) - held.max(axis=0) > MARGIN).all()
    assert cut.hu[cut.mask].max() == NODULE_HU


def test_the_diameter_is_that_of_the_ball_of_the_masks_volume_unless_it_is_given():
    mask = ball((30, 30, 30), (15, 15, 15), 10)
    hu = np.where(mask, NODULE_HU, LUNG_HU)
    grid = Grid.upright(mask.shape, (0.5, 0.5, 0.5))
    assert cut_nodule(hu, mask, grid, "n", "p").diameter_mm == pytest.approx(10.0, rel=0.02)
    assert cut_nodule(hu, mask, grid, "n", "p", diameter_mm=8.0).diameter_mm == 8.0


@pytest.mark.parametrize(
    ("hu", "mask", "spacing", "said"),
    [
        (np.zeros((4, 4, 4)) - 800, np.ones((4, 4, 5)), 1.0, "one shape"),
        (np.zeros((4, 4, 4)) - 800, np.zeros((4, 4, 4)), 1.0, "empty"),
        (np.ones((4, 4, 4)), np.ones((4, 4, 4)), 1.0, "Hounsfield"),
        (np.full((4, 4, 4), np.nan), np.ones((4, 4, 4)), 1.0, "Hounsfield"),
        (np.zeros((4, 4, 4)) - 800, np.ones((4, 4, 4)), 30.0, "at most 80 mm long, got 120 mm"),
    ],
)
def test_what_is_no_nodule_is_refused_in_one_sentence(hu, mask, spacing, said):
    with pytest.raises(LesionkitError, match=said):
        cut_nodule(hu, mask, Grid.upright(hu.shape, (spacing,) * 3), "n", "p")


def test_inside_a_transplant_are_the_nodules_values_and_far_from_it_nothing_changed():
    hu, grid = lung()
    transplant(hu, grid, nodule_of(), at(grid, (20, 20, 20)))
    assert hu[20, 20, 20] == pytest.approx(NODULE_HU, abs=1)
    assert hu[20, 20, 22] == pytest.approx(NODULE_HU, abs=1)
    far = ~ball(hu.shape, (20, 20, 20), 9)
    assert (hu[far] == LUNG_HU).all()


@pytest.mark.parametrize("scale", [0.8, 1.25])
def test_the_size_changes_with_the_scale(scale):
    hu, grid = lung()
    nodule, placed = nodule_of(), at(grid, (20, 20, 20), scale)
    transplant(hu, grid, nodule, placed)
    volume = (hu > -400).sum()
    assert 2 * (3 * volume / (4 * np.pi)) ** (1 / 3) == pytest.approx(10 * scale, rel=0.12)
    assert placed.lesion_of(nodule).diameter_mm == pytest.approx(10 * scale)


def test_wall_is_neither_darkened_nor_cut_but_a_vessel_inside_is_replaced():
    hu, grid = lung()
    hu[:, :, :16] = WALL_HU + 60
    hu[20, 20, 21] = 200
    transplant(hu, grid, nodule_of(), at(grid, (20, 20, 20)))
    assert (hu[:, :, :14] == WALL_HU + 60).all()
    assert hu[20, 20, 21] == pytest.approx(NODULE_HU, abs=1)


def test_in_thick_slices_a_small_nodule_is_fainter():
    nodule = nodule_of(radius=2)
    peaks = {}
    for thickness in (1.0, 8.0):
        hu, grid = lung((8, 40, 40), (8.0, 1.0, 1.0))
        transplant(hu, grid, nodule, at(grid, (4, 20, 20)), slice_thickness_mm=thickness)
        peaks[thickness] = hu.max()
        assert (hu[[2, 6]] == LUNG_HU).all()
    thin, grid = lung()
    transplant(thin, grid, nodule, at(grid, (20, 20, 20)))
    assert peaks[8.0] < thin.max() - 200


@given(axes=st.permutations(range(3)), flips=st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_turning_a_nodule_turns_what_is_transplanted(axes, flips):
    nodule = nodule_of(radius=3)
    corner = tuple(int(c) for c in np.rint(nodule.centre))
    nodule.hu[corner[0] + 2, corner[1], corner[2]] = 1000
    hu, grid = lung((24, 24, 24))
    transplant(hu, grid, nodule, at(grid, (12, 12, 12), 1.0, tuple(axes), flips))
    place = [12, 12, 12]
    place[axes[0]] += -2 if flips[0] else 2
    assert np.unravel_index(hu.argmax(), hu.shape) == tuple(place)


def test_what_lies_outside_the_patch_is_left_out():
    hu, grid = lung((12, 12, 12))
    transplant(hu, grid, nodule_of(), at(grid, (0, 0, 0)))
    assert hu[0, 0, 0] == pytest.approx(NODULE_HU, abs=1)
    before = hu.copy()
    transplant(hu, grid, nodule_of(), at(grid, (100, 0, 0)))
    assert (hu == before).all()


def test_a_patch_of_other_numbers_is_refused():
    hu, grid = lung()
    with pytest.raises(LesionkitError, match="float32"):
        transplant(hu.astype(np.float64), grid, nodule_of(), at(grid, (20, 20, 20)))


def test_the_truth_tells_where_it_comes_from():
    nodule = nodule_of(texture=1)
    placed = draw_placed(np.random.default_rng(0), (1.0, 2.0, 3.0), "juxta-pleural", (0.8, 1.25))
    facts = placed.lesion_of(nodule).facts
    assert (facts["nodule"], facts["patient"], facts["texture"]) == ("n", "p", "ground-glass")
    assert sorted(facts["axes"]) == [0, 1, 2]
    assert 0.8 <= facts["scale"] <= 1.25


def test_the_outline_of_a_placed_nodule_is_its_mask_where_it_was_put():
    hu, grid = lung(spacing=(2.0, 1.0, 1.0))
    nodule = nodule_of()
    placed = at(grid, (20, 18, 22), 1.2, (2, 0, 1), (True, False, True))
    transplant(hu, grid, nodule, placed)
    outlined = placed_outline(grid, nodule, placed) >= 0.5
    assert outlined.sum() * 2 == pytest.approx(nodule.mask.sum() * 1.2**3, rel=0.1)
    np.testing.assert_allclose(np.argwhere(outlined).mean(axis=0), (20, 18, 22), atol=0.2)
    assert hu[outlined].min() > LUNG_HU + 100 > hu[placed_outline(grid, nodule, placed) == 0].mean()
    again = placed_outline(grid, nodule, Placed.of_lesion(placed.lesion_of(nodule)))
    np.testing.assert_allclose(again, placed_outline(grid, nodule, placed), atol=1e-3)


def test_the_outline_of_what_lies_elsewhere_is_empty():
    _, grid = lung()
    assert placed_outline(grid, nodule_of(), at(grid, (200, 0, 0))).sum() == 0
