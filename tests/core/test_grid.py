import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid

EYE = np.eye(3)
SIGNED_PERMUTATIONS = [
    EYE[:, order] * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product([1, -1], repeat=3)
]
grids = st.from_type(Grid)
indices = st.tuples(*[st.floats(-50, 600)] * 3)


def as_sitk(grid: Grid) -> sitk.Image:
    image = sitk.Image(grid.shape[::-1], sitk.sitkUInt8)
    image.SetSpacing(grid.spacing_mm[::-1])
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(np.array(grid.direction)[:, ::-1].ravel().tolist())
    return image


def turned(matrix: np.ndarray, shape=(5, 6, 7), spacing_mm=(2.5, 0.7, 0.8)) -> Grid:
    return Grid(shape, spacing_mm, (10.0, -20.0, 30.0), tuple(map(tuple, matrix.tolist())))


def test_first_array_axis_is_z_and_first_world_axis_is_x():
    grid = Grid.upright((40, 512, 512), spacing_mm=(2.5, 0.7, 0.7))
    np.testing.assert_allclose(grid.index_to_world([10, 0, 0]), [0, 0, 25])
    np.testing.assert_allclose(grid.index_to_world([0, 0, 10]), [7, 0, 0])


def test_a_picture_has_rows_along_y_and_columns_along_x():
    grid = Grid.upright((100, 200), spacing_mm=(0.5, 0.25), origin_mm=(10, 20))
    np.testing.assert_allclose(grid.index_to_world([2, 4]), [11, 21])
    np.testing.assert_allclose(grid.world_to_index([11, 21]), [2, 4])


def test_a_negative_world_axis_stays_negative():
    grid = Grid((4, 4, 4), (2, 1, 1), (0, 0, 0), ((0, 0, -1), (0, -1, 0), (1, 0, 0)))
    np.testing.assert_allclose(grid.index_to_world([3, 2, 1]), [-1, -2, 6])
    np.testing.assert_allclose(grid.world_to_index([-1, -2, 6]), [3, 2, 1])


@pytest.mark.parametrize("matrix", SIGNED_PERMUTATIONS, ids=lambda m: "".join(map(str, m.astype(int).ravel())))
def test_all_48_orientations_agree_with_simpleitk(matrix):
    grid = turned(matrix)
    image = as_sitk(grid)
    for index in itertools.product([0, 4], [0, 5], [0, 6]):
        there = image.TransformIndexToPhysicalPoint(index[::-1])
        np.testing.assert_allclose(grid.index_to_world(index), there, atol=1e-9)
        np.testing.assert_allclose(grid.world_to_index(there), index, atol=1e-9)


@given(grids, indices)
def test_oblique_and_anisotropic_grids_agree_with_simpleitk(grid, index):
    image = as_sitk(grid)
    there = image.TransformContinuousIndexToPhysicalPoint(index[::-1])
    np.testing.assert_allclose(grid.index_to_world(index), there, atol=1e-6)
    back = image.TransformPhysicalPointToContinuousIndex(there)[::-1]
    np.testing.assert_allclose(grid.world_to_index(there), back, atol=1e-6)


@given(st.floats(-180, 180), st.tuples(st.floats(0.1, 5), st.floats(0.1, 5)), st.tuples(*[st.floats(-99, 99)] * 2))
def test_oblique_pictures_agree_with_simpleitk(angle, spacing_mm, index):
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    grid = Grid((8, 9), spacing_mm, (3.0, -4.0), ((-s, c), (c, s)))
    image = sitk.Image((9, 8), sitk.sitkUInt8)
    image.SetSpacing(spacing_mm[::-1])
    image.SetOrigin((3.0, -4.0))
    image.SetDirection((c, -s, s, c))
    there = image.TransformContinuousIndexToPhysicalPoint(index[::-1])
    np.testing.assert_allclose(grid.index_to_world(index), there, atol=1e-6)
    np.testing.assert_allclose(grid.world_to_index(there), index, atol=1e-6)


@given(grids, st.lists(indices, min_size=1, max_size=5))
def test_world_to_index_is_the_inverse_of_index_to_world(grid, index):
    np.testing.assert_allclose(grid.world_to_index(grid.index_to_world(index)), index, atol=1e-6)


@given(grids)
def test_from_affine_is_the_inverse_of_affine(grid):
    again = Grid.from_affine(grid.shape, grid.affine)
    np.testing.assert_allclose(again.affine, grid.affine, atol=1e-9)


