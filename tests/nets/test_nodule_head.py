import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.nets.nodule_head import NoduleHead

NONE = np.zeros((0, 4))
SHAPE = (48, 48, 48)


@st.composite
def separate_balls(draw):
    """Balls in cells at least four apart, anywhere within their cell."""
    cells = draw(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=4, unique=True))
    shifts = draw(st.lists(st.tuples(*[st.floats(-1.9, 1.9)] * 3), min_size=len(cells), max_size=len(cells)))
    diameters = draw(st.lists(st.floats(3, 12), min_size=len(cells), max_size=len(cells)))
    centres = [
        [16 * c + 9.5 + s for c, s in zip(cell, shift, strict=True)] for cell, shift in zip(cells, shifts, strict=True)
    ]
    return np.column_stack([centres, diameters])


@settings(max_examples=30, deadline=None)
@given(separate_balls())
def test_decoding_what_was_encoded_gives_the_balls_back(balls):
    head = NoduleHead()
    found = head.decode(head.as_output(head.encode(SHAPE, balls, NONE)), threshold=0.9)
    assert len(found) == len(balls)
    for ball in balls:
        nearest = found[np.argmin(np.abs(found[:, 1:4] - ball[:3]).sum(axis=1))]
        np.testing.assert_allclose(nearest[1:], ball, atol=2e-3)


def test_a_ball_in_the_middle_of_the_first_cell_has_no_offset():
    target = NoduleHead(stride=4, reference_samples=8).encode((16, 16, 16), np.array([[1.5, 1.5, 1.5, 8.0]]), NONE)
    assert target.heat[0, 0, 0] == 1
    np.testing.assert_allclose(target.regression[:, 0, 0, 0], [0, 0, 0, 0], atol=1e-7)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_cell_that_two_balls_reach_belongs_to_the_nearer_one_in_any_order(order):
    # Cell 1 has its centre at 5.5; the balls at 4.5 and 9.5 both reach it.
    balls = np.array([[5.5, 5.5, 4.5, 16.0], [5.5, 5.5, 9.5, 24.0]])[list(order)]
    target = NoduleHead(stride=4, reference_samples=8).encode((16, 16, 16), balls, NONE)
    np.testing.assert_allclose(target.regression[:, 1, 1, 1], [0, 0, -0.25, np.log(2)], atol=1e-6)


def test_the_offset_points_from_the_cell_to_the_centre_in_cells():
    target = NoduleHead(stride=4).encode((16, 16, 16), np.array([[1.5, 2.5, 0.5, 8.0]]), NONE)
    np.testing.assert_allclose(target.regression[:3, 0, 0, 0], [0, 0.25, -0.25], atol=1e-7)


def test_cells_in_an_ignored_ball_are_hidden_except_where_a_lesion_is():
    lesion, hidden = np.array([[7.5, 7.5, 7.5, 6.0]]), np.array([[7.5, 7.5, 7.5, 20.0]])
    target = NoduleHead().encode((32, 32, 32), lesion, hidden)
    assert target.ignored[3, 1, 1]
    assert not target.ignored[1, 1, 1]
    assert not target.ignored[7, 7, 7]


def test_no_lesion_gives_an_empty_target():
    target = NoduleHead().encode((16, 16, 16), NONE, NONE)
    assert target.heat.max() == 0
    assert not target.inside.any()


def test_peaks_come_strongest_first_and_only_above_the_threshold():
    output = torch.full((5, 8, 8, 8), -10.0)
    output[0, 1, 1, 1], output[0, 5, 5, 5], output[0, 1, 6, 1] = 0.0, 2.0, -4.0
    found = NoduleHead().decode(output, threshold=0.1)
    np.testing.assert_allclose(found[:, 0], [torch.sigmoid(torch.tensor(2.0)), 0.5], atol=1e-6)
    assert len(NoduleHead().decode(output, threshold=0.1, limit=1)) == 1
