"""Trees, tubes, fields and noise that a phantom is made of."""

import numpy as np
import pytest

from lesionkit.phantoms.ct.scanner import draw_scanner, noise_slices
from lesionkit.phantoms.ct.tree import Tubes, airways_along, grow_tree
from lesionkit.phantoms.ct.tubes import draw_tubes
from lesionkit.phantoms.field import (
    Lattice,
    PlaneReader,
    ellipsoid_field,
    noise_field,
    smooth_max,
    smooth_min,
    tube_field,
    values_at,
)
from lesionkit.phantoms.paint import _Organs

LATTICE = Lattice.covering((-30, -30, -30), (30, 30, 30), 2.5)


def test_fields_are_signed_distances_positive_inside():
    ball = ellipsoid_field(LATTICE, (0, 0, 0), (20, 20, 20))
    assert values_at(LATTICE, ball, np.array([[0.0, 0, 15], [0, 25, 0]])) == pytest.approx([5, -5], abs=0.3)
    tube = tube_field(LATTICE, np.array([(-20.0, 0, 0), (20.0, 0, 0)]), [6.0, 6.0])
    assert values_at(LATTICE, tube, np.array([[10.0, 0, 4], [0, 10, 0]])) == pytest.approx([2, -4], abs=0.3)


def test_smooth_union_and_intersection_differ_from_the_hard_ones_only_at_the_crease():
    one, two = np.array([5.0, 1.0, -9.0], np.float32), np.array([-5.0, 1.0, 3.0], np.float32)
    np.testing.assert_allclose(smooth_max(one, two, 4.0), [5, 2, 3])
    np.testing.assert_allclose(smooth_min(one, two, 4.0), [-5, 0, -9])


def test_planes_are_read_exactly_on_lattice_points_and_linear_fields_between_them():
    z, y, x = LATTICE.open
    field = (z + 2 * y - x).astype(np.float32)
    at_y, at_x = np.array([-10.0, 0.0, 3.3]), np.array([-7.5, 1.1, 12.0, 20.0])
    plane = PlaneReader(LATTICE, at_y, at_x).read(field, 4.4)
    np.testing.assert_allclose(plane, 4.4 + 2 * at_y[:, None] - at_x, atol=1e-3)


def test_noise_has_mean_0_deviation_1_and_the_wavelength_asked_for():
    lattice = Lattice.covering((0, 0, 0), (150, 150, 150), 2.5)
    coarse, fine = (noise_field(np.random.default_rng(0), lattice, w) for w in (60.0, 15.0))
    for field in (coarse, fine):
        assert field.mean() == pytest.approx(0, abs=0.35)
        assert field.std() == pytest.approx(1, abs=0.3)
    assert np.abs(np.diff(fine, axis=2)).mean() > 3 * np.abs(np.diff(coarse, axis=2)).mean()


def test_a_tree_reaches_every_leaf_and_is_widest_at_the_root():
    rng = np.random.default_rng(0)
    leaves = rng.uniform(-80, 80, (300, 3))
    tree = grow_tree(rng, np.zeros(3), leaves, leaf_radius_mm=0.4)
    gaps = np.linalg.norm(tree.nodes[None] - leaves[:, None], axis=2).min(axis=1)
    assert gaps.max() < 1e-9
    assert (tree.parents[1:] < np.arange(1, len(tree.parents))).all()
    assert (tree.radii_mm[tree.parents[1:]] >= tree.radii_mm[1:]).all()
    assert tree.radii_mm.min() == pytest.approx(0.4)
    ends = len(set(range(len(tree.parents))) - set(tree.parents.tolist()))
    assert tree.radii_mm[0] == pytest.approx(0.4 * ends ** (1 / 2.95))


def test_airways_run_beside_wide_vessels_only():
    rng = np.random.default_rng(0)
    tree = grow_tree(rng, np.zeros(3), rng.uniform(-80, 80, (400, 3)), leaf_radius_mm=0.4)
    airways = airways_along(tree, np.array([0.0, 0.0, 1.0]), least_radius_mm=1.0)
    assert 0 < len(airways) < len(tree.tubes)
    gaps = np.linalg.norm(airways.ends[:, None] - tree.nodes[None], axis=2).min(axis=1)
    assert gaps.min() > 1.0


def one_tube(radius, blur=0.6, spacing=0.5):
    cover = np.zeros((60, 60, 60), np.uint8)
    middle = 29.5 * spacing
    tube = Tubes(
        np.array([[2.0, middle, middle]]), np.array([[27.0, middle, middle]]), np.array([radius]), np.array([radius])
    )
    draw_tubes(cover, (0, 0, 0), (spacing,) * 3, tube, blur)
    return cover


@pytest.mark.parametrize("radius", [0.3, 0.5, 1.0, 3.0])
def test_a_tube_keeps_its_cross_section_however_thin_it_is(radius):
    plane = one_tube(radius)[:, :, 30]
    assert plane.sum() / 255 * 0.25 == pytest.approx(np.pi * radius**2, rel=0.12)


def test_thin_tubes_are_faint_and_wide_ones_full():
    assert one_tube(3.0).max() >= 254
    assert 0.15 < one_tube(0.4).max() / 255 < 0.25


def test_tubes_outside_the_array_are_left_out():
    cover = np.zeros((10, 10, 10), np.uint8)
    far = Tubes(np.full((1, 3), 90.0), np.full((1, 3), 95.0), np.ones(1), np.ones(1))
    draw_tubes(cover, (0, 0, 0), (1, 1, 1), far, 0.6)
    assert cover.max() == 0


def test_between_dense_planes_the_organs_are_interpolated():
    class Heights:
        def plane(self, z_mm):
            return np.full((2, 2), z_mm), np.full((2, 2), z_mm / 10)

    for step, count in ((0.5, 6), (0.5, 7), (2.0, 6)):
        heights = np.arange(count) * step
        organs = _Organs(Heights(), heights)
        for number, height in enumerate(heights):
            plane, cover = organs.plane(number)
            np.testing.assert_allclose(plane, height)
            np.testing.assert_allclose(cover, height / 10)


def test_sharp_kernels_have_finer_noise_of_the_strength_asked_for():
    def grain(kernel):
        rng = np.random.default_rng(3)
        scanner = next(
            s for s in (draw_scanner(rng, (1.0,), (0.7, 0.7), (20.0, 20.0)) for _ in range(50)) if s.kernel == kernel
        )
        noise = np.stack(list(noise_slices(rng, scanner, (128, 128), 6)))
        middle = noise[:, 32:96, 32:96]
        return middle.std(), (middle[:, 1:] * middle[:, :-1]).mean() / middle.var()

    (sharp_std, sharp_grain), (soft_std, soft_grain) = grain("sharp"), grain("soft")
    assert sharp_std == pytest.approx(20, rel=0.1)
    assert soft_std == pytest.approx(20, rel=0.1)
    assert sharp_grain < soft_grain - 0.1


def test_slices_are_averages_of_thin_planes():
    scanners = [draw_scanner(np.random.default_rng(n), (0.6, 1.25, 5.0), (0.6, 0.9), (10.0, 60.0)) for n in range(60)]
    for scanner in scanners:
        assert scanner.plane_mm <= 1.5
        assert scanner.spacing_mm <= scanner.thickness_mm + 1e-9
        assert 10 <= scanner.noise_hu <= 60
    assert {s.thickness_mm for s in scanners} == {0.6, 1.25, 5.0}
