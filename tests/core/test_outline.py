import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline, SlideMask, fill_ring

BOX = np.array([[0, 0], [400, 0], [400, 200], [0, 200]])


def whole(mask, shape):
    full = np.zeros(shape, dtype=bool)
    row, column = mask.corner
    full[row : row + mask.mask.shape[0], column : column + mask.mask.shape[1]] = mask.mask
    return full


def test_a_rectangle_fills_the_samples_whose_centres_it_holds():
    mask = Outline((BOX + 100,)).sampled(100)
    expected = np.zeros((4, 6), dtype=bool)
    expected[1:3, 1:5] = True
    np.testing.assert_array_equal(whole(mask, (4, 6)), expected)


def test_holes_are_cut_out_of_rings():
    mask = Outline((BOX,), (BOX / 2 + [100, 0],)).sampled(100)
    assert whole(mask, (3, 5)).astype(int).tolist() == [[1, 0, 0, 1, 0], [1, 1, 1, 1, 0], [0, 0, 0, 0, 0]]


def test_a_ring_that_holds_no_centre_gets_the_sample_it_lies_in():
    mask = Outline((BOX / 100 + [310, 220],)).sampled(100)
    assert np.argwhere(whole(mask, (9, 9))).tolist() == [[2, 3]]


def test_the_cost_is_that_of_the_box():
    mask = Outline((BOX + 10_000_000,)).sampled(100)
    assert mask.mask.size < 20
    assert mask.corner == (100_000, 100_000)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=3, max_size=9))
def test_filling_is_the_even_odd_rule(vertices):
    # Quarter samples keep centres off the edges' ends; a centre is inside if a ray to the left crosses an odd number.
    ring = np.array(vertices) / 4 + 0.1
    expected = np.zeros((12, 12), dtype=bool)
    for row, column in np.ndindex(12, 12):
        x, y = column + 0.5, row + 0.5
        crossings = 0
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if (y0 <= y < y1) or (y1 <= y < y0):
                crossings += x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x
        expected[row, column] = crossings % 2
    np.testing.assert_array_equal(fill_ring(ring, (12, 12)), expected)


def test_a_ring_beyond_the_image_is_cut_off():
    assert fill_ring(np.array([[-5, -5], [9, -5], [9, 9], [-5, 9]]), (3, 4)).all()


@given(st.integers(0, 5), st.booleans())
def test_the_box_around_tumour_holds_the_same_tumour_within_the_slide(margin, knows_size):
    full = np.zeros((8, 9), dtype=bool)
    full[6, 1] = full[7, 3] = True
    mask = SlideMask(full, 10, size_xy=(90, 80) if knows_size else None).around_tumour(margin)
    limit = (8, 9) if knows_size else (20, 20)
    padded = np.zeros(limit, dtype=bool)
    padded[:8, :9] = full
    np.testing.assert_array_equal(whole(mask, limit), padded)
    assert mask.around_tumour(margin).corner == mask.corner


@pytest.mark.parametrize(
    ("ring", "sentence"),
    [
        ([[0, 0], [1, 1]], r"at least 3 vertices \(x, y\), got an array of shape \(2, 2\)"),
        ([[0, 0], [1, 1], [-1, 3]], r"finite and not negative, got \(-1.0, 3.0\) as vertex 3"),
        ([[0, 0], [1, np.nan], [1, 3]], r"got \(1.0, nan\) as vertex 2"),
    ],
)
def test_an_outline_that_cannot_be_is_refused(ring, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        Outline((ring,))


def test_a_mask_has_rows_columns_and_a_downsample_of_at_least_one():
    with pytest.raises(LesionkitError, match="has rows and columns"):
        SlideMask(np.zeros((2, 2, 3), dtype=bool), 32)
    with pytest.raises(LesionkitError, match=r"downsample must be at least 1, got 0\.5"):
        SlideMask(np.zeros((2, 2), dtype=bool), 0.5)
    with pytest.raises(LesionkitError, match="must lie on the slide of 100 x 100 pixels; check the downsample"):
        SlideMask(np.zeros((20, 20), dtype=bool), 32, size_xy=(100, 100))
