import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grey import to_bytes, to_grey


@pytest.mark.parametrize(("kind", "full"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1), (np.float64, 1)])
def test_the_whole_range_of_a_type_becomes_0_to_1(kind, full):
    grey = to_grey(np.array([[0, full]], kind))
    assert grey.dtype == np.float32
    assert grey.tolist() == [[0.0, 1.0]]


def test_a_sixteen_bit_picture_and_its_eight_bit_copy_give_the_same_grey_values():
    eight = np.arange(256, dtype=np.uint8)[None]
    sixteen = eight.astype(np.uint16) * 257
    np.testing.assert_allclose(to_grey(eight), to_grey(sixteen), atol=1e-7)


def test_a_dim_picture_stays_dim():
    assert to_grey(np.array([[10, 20]], np.uint8)).max() < 0.1


@given(st.lists(st.integers(0, 255), min_size=1, max_size=8))
def test_eight_bits_survive_the_way_to_grey_values_and_back(values):
    samples = np.array([values], np.uint8)
    np.testing.assert_array_equal(to_bytes(to_grey(samples)), samples)
    np.testing.assert_array_equal(to_bytes(samples), samples)


@pytest.mark.parametrize("shape", [(0, 4), (4,), (2, 2, 3)])
def test_a_radiograph_has_two_axes(shape):
    with pytest.raises(LesionkitError, match="rows and columns of samples, got an array of shape"):
        to_grey(np.zeros(shape, np.uint8))


def test_other_whole_numbers_are_refused_because_their_white_is_unknown():
    with pytest.raises(LesionkitError, match=r"uint8, uint16 or floating 0\.\.1, got int16"):
        to_grey(np.zeros((2, 2), np.int16))


@pytest.mark.parametrize("value", [-0.1, 255.0, np.nan])
def test_floating_values_lie_between_0_and_1(value):
    with pytest.raises(LesionkitError, match=r"must lie in 0\.\.1"):
        to_grey(np.array([[0.0, value]]))
