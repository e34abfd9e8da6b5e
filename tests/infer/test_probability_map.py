import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.infer.probability_map import ProbabilityMap

GRID = Grid.upright((2, 3), spacing_mm=(0.5, 0.5))


def test_only_computed_cells_count() -> None:
    array = np.array([[0.1, 0.9, 0.2], [0.3, np.nan, 0.4]], dtype=np.float16)
    computed = np.array([[True, False, True], [True, False, False]])
    found = ProbabilityMap(GRID, array, computed)
    assert found.values.dtype == np.float32
    assert found.values == pytest.approx([0.1, 0.2, 0.3], abs=1e-3)
    assert found.area_mm2 == 0.75
    assert found.read((slice(0, 2), slice(1, 3))) == pytest.approx(np.array([[0, 0.2], [0, 0]]), abs=1e-3)


def test_numbers_of_another_shape_are_refused() -> None:
    with pytest.raises(LesionkitError, match=r"needs floating point numbers of that shape, got float64 of shape"):
        ProbabilityMap(GRID, np.zeros((3, 2)), np.ones((2, 3), dtype=bool))
    with pytest.raises(LesionkitError, match="got uint8"):
        ProbabilityMap(GRID, np.zeros((2, 3), dtype=np.uint8), np.ones((2, 3), dtype=bool))


def test_a_mask_that_is_not_boolean_is_refused() -> None:
    with pytest.raises(LesionkitError, match="must be a boolean array of that shape, got float64"):
        ProbabilityMap(GRID, np.zeros((2, 3)), np.ones((2, 3)))  # type: ignore[arg-type]


def test_a_map_has_two_axes() -> None:
    grid = Grid.upright((2, 2, 2), spacing_mm=(1, 1, 1))
    with pytest.raises(LesionkitError, match="rows and columns"):
        ProbabilityMap(grid, np.zeros((2, 2, 2)), np.ones((2, 2, 2), dtype=bool))
