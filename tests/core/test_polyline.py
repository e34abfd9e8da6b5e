import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import approximate_polygon

from lesionkit.core.polyline import simplified


@given(st.integers(2, 60), st.floats(0.01, 3), st.booleans(), st.integers(0, 2**32 - 1))
def test_it_keeps_the_points_that_skimage_keeps(count, tolerance, closed, seed):
    line = np.random.default_rng(seed).normal(size=(count, 2)).cumsum(axis=0)
    if closed:
        line = np.concatenate([line, line[:1]])
    np.testing.assert_array_equal(simplified(line, tolerance), approximate_polygon(line, tolerance))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_line_of_up_to_two_points_stays(count):
    assert simplified(np.ones((count, 2)), 0.1).shape == (count, 2)


def test_a_straight_line_becomes_its_ends():
    assert simplified([[n, 2 * n] for n in range(9)], 1e-9).tolist() == [[0, 0], [8, 16]]
