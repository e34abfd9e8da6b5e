import time
from dataclasses import replace

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.phantoms.ct.nodule import (
    ATTACHMENTS,
    MARGINS,
    TEXTURES,
    Nodule,
    NoduleSettings,
    draw_nodule,
    insert_nodule,
)

LUNG_HU = -860.0


def lung_patch(spacing_mm=(1.0, 1.0, 1.0), size_mm=64.0):
    grid = Grid.upright(tuple(round(size_mm / s) for s in spacing_mm), spacing_mm, (-30.0, 10.0, -200.0))
    centre = tuple(grid.index_to_world((np.array(grid.shape) - 1) / 2 + 0.3).tolist())
    return np.full(grid.shape, LUNG_HU, np.float32), grid, centre


def filled_mm3(hu, grid, core_hu):
    return float(((hu - LUNG_HU) / (core_hu - LUNG_HU)).sum()) * grid.voxel_mm


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (2.5, 0.7, 0.7), (5.0, 0.7, 0.7)])
@pytest.mark.parametrize("diameter_mm", [4.0, 8.0, 20.0])
@pytest.mark.parametrize("margin", ["smooth", "lobulated"])
def test_a_nodule_fills_the_volume_of_its_ball_on_any_spacing(spacing_mm, diameter_mm, margin):
    hu, grid, centre = lung_patch(spacing_mm)
    insert_nodule(hu, grid, Nodule(centre, diameter_mm, margin=margin, seed=5, core_hu=40.0))
    measured = (6 * filled_mm3(hu, grid, 40.0) / np.pi) ** (1 / 3)
    assert measured == pytest.approx(diameter_mm, rel=0.04)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (5.0, 0.7, 0.7)])
@pytest.mark.parametrize("margin", MARGINS)
def test_half_height_threshold_measures_the_diameter_of_a_solid_nodule(spacing_mm, margin):
    hu, grid, centre = lung_patch(spacing_mm)
    insert_nodule(hu, grid, Nodule(centre, 16.0, margin=margin, seed=11, core_hu=40.0))
    measured = (6 * float((hu > (LUNG_HU + 40) / 2).sum()) * grid.voxel_mm / np.pi) ** (1 / 3)
    assert measured == pytest.approx(16.0, rel=0.10)


@pytest.mark.parametrize("texture", TEXTURES)
def test_a_nodule_appears_at_its_world_position_on_flipped_and_oblique_grids(texture):
    turn = np.deg2rad(20)
    oblique = np.array([[0, np.sin(turn), np.cos(turn)], [0, np.cos(turn), -np.sin(turn)], [1, 0, 0]])
    for direction in (np.eye(3)[::-1], -np.eye(3)[::-1], np.eye(3), oblique):
        affine = np.eye(4)
        affine[:3, :3] = direction * (1.5, 0.8, 0.8)
        affine[:3, 3] = (12.0, -7.0, 100.0)
        grid = Grid.from_affine((40, 70, 70), affine)
        centre = tuple(grid.index_to_world((19.2, 36.7, 33.1)).tolist())
        hu = np.full(grid.shape, LUNG_HU, np.float32)
        insert_nodule(hu, grid, Nodule(centre, 12.0, texture=texture, seed=1, core_share=0.01))
        weight = hu - hu.min()
        index = [np.average(np.indices(grid.shape)[a], weights=weight) for a in range(3)]
        np.testing.assert_allclose(grid.index_to_world(index), centre, atol=0.8)


def test_the_shape_belongs_to_the_world_not_to_the_array():
    hu, grid, centre = lung_patch()
    nodule = Nodule(centre, 12.0, margin="spiculated", seed=3)
    insert_nodule(hu, grid, nodule)
    first = grid.index_to_world([grid.shape[0] - 1, 0, 0])
    direction = tuple((-row[0], row[1], row[2]) for row in grid.direction)
    flipped = Grid(grid.shape, grid.spacing_mm, tuple(first.tolist()), direction)
    again = insert_nodule(np.full(grid.shape, LUNG_HU, np.float32), flipped, nodule)
    np.testing.assert_allclose(again[::-1], hu, atol=0.5)


