from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.phantoms.xray.beam import Beam
from lesionkit.phantoms.xray.collapse import Pneumothorax, lung_share, open_lung
from lesionkit.phantoms.xray.radiograph import XrayPhantomSettings, make_xray
from lesionkit.phantoms.xray.trunk import interpolation, trunk_of

SICK = XrayPhantomSettings(size=96, positive_share=1.0)
HEALTHY = XrayPhantomSettings(size=96, positive_share=0.0)


def chest():
    """An oval trunk with two oval lungs full of bright points, 3.5 mm samples."""
    grid = Grid.upright((80, 64, 100), (3.5, 3.5, 3.5), (-173, -110, -138))
    z, y, x = (grid.origin_mm[2 - axis] + 3.5 * np.indices(grid.shape, sparse=True)[axis] for axis in range(3))
    body = (x / 165) ** 2 + (y / 105) ** 2 + 0 * z < 1
    lungs = [((x - side * 70) / 52) ** 2 + (y / 75) ** 2 + (z / 115) ** 2 < 1 for side in (-1, 1)]
    hu = np.where(body, 40, -1000).astype(np.int16)
    lung = lungs[0] | lungs[1]
    hu[lung] = np.where(np.random.default_rng(0).random(lung.sum()) < 0.05, 0, -850)
    return Case("chest", "patient", ArrayImage(grid, hu), facts={"synthetic": True}), lung


@pytest.fixture(scope="module")
def trunk():
    return trunk_of(*chest(), pixel_mm=3.5)


def what(**changes):
    drawn = Pneumothorax("right", "apical", 25.0, focus=0.0, spread=0.4, wave=0.0, phase=0.0, pleura_mm=0.8)
    return replace(drawn, **changes)


# --- the trunk -----------------------------------------------------------------------------------------------------


def test_the_right_lung_lies_on_the_left_of_the_planes(trunk):
    assert [lung.side for lung in trunk.lungs] == ["right", "left"]
    assert trunk.lungs[0].box[2].stop < trunk.lungs[1].box[2].stop
    # 2 x 115 mm high and 2 x (70 + 52) mm wide, and a margin of 9 mm all round.
    assert trunk.lung_extent_mm == pytest.approx((230 + 21, 244 + 21), abs=8)


def test_a_table_below_the_body_is_no_part_of_it():
    case, lung = chest()
    hu = case.image.array.copy()
    hu[:, 62, 10:90] = 300
    with_table = trunk_of(replace(case, image=ArrayImage(case.image.grid, hu)), lung, 3.5)
    # Beyond the body on both sides; right below it there is no telling it from skin.
    assert with_table.planes[-5:, :, :22].max() == 0


def test_flipped_axes_make_no_difference(trunk):
    case, lung = chest()
    grid = case.image.grid
    flipped = Grid(grid.shape, grid.spacing_mm, (-173, -110, -138 + 79 * 3.5), ((0, 0, 1), (0, 1, 0), (-1, 0, 0)))
    turned = replace(case, image=ArrayImage(flipped, case.image.array[::-1]))
    np.testing.assert_allclose(trunk_of(turned, lung[::-1], 3.5).planes, trunk.planes, atol=1e-5)


def test_weights_of_fractional_positions_sum_to_one_inside():
    weights = interpolation(np.array([1.0, 2.25, 40.0]), 10).toarray()
    np.testing.assert_allclose(weights[1, 2:4], [0.75, 0.25])
    np.testing.assert_allclose(weights.sum(axis=1), [1, 1, 0])
    np.testing.assert_allclose(interpolation(np.array([-3.0, 12.0]), 10, goes_on=True).toarray()[:, [0, 9]], np.eye(2))
    np.testing.assert_allclose(interpolation(np.array([4.5]), 10, step=3.0).toarray().sum(), 1, rtol=1e-6)


LEFT_AND_A_TIP = (np.arange(100) > 48) | (np.arange(80) > 68)[:, None, None]


