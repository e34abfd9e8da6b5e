import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lesionkit.core.errors import LesionkitError
from lesionkit.core.runs import merged_runs, runs_of, unite

masks = arrays.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))

# Inside are the two lower samples of the first column and the upper of the last:
#   . . x
#   x . .
#   x . .
CORNERS = np.array([[0, 0, 1], [1, 0, 0], [1, 0, 0]], dtype=bool)


@given(masks)
def test_runs_hold_the_mask_they_were_made_of(mask):
    np.testing.assert_array_equal(runs_of(mask).mask(), mask)


@given(masks, st.data())
def test_union_and_overlap_of_runs_are_those_of_the_masks(first, data):
    second = data.draw(arrays.arrays(bool, first.shape))
    a, b = runs_of(first), runs_of(second)
    np.testing.assert_array_equal(unite([a, b]).mask(), first | second)
    assert a.overlap(b) == (first & second).sum()
    assert a.area == first.sum()


def test_touching_runs_are_one_run():
    runs = merged_runs(np.array([2, 0]), np.array([5, 2]), (3, 3))
    assert (runs.starts.tolist(), runs.stops.tolist()) == ([0], [5])


def test_only_an_image_of_rows_and_columns_has_runs():
    with pytest.raises(LesionkitError, match=r"needs a mask of rows and columns, got an array of shape \(2, 2, 2\)"):
        runs_of(np.zeros((2, 2, 2)))


def test_masks_of_different_shapes_are_not_mixed():
    with pytest.raises(LesionkitError, match="one shape to be compared"):
        runs_of(CORNERS).overlap(runs_of(np.ones((2, 2))))
    with pytest.raises(LesionkitError, match="one shape to be united"):
        unite([runs_of(CORNERS), runs_of(np.ones((2, 2)))])


def test_runs_go_down_the_columns():
    runs = runs_of(CORNERS)
    assert (runs.starts.tolist(), runs.stops.tolist(), runs.area) == ([1, 6], [3, 7], 3)


def test_at_least_one_mask_is_needed_to_unite():
    with pytest.raises(LesionkitError, match="at least one mask is needed to unite, got none"):
        unite([])
