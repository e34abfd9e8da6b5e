import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.prepare.spacing import resample_onto, upright_grid

ORIENTATIONS = [
    (axes, signs) for axes in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)
]


def resample(image, spacing_mm, order=1, antialias=False, fill=-1024):
    """The image on an upright isotropic grid that covers the same extent."""
    return resample_onto(image, upright_grid(image.grid, spacing_mm), order, antialias, fill)


def ramp(grid, slope=(3.0, -2.0, 5.0), offset=100.0):
    """HU that grow linearly in the world: what linear interpolation must reproduce."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    return grid.index_to_world(index) @ np.array(slope) + offset


def turned(axes, signs, shape=(9, 11, 13), spacing_mm=(2.5, 0.7, 0.9)):
    direction = np.zeros((3, 3))
    for axis, (world, sign) in enumerate(zip(axes, signs, strict=True)):
        direction[world, axis] = sign
    return Grid(shape, spacing_mm, (-10.0, 20.0, 5.0), direction.tolist())


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
def test_a_linear_ramp_is_reproduced_in_all_48_orientations(axes, signs):
    grid = turned(axes, signs)
    result = resample(ArrayImage(grid, ramp(grid).astype(np.float32)), spacing_mm=1.0)
    assert result.grid.spacing_mm == (1.0, 1.0, 1.0)
    assert result.grid.upright_axes == ((0, 1, 2), (False, False, False))
    # Beyond the outermost samples' centres there is nothing to interpolate with: the border's value is repeated.
    index = grid.world_to_index(result.grid.index_to_world(np.argwhere(np.ones(result.grid.shape, dtype=bool))))
    inner = ((index >= 0) & (index <= np.array(grid.shape) - 1)).all(axis=1)
    assert inner.sum() > 500
    np.testing.assert_allclose(result.array.ravel()[inner], ramp(result.grid).ravel()[inner], atol=1e-3)


def test_integers_are_rounded_not_cut():
    grid = Grid.upright((3, 3, 4), (1.0, 1.0, 1.0))
    line = np.broadcast_to(np.array([-7, -6, -4, 5], dtype=np.int16), grid.shape)
    shifted = Grid.upright((3, 3, 3), (1.0, 1.0, 1.0), (0.75, 0.0, 0.0))
    assert resample_onto(ArrayImage(grid, line), shifted).array[1, 1].tolist() == [-6, -4, 3]


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 0.6), st.integers(0, 2))
def test_an_oblique_ramp_is_reproduced_in_its_bounding_box(angle, about):
    turn = np.eye(3)
    a, b = [i for i in range(3) if i != about]
    turn[[a, a, b, b], [a, b, a, b]] = [np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)]
    grid = Grid((12, 14, 16), (2.0, 1.5, 1.5), (3.0, -4.0, 7.0), (turn @ np.eye(3)[::-1]).tolist())
    result = resample(ArrayImage(grid, ramp(grid).astype(np.float32)), 1.0, fill=-9999)
    assert not result.grid.is_oblique
    inside = grid.contains(result.grid.index_to_world(np.argwhere(np.ones(result.grid.shape, dtype=bool))), -1.5)
    assert inside.sum() > 100
    np.testing.assert_allclose(result.array.ravel()[inside], ramp(result.grid).ravel()[inside], atol=0.05)
    assert (result.array == -9999).any()


@pytest.mark.parametrize("sign", [1, -1])
def test_a_nodule_stays_where_it_was_in_the_world(sign):
    grid = Grid((40, 60, 60), (2.5, 0.7, 0.7), (0.0, 0.0, 0.0), ((0, 0, sign), (0, 1, 0), (sign, 0, 0)))
    centre = grid.index_to_world([20.0, 30.0, 30.0])
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    hu = 1000 * np.exp(-((grid.index_to_world(index) - centre) ** 2).sum(-1) / 2 / 4.0**2)
    result = resample(ArrayImage(grid, hu.astype(np.float32)), 1.0)
    where = np.argwhere(result.array > 10)
    weight = result.array[tuple(where.T)]
    found = (result.grid.index_to_world(where) * weight[:, None]).sum(axis=0) / weight.sum()
    np.testing.assert_allclose(found, centre, atol=0.05)


def test_the_extent_is_kept_and_outside_is_filled():
    grid = Grid.upright((4, 10, 10), (2.0, 1.0, 1.0))
    image = ArrayImage(grid, np.full(grid.shape, 7, dtype=np.int16))
    assert (resample(image, 0.5).array == 7).all()
    beyond = resample_onto(image, grid.crop((slice(-1, 5), slice(0, 10), slice(-2, 10)))).array
    assert beyond[0].tolist() == [[-1024] * 12] * 10
    assert beyond[1, 0].tolist() == [-1024, -1024] + [7] * 10


def test_a_mask_is_resampled_by_the_nearest_sample():
    grid = Grid.upright((2, 2, 2), (2.0, 2.0, 2.0))
    mask = np.zeros(grid.shape, dtype=bool)
    mask[1, 0, 1] = True
    fine = resample(ArrayImage(grid, mask), 1.0, order=0, fill=0)
    assert fine.array.dtype == np.bool_
    assert np.argwhere(fine.array).min(axis=0).tolist() == [2, 0, 2]
    assert fine.array.sum() == 8


def test_antialiasing_averages_noise_where_samples_become_coarser():
    grid = Grid.upright((30, 90, 90), (1.0, 0.3, 0.3))
    noise = np.random.default_rng(0).normal(0, 100, grid.shape).astype(np.float32)
    plain = resample(ArrayImage(grid, noise), 1.0).array.std()
    smooth = resample(ArrayImage(grid, noise), 1.0, antialias=True).array.std()
    assert smooth < 0.5 * plain


def test_spacing_must_be_positive():
    with pytest.raises(LesionkitError, match="spacing_mm must be positive, got 0"):
        upright_grid(Grid.upright((2, 2, 2), (1, 1, 1)), 0)


def test_a_radiograph_is_not_resampled_to_a_volume():
    with pytest.raises(LesionkitError, match="only three-dimensional images"):
        upright_grid(Grid.upright((2, 2), (1, 1)), 1.0)


def test_colours_are_refused():
    grid = Grid.upright((2, 2, 2), (1, 1, 1))
    with pytest.raises(LesionkitError, match="images without channels"):
        resample(ArrayImage(grid, np.zeros((2, 2, 2, 3))), 1.0)
