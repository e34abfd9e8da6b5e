import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.prepare.coarse import coarsen


def test_blocks_are_averaged_and_sit_at_their_centres():
    grid = Grid.upright((1, 2, 4), (2.0, 1.0, 1.0))
    image = ArrayImage(grid, np.array([[[0, 10, 100, 100], [20, 30, 100, 100]]], dtype=np.int16))
    coarse = coarsen(image, 2.0)
    assert coarse.array.tolist() == [[[15, 100]]]
    assert coarse.grid.spacing_mm == (2.0, 2.0, 2.0)
    assert coarse.grid.origin_mm == (0.5, 0.5, 0.0)


def test_padding_and_metal_are_clipped_before_they_are_averaged():
    grid = Grid.upright((1, 1, 2), (1.0, 1.0, 1.0))
    assert coarsen(ArrayImage(grid, np.array([[[-3024, 30000]]], dtype=np.int16)), 0).array.tolist() == [
        [[-1024, 1000]]
    ]


def test_large_blocks_do_not_overflow():
    grid = Grid.upright((8, 8, 8), (0.5, 0.5, 0.5))
    assert coarsen(ArrayImage(grid, np.full(grid.shape, 1000, dtype=np.int16)), 4.0).array.tolist() == [[[1000]]]


def test_a_turned_volume_comes_out_upright():
    grid = Grid((2, 1, 1), (1.0, 1.0, 1.0), (0, 0, 0), ((0, 0, 1), (0, 1, 0), (-1, 0, 0)))
    coarse = coarsen(ArrayImage(grid, np.array([[[5]], [[7]]], dtype=np.int16)), 0)
    assert coarse.array.ravel().tolist() == [7, 5]


def test_a_radiograph_is_refused():
    with pytest.raises(LesionkitError, match=r"a CT has three dimensions.*is it a radiograph"):
        coarsen(ArrayImage(Grid.upright((4, 4), (1, 1)), np.zeros((4, 4))), 2.0)


def test_a_colour_volume_is_refused():
    with pytest.raises(LesionkitError, match=r"one value per sample.*is it a picture"):
        coarsen(ArrayImage(Grid.upright((4, 4, 4), (1, 1, 1)), np.zeros((4, 4, 4, 3))), 2.0)


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(LesionkitError, match="HU values must be finite"):
        coarsen(ArrayImage(Grid.upright((2, 2, 2), (1, 1, 1)), np.full((2, 2, 2), np.nan)), 2.0)
