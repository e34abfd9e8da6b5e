import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage, read_beyond, read_padded, upright

grids = st.from_type(Grid)


def numbered(grid: Grid) -> ArrayImage:
    return ArrayImage(grid, np.arange(np.prod(grid.shape)).reshape(grid.shape))


def test_reading_a_box_gives_its_samples():
    image = numbered(Grid.upright((2, 3, 4), (1, 1, 1)))
    assert image.read((slice(1, 2), slice(0, 1), slice(2, 4))).tolist() == [[[14, 15]]]


def test_channels_come_last_and_do_not_count_as_an_axis():
    image = ArrayImage(Grid.upright((4, 5), (1, 1)), np.zeros((4, 5, 3)))
    assert image.read((slice(0, 2), slice(0, 2))).shape == (2, 2, 3)


def test_an_array_must_fit_its_grid():
    with pytest.raises(LesionkitError, match=r"array of shape \(2, 3, 5\) does not fit a grid of shape \(2, 3, 4\)"):
        ArrayImage(Grid.upright((2, 3, 4), (1, 1, 1)), np.zeros((2, 3, 5)))


@given(grids)
def test_turning_upright_keeps_each_sample_at_its_place(grid):
    image = numbered(grid)
    turned = upright(image)
    corner = tuple(n - 1 for n in turned.grid.shape)
    for index in [(0, 0, 0), corner]:
        old = np.round(grid.world_to_index(turned.grid.index_to_world(index))).astype(int)
        assert turned.array[index] == image.array[tuple(old)]


def test_reading_beyond_the_image_fills():
    image = numbered(Grid.upright((2, 2), (1, 1)))
    assert read_padded(image, (-1, 1), (3, 2), fill=-9).tolist() == [[-9, -9], [1, -9], [3, -9]]


def test_reading_far_away_is_all_fill():
    image = numbered(Grid.upright((2, 2), (1, 1)))
    assert (read_padded(image, (50, -50), (2, 2), fill=7) == 7).all()


@given(st.tuples(*[st.integers(-4, 6)] * 2), st.tuples(*[st.integers(1, 6)] * 2))
def test_padded_reading_is_slicing_a_padded_array(start, shape):
    image = numbered(Grid.upright((3, 4), (1, 1)))
    padded = np.pad(image.array, 20, constant_values=-1)
    box = tuple(slice(20 + s, 20 + s + n) for s, n in zip(start, shape, strict=True))
    np.testing.assert_array_equal(read_padded(image, start, shape, fill=-1), padded[box])


def test_beyond_its_ends_an_image_is_mirrored_or_goes_on():
    image = ArrayImage(Grid.upright((1, 1, 4), (1, 1, 1)), np.arange(4).reshape(1, 1, 4))
    assert read_beyond(image, (0, 0, -2), (1, 1, 8), "mirrored").ravel().tolist() == [1, 0, 0, 1, 2, 3, 3, 2]
    assert read_beyond(image, (0, 0, -2), (1, 1, 8), "continued").ravel().tolist() == [0, 0, 0, 1, 2, 3, 3, 3]
    assert read_beyond(image, (0, 0, 1), (1, 1, 2), "mirrored").ravel().tolist() == [1, 2]
