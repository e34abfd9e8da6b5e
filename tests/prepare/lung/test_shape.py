import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import convex_hull_image

from lesionkit.prepare.lung.shape import (
    bounds,
    close,
    dilate,
    dilate_steps,
    erode_step,
    fill_holes,
    fill_slices,
    hull_slices,
)


def disc(shape, centre, radius):
    y, x = np.ogrid[: shape[0], : shape[1]]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_steps_are_those_of_scipy(seed, steps):
    mask = np.random.default_rng(seed).random((7, 9, 8)) < 0.05
    cross = ndimage.generate_binary_structure(3, 1)
    np.testing.assert_array_equal(dilate_steps(mask, steps), ndimage.binary_dilation(mask, cross, iterations=steps))
    np.testing.assert_array_equal(erode_step(~mask), ndimage.binary_erosion(~mask, cross))


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (2.5, 0.7, 0.7), (1.25, 2.0, 1.0)])
def test_a_point_grows_to_a_ball_of_the_radius_in_millimetres(spacing_mm):
    point = np.zeros((41, 61, 61), dtype=bool)
    point[20, 30, 30] = True
    grown = dilate(point, spacing_mm, 10.0)
    places = (np.argwhere(grown) - [20, 30, 30]) * spacing_mm
    np.testing.assert_allclose(places.max(axis=0), 10.0, atol=max(spacing_mm) / 2)
    assert np.linalg.norm(places, axis=1).max() < 1.4 * 10.0


def test_a_cube_has_flat_sides():
    point = np.zeros((9, 9, 9), dtype=bool)
    point[4, 4, 4] = True
    assert dilate(point, (1.0, 1.0, 1.0), 2.0, cube=True).sum() == 125


def test_closing_fills_a_dent_that_the_ball_does_not_fit_into_and_keeps_the_rest():
    mask = np.zeros((30, 60, 60), dtype=bool)
    mask[5:25, 10:50, 10:50] = True
    mask[12:18, 27:33, 10:20] = False  # a dent 6 wide
    closed = close(mask, (1.0, 1.0, 1.0), 6.0)
    assert closed[15, 30, 12]
    assert not closed[15, 30, 9]
    assert 0.99 * 20 * 40 * 40 < closed.sum() <= 20 * 40 * 40


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 5))
def test_closing_never_removes_and_works_at_the_edge_of_the_array(seed, radius_mm):
    mask = np.random.default_rng(seed).random((6, 12, 12)) < 0.3
    closed = close(mask, (2.0, 1.0, 1.0), radius_mm)
    assert closed.shape == mask.shape
    assert (closed | ~mask).all()


def test_the_hull_of_each_slice_agrees_with_scikit_image():
    rng = np.random.default_rng(3)
    mask = np.stack([disc((80, 90), rng.uniform(20, 60, 2), 15) | disc((80, 90), rng.uniform(20, 60, 2), 9)] * 3)
    hull = hull_slices(mask)
    expected = convex_hull_image(mask[0], offset_coordinates=False)
    assert (hull | ~mask).all()
    assert np.count_nonzero(hull[0] ^ expected) < 0.02 * expected.sum()


def test_a_hull_more_than_twice_its_slice_is_not_taken():
    mask = np.zeros((1, 40, 40), dtype=bool)
    mask[0, 5:35, 5] = mask[0, 5, 5:35] = True
    np.testing.assert_array_equal(hull_slices(mask, 2.0), mask)
    assert hull_slices(mask, 100.0).sum() > 400


def test_the_hull_of_a_left_lung_fills_the_wall_but_not_the_heart():
    lung = np.zeros((1, 60, 60), dtype=bool)
    lung[0, 10:50, 20:45] = True
    lung[0, 25:35, 20:28] = False  # the heart's dent, towards the middle
    lung[0, 25:35, 40:45] = False  # a nodule at the outer wall
    hull = hull_slices(lung, 2.0, "left")
    assert hull[0, 30, 42]
    assert not hull[0, 30, 22]
    assert hull_slices(lung, 2.0)[0, 30, 22]


def test_an_empty_slice_stays_empty():
    assert not hull_slices(np.zeros((2, 5, 5), dtype=bool)).any()


def test_holes_in_three_dimensions_are_filled_but_what_reaches_a_corner_is_not():
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[1:8, 1:8, 1:8] = True
    mask[4, 4, 4] = False
    assert fill_holes(mask)[4, 4, 4]
    mask[4, 4, :5] = False  # now open to the outside
    assert not fill_holes(mask)[4, 4, 4]
    assert fill_slices(mask[:, :, ::-1])[4, 4, 4] == np.False_


def test_the_bounds_hold_the_mask_and_stay_inside():
    mask = np.zeros((5, 6, 7), dtype=bool)
    mask[1, 2:4, 6] = True
    assert bounds(mask) == (slice(1, 2), slice(2, 4), slice(6, 7))
    assert bounds(mask, 2) == (slice(0, 4), slice(0, 6), slice(4, 7))