def test_the_same_nodule_is_drawn_the_same_twice_and_another_seed_otherwise():
    (one, grid, centre), (two, *_), (other, *_) = lung_patch(), lung_patch(), lung_patch()
    nodule = Nodule(centre, 9.0, margin="lobulated", seed=1)
    insert_nodule(one, grid, nodule)
    insert_nodule(two, grid, nodule)
    insert_nodule(other, grid, replace(nodule, seed=2))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - other).max() > 100


def test_a_patch_sees_the_same_nodule_as_the_whole_it_was_cut_from():
    hu, grid, centre = lung_patch()
    box = (slice(10, 50), slice(30, 64), slice(5, 60))
    part = hu[box].copy()
    nodule = Nodule(centre, 14.0, margin="spiculated", texture="part-solid", seed=8)
    insert_nodule(hu, grid, nodule)
    insert_nodule(part, grid.crop(box), nodule)
    np.testing.assert_allclose(part[6:-6, 6:, 6:-6], hu[box][6:-6, 6:, 6:-6], atol=1.0)


def test_bone_and_vessels_stay_and_show_through_ground_glass():
    for texture, width in (("solid", 5), ("part-solid", 5), ("ground-glass", 1)):
        hu, grid, centre = lung_patch()
        hu[:, 32 : 32 + width, 32 : 32 + width] = 200.0
        insert_nodule(hu, grid, Nodule(centre, 15.0, texture=texture, seed=4))
        assert hu[20:44, 32 + width // 2, 32 + width // 2].min() > 150
    glass, grid, centre = lung_patch()
    insert_nodule(glass, grid, Nodule(centre, 15.0, texture="ground-glass", glass_hu=-600.0, seed=4))
    assert glass[30:34, 28:36, 28:36].mean() == pytest.approx(-600, abs=60)


def test_the_noise_of_the_background_is_kept_inside_a_solid_nodule():
    hu, grid, centre = lung_patch()
    noise = np.random.default_rng(0).normal(0, 30, hu.shape).astype(np.float32)
    hu += noise
    insert_nodule(hu, grid, Nodule(centre, 24.0, seed=1, core_hu=30.0))
    inside = hu[27:37, 27:37, 27:37]
    assert inside.mean() == pytest.approx(30, abs=15)
    assert 22 < inside.std() < 45


def test_a_nodule_is_cut_where_the_lung_ends():
    hu, grid, centre = lung_patch()
    lung = np.zeros(grid.shape, bool)
    lung[:, :, :34] = True
    hu[~lung] = 50.0
    insert_nodule(hu, grid, Nodule(centre, 16.0, seed=1, core_hu=0.0), lung)
    np.testing.assert_allclose(hu[:, :, 37:], 50.0, atol=1e-3)
    assert hu[32, 32, 28:34].min() > -100


def test_a_part_solid_nodule_has_a_dense_core_in_a_faint_halo():
    hu, grid, centre = lung_patch()
    insert_nodule(hu, grid, Nodule(centre, 20.0, texture="part-solid", seed=2, core_share=0.5, core_hu=30.0))
    core = float((hu > -300).sum()) * grid.voxel_mm
    assert (6 * core / np.pi) ** (1 / 3) == pytest.approx(10.0, rel=0.12)
    assert 0.3 < ((hu > -700).sum() - (hu > -300).sum()) * grid.voxel_mm / (np.pi / 6 * 20**3) < 1.1


def test_a_thick_slice_dilutes_a_small_nodule():
    thin, thin_grid, centre = lung_patch((1.0, 0.7, 0.7))
    insert_nodule(thin, thin_grid, Nodule(centre, 4.0, seed=1))
    thick, thick_grid, centre = lung_patch((1.0, 0.7, 0.7))
    insert_nodule(thick, thick_grid, Nodule(centre, 4.0, seed=1), slice_thickness_mm=8.0)
    assert thick.max() < thin.max() - 250
    assert thick.sum() == pytest.approx(thin.sum(), rel=1e-3)


def test_a_nodule_outside_the_patch_changes_nothing():
    hu, grid, centre = lung_patch()
    insert_nodule(hu, grid, Nodule((centre[0] + 500, centre[1], centre[2]), 10.0))
    assert (hu == LUNG_HU).all()


def test_an_8_mm_nodule_is_inserted_in_a_few_milliseconds():
    hu, grid, centre = lung_patch()
    times = []
    for seed in range(20):
        start = time.process_time()
        insert_nodule(hu, grid, Nodule(centre, 8.0, margin=MARGINS[seed % 3], seed=seed))
        times.append(time.process_time() - start)
    assert np.median(times) < 0.02


def test_diameters_follow_luna16():
    rng = np.random.default_rng(0)
    drawn = [draw_nodule(rng, NoduleSettings(texture_weights=(1, 0, 0))).diameter_mm for _ in range(3000)]
    # LUNA16: 3.25 to 32.3 mm, median 6.43, quartiles 5.11 and 9.67; cut at 30 mm.
    assert min(drawn) >= 3.25
    assert max(drawn) <= 30
    np.testing.assert_allclose(np.percentile(drawn, [25, 50, 75]), [5.11, 6.43, 9.67], rtol=0.05)


def test_large_share_draws_more_large_nodules():
    rng = np.random.default_rng(0)
    drawn = [draw_nodule(rng, NoduleSettings(large_share=1.0)).diameter_mm for _ in range(200)]
    assert min(drawn) >= 10


def test_all_kinds_are_drawn_and_faint_ones_are_not_tiny():
    rng = np.random.default_rng(1)
    drawn = [draw_nodule(rng) for _ in range(2000)]
    assert {n.texture for n in drawn} == set(TEXTURES)
    assert {n.margin for n in drawn} == set(MARGINS)
    assert {n.attachment for n in drawn} == set(ATTACHMENTS)
    assert min(n.diameter_mm for n in drawn if n.texture != "solid") >= 5
    assert np.mean([n.texture == "solid" for n in drawn]) == pytest.approx(0.70, abs=0.04)
    assert all(n.diameter_mm >= 7 for n in drawn if n.margin == "spiculated")
    assert all(n.attachment == "isolated" for n in drawn if n.texture == "ground-glass" and n.diameter_mm < 8)


def test_a_nodule_knows_the_truth_it_stands_for():
    lesion = Nodule((1.0, 2.0, 3.0), 6.0, texture="part-solid", attachment="juxta-pleural").lesion
    assert (lesion.centre_mm, lesion.diameter_mm) == ((1.0, 2.0, 3.0), 6.0)
    assert lesion.facts == {"texture": "part-solid", "margin": "smooth", "attachment": "juxta-pleural"}


def test_wrong_input_is_refused_with_its_reason():
    hu, grid, centre = lung_patch()
    with pytest.raises(LesionkitError, match="diameter_mm of a nodule must be positive, got 0"):
        Nodule(centre, 0.0)
    with pytest.raises(LesionkitError, match="margin of a nodule must be one of smooth, lobulated, spiculated"):
        Nodule(centre, 5.0, margin="round")
    with pytest.raises(LesionkitError, match="must be float32 Hounsfield values, got float64"):
        insert_nodule(hu.astype(np.float64), grid, Nodule(centre, 5.0))
    with pytest.raises(LesionkitError, match="must have the grid's shape"):
        insert_nodule(hu[1:], grid, Nodule(centre, 5.0))
    with pytest.raises(LesionkitError, match=r"must have the grid's shape .* and lung"):
        insert_nodule(hu, grid, Nodule(centre, 5.0), np.ones((2, 2, 2), bool))
    with pytest.raises(LesionkitError, match="smaller and a larger positive length"):
        draw_nodule(np.random.default_rng(0), NoduleSettings(diameter_range_mm=(9.0, 4.0)))
    with pytest.raises(LesionkitError, match="weights must be at least 0 and not all 0"):
        draw_nodule(np.random.default_rng(0), NoduleSettings(texture_weights=(0, 0, 0)))