@pytest.mark.parametrize(
    ("lung", "sentence"),
    [
        (np.zeros((3, 3, 3), bool), r"lung must be a mask of the image's shape \(80, 64, 100\), got shape \(3, 3, 3\)"),
        (np.zeros((80, 64, 100), bool), "two lungs are needed for a radiograph, but the lung mask is empty"),
        (chest()[1] & LEFT_AND_A_TIP, "each lung must have at least 150 ml, but the right one of the mask has"),
    ],
)
def test_a_mask_that_is_no_two_lungs_is_refused(lung, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        trunk_of(chest()[0], lung, 3.5)


def test_a_scan_without_a_body_is_refused():
    case, lung = chest()
    empty = replace(case, image=ArrayImage(case.image.grid, np.full_like(case.image.array, -1000)))
    with pytest.raises(LesionkitError, match="a chest CT must show a body denser than -400 HU"):
        trunk_of(empty, lung, 3.5)


# --- the beam ------------------------------------------------------------------------------------------------------


def test_straight_rays_sum_what_they_pass(trunk):
    beam = Beam(40, 40 * 3.5, 1e9, True, 0.0, 0.0, 0.0, stretch=1.0, taper=0.0, shift_mm=(0.0, 0.0))
    line = beam.project(trunk.planes, trunk.spacing_mm, trunk.centre)
    y, z, x = (round(c) for c in trunk.centre)
    through = trunk.planes[:, z - 2 : z + 3, x - 2 : x + 3].sum(axis=0).mean() * trunk.spacing_mm[0]
    assert line[18:23, 18:23].mean() == pytest.approx(through, rel=0.02)
    assert y > 0


def test_above_the_planes_there_is_nothing_or_the_same_as_at_their_end():
    planes = np.ones((3, 5, 5), np.float32)
    beam = Beam(20, 20.0, 1e9, True, 0.0, 0.0, 0.0, 1.0, 0.0, (0.0, 0.0))
    ends, goes_on = (beam.project(planes, (1.0, 1.0, 1.0), (1, 2, 2), goes_on) for goes_on in (False, True))
    assert ends[2, 10] == 0
    assert goes_on[2, 10] == ends[10, 10] == pytest.approx(3, rel=1e-5)


def test_what_lies_nearer_to_the_tube_is_larger():
    planes = np.zeros((41, 41, 41), np.float32)
    planes[40, 16:25, 16:25] = 1
    behind, front = (
        (
            Beam(60, 60.0, 200.0, is_pa, 0.0, 0.0, 0.0, 1.0, 0.0, (0.0, 0.0)).project(
                planes, (3.0, 1.0, 1.0), (20, 20, 20)
            )
            > 1
        )
        for is_pa in (True, False)
    )
    assert behind.sum() > 1.5 * front.sum()


# --- the pneumothorax ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["apical", "lateral", "basal", "whole"])
def test_the_lung_becomes_smaller_and_nothing_changes_outside_it(trunk, place):
    lung = trunk.lungs[0]
    before = trunk.planes[lung.box]
    focus = {"apical": 0.0, "lateral": 0.5, "basal": 1.0, "whole": 0.2}[place]
    opened = open_lung(before, lung, trunk.spacing_mm, what(place=place, focus=focus))
    assert (opened.remnant <= opened.cavity).all()
    assert 0.3 < opened.remnant.sum() / opened.cavity.sum() < 0.99
    outside = lung.depth_mm < -3
    np.testing.assert_array_equal(opened.planes[outside], before[outside])


def test_the_gap_is_air_without_texture_and_the_remnant_is_denser(trunk):
    lung = trunk.lungs[0]
    before = trunk.planes[lung.box]
    opened = open_lung(before, lung, trunk.spacing_mm, what(gap_mm=60.0))
    gap = ndimage.binary_erosion((opened.cavity > 0.99) & (opened.remnant < 0.01))
    assert gap.sum() > 500
    assert opened.planes[gap].max() < 0.05
    inner = ndimage.binary_erosion(opened.remnant > 0.99, iterations=2)
    assert opened.planes[inner].mean() > before[inner].mean()


def test_air_gathers_where_the_pneumothorax_is(trunk):
    lung = trunk.lungs[0]
    for place, focus in (("apical", 0.0), ("basal", 1.0)):
        opened = open_lung(trunk.planes[lung.box], lung, trunk.spacing_mm, what(place=place, focus=focus, spread=0.25))
        air = (opened.cavity - opened.remnant).sum(axis=(0, 2))
        upper = air[: len(air) // 2].sum() / air.sum()
        assert upper > 0.9 if place == "apical" else upper < 0.1


def test_no_pull_leaves_the_lung_as_it_was(trunk):
    lung = trunk.lungs[1]
    opened = open_lung(trunk.planes[lung.box], lung, trunk.spacing_mm, what(side="left", gap_mm=1e-9))
    np.testing.assert_allclose(opened.planes, trunk.planes[lung.box], atol=5e-3)
    np.testing.assert_allclose(opened.remnant, lung_share(lung.depth_mm, trunk.spacing_mm), atol=5e-3)


# --- the radiograph ------------------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_pixels(trunk):
    first, again, other = (make_xray(trunk, seed, SICK) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.image.array, again.image.array)
    np.testing.assert_array_equal(first.regions["lesion"].array, again.regions["lesion"].array)
    assert first.facts == again.facts
    assert (first.image.array != other.image.array).any()


@pytest.mark.parametrize("seed", range(4))
def test_the_lesion_lies_in_the_cavity_on_one_side_and_is_large_enough(trunk, seed):
    case = make_xray(trunk, seed, SICK)
    lesion, lung = (case.regions[name].array for name in ("lesion", "lung"))
    assert (lung | ~lesion).all()
    assert lesion.sum() * case.image.grid.voxel_mm >= SICK.least_area_mm2
    (truth,) = case.truth
    assert truth.kind == "pneumothorax"
    assert truth.facts["area_mm2"] == pytest.approx(lesion.sum() * case.image.grid.voxel_mm, abs=0.1)
    assert case.image.grid.contains(truth.centre_mm)
    middle = np.flatnonzero(lung.any(axis=0)).mean()
    on_left = np.argwhere(lesion)[:, 1].mean() > middle
    assert on_left == (case.facts["side"] == "left")


def test_a_healthy_chest_has_distractors_and_no_lesion(trunk):
    case = make_xray(trunk, 5, HEALTHY)
    assert case.truth == ()
    assert not case.regions["lesion"].array.any()
    assert "place" not in case.facts
    plain = make_xray(trunk, 5, HEALTHY.model_copy(update={"distractors": 0.0}))
    assert (plain.image.array != case.image.array).mean() > 0.05


def test_the_picture_shows_lungs_darker_than_what_lies_between(trunk):
    case = make_xray(trunk, 6, HEALTHY.model_copy(update={"distractors": 0.0}))
    lung = case.regions["lung"].array
    image = case.image.array.astype(int)
    columns = np.flatnonzero(lung.any(axis=0))
    middle = int(columns.mean())
    assert image[lung].mean() + 40 < image[30:60, middle - 2 : middle + 2].mean()
    assert case.image.array.dtype == np.uint8


def test_the_share_of_sick_chests_is_kept(trunk):
    settings = SICK.model_copy(update={"positive_share": 0.3, "size": 64, "distractors": 0.0, "bones": 0.0})
    sick = [bool(make_xray(trunk, seed, settings).truth) for seed in range(16)]
    assert 2 <= sum(sick) <= 9


def test_a_pneumothorax_that_cannot_be_seen_is_told(trunk):
    with pytest.raises(LesionkitError, match=r"no pneumothorax of .* is visible on chest; make gap_mm larger or"):
        make_xray(trunk, 0, SICK.model_copy(update={"least_area_mm2": 1e6, "size": 64}))


def test_a_gap_has_a_smaller_and_a_larger_end():
    with pytest.raises(LesionkitError, match="gap_mm must be a smaller and a larger positive number"):
        XrayPhantomSettings(gap_mm=(10.0, 5.0))
