import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.review.matching import match_nearest


def test_each_place_is_used_once_and_as_many_pairs_as_there_can_be_are_made():
    # By turns the nearest would take (1, 0) first and leave place 0 without a partner.
    pairs = match_nearest([[0.0], [3.0]], [[2.5], [7.0]], reach_mm=4)
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 0), (1, 1)]


def test_places_out_of_reach_are_no_pair():
    assert match_nearest([[0.0, 0, 0]], [[0, 0, 10.1]], reach_mm=10) == []
    assert match_nearest([], [[0, 0, 0]], reach_mm=10) == []


def test_the_first_list_is_moved_before_it_is_matched():
    (pair,) = match_nearest([[0.0, 0, 0]], [[100, 0, 3]], reach_mm=5, shift_mm=[100, 0, 0])
    assert pair.distance_mm == pytest.approx(3)


@pytest.mark.parametrize("reach", [0, -1, float("nan")])
def test_a_reach_must_be_positive(reach):
    with pytest.raises(LesionkitError, match="how far a match may lie must be positive"):
        match_nearest([[0]], [[0]], reach)


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=1, max_size=6, unique=True))
def test_a_list_matches_itself(places):
    pairs = match_nearest(places, places, reach_mm=1)
    assert len(pairs) == len(places)
    assert np.allclose([pair.distance_mm for pair in pairs], 0)