@given(grids, st.data())
def test_a_crop_keeps_its_samples_in_place(grid, data):
    start = [data.draw(st.integers(-3, n - 1)) for n in grid.shape]
    stop = [data.draw(st.integers(s + 1, s + 9)) for s in start]
    cropped = grid.crop(tuple(slice(a, b) for a, b in zip(start, stop, strict=True)))
    np.testing.assert_allclose(cropped.index_to_world([0, 0, 0]), grid.index_to_world(start), atol=1e-9)
    np.testing.assert_allclose(
        cropped.index_to_world([1, 2, 3]), grid.index_to_world(np.add(start, [1, 2, 3])), atol=1e-6
    )


@given(grids)
def test_turning_upright_moves_no_sample(grid):
    axes, flips = grid.upright_axes
    upright = grid.turned_upright()
    numbers = np.arange(np.prod(grid.shape)).reshape(grid.shape)
    turned_numbers = np.flip(numbers.transpose(axes), [a for a, f in enumerate(flips) if f])
    for index in itertools.product(*[(0, n - 1) for n in upright.shape]):
        old = np.round(grid.world_to_index(upright.index_to_world(index))).astype(int)
        assert turned_numbers[index] == numbers[tuple(old)]


@given(grids)
def test_an_upright_grid_points_to_the_head_the_back_and_the_left(grid):
    direction = np.array(grid.turned_upright().direction)
    assert np.trace(direction[::-1]) >= 1 - 1e-6


@pytest.mark.parametrize("matrix", SIGNED_PERMUTATIONS[::5], ids=str)
def test_the_48_orientations_turn_fully_upright(matrix):
    assert not turned(matrix).is_oblique
    np.testing.assert_array_equal(turned(matrix).turned_upright().direction, EYE[::-1])


@given(grids, st.tuples(*[st.floats(0.2, 3)] * 3))
def test_resampling_keeps_the_corner_of_the_first_cell(grid, spacing_mm):
    other = grid.resampled(spacing_mm)
    np.testing.assert_allclose(other.index_to_world([-0.5] * 3), grid.index_to_world([-0.5] * 3), atol=1e-6)
    np.testing.assert_allclose(other.spacing_mm, spacing_mm)


def test_half_a_sample_beyond_the_last_is_still_inside():
    grid = Grid.upright((10, 10, 10), (2, 1, 1))
    assert grid.contains([9.4, 9.4, 18.9])
    assert not grid.contains([9.6, 5, 5])
    assert grid.contains([9.6, 5, 5], margin_mm=0.2)


def test_size_and_voxel_volume_count_whole_cells():
    grid = Grid.upright((10, 20, 30), (2.5, 0.5, 1.0))
    assert grid.size_mm == (25, 10, 30)
    assert grid.voxel_mm == 1.25
    assert grid.whole == (slice(0, 10), slice(0, 20), slice(0, 30))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spacing_mm": (-2.5, 0.7, 0.7)}, r"spacing_mm must be positive, got \(-2.5, 0.7, 0.7\); was the slice order"),
        ({"spacing_mm": (2.5, 0.7)}, "spacing_mm and origin_mm need 3 values"),
        ({"origin_mm": (0, 0, float("nan"))}, "origin_mm must be finite"),
        ({"shape": (1, 2, 3, 4)}, "a grid has 2 or 3 axes"),
        ({"shape": (0, 2, 3)}, "at least one sample per axis"),
        ({"direction": ((0, 0, 1), (0.3, 1, 0), (1, 0, 0))}, "orthonormal 3x3 matrix.*gantry tilt"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(changes, message):
    values = {
        "shape": (4, 5, 6),
        "spacing_mm": (1, 1, 1),
        "origin_mm": (0, 0, 0),
        "direction": ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
    }
    with pytest.raises(LesionkitError, match=message):
        Grid(**(values | changes))


def test_a_sheared_or_singular_affine_is_refused():
    sheared = np.eye(4)
    sheared[0, 1] = 0.5
    with pytest.raises(LesionkitError, match="orthonormal"):
        Grid.from_affine((2, 2, 2), sheared)
    with pytest.raises(LesionkitError, match="the affine is singular"):
        Grid.from_affine((2, 2, 2), np.diag([0.0, 1, 1, 1]))
    with pytest.raises(LesionkitError, match="finite 4x4 matrix"):
        Grid.from_affine((2, 2, 2), np.eye(3))


@pytest.mark.parametrize("axis", range(3))
def test_a_margin_around_the_lattice_is_in_millimetres_along_each_axis(axis):
    grid = Grid.upright((10, 10, 10), (2.5, 0.8, 0.5))
    place = grid.index_to_world([4, 4, 4])
    edge = grid.index_to_world([9.5] * 3)[2 - axis]
    for beyond, inside in ((4.9, True), (5.1, False)):
        place[2 - axis] = edge + beyond
        assert bool(grid.contains(place, margin_mm=5.0)) == inside
