import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Candidate
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.infer.join import join_candidates

HOW = InferSettings(threshold=0.1)


def at(x, score, diameter=6.0):
    return Candidate((float(x), 0.0, 0.0), score, diameter)


candidates = st.lists(st.builds(at, st.integers(0, 200), st.floats(0.1, 1), st.floats(3, 30)), max_size=8)


def test_a_place_that_all_find_has_the_weighted_mean_of_their_scores():
    (found,) = join_candidates([[at(0, 0.8)], [at(2, 0.4)]], [3, 1], HOW)
    assert found.score == pytest.approx((3 * 0.8 + 0.4) / 4)
    # Weight times score: 2.4 and 0.4.
    assert found.centre_mm[0] == pytest.approx(2 * 0.4 / 2.8)


def test_who_does_not_find_a_place_says_0_of_it():
    found = join_candidates([[at(0, 0.8)], [at(50, 0.6)], []], [1, 1, 1], HOW)
    assert [round(one.score, 6) for one in found] == [round(0.8 / 3, 6), 0.2]
    assert join_candidates([[at(0, 0.2)], [], []], [1, 1, 1], HOW) == []


def test_two_places_of_one_network_stay_two():
    found = join_candidates([[at(0, 0.8), at(3, 0.5)], [at(1, 0.6)]], [1, 1], HOW)
    assert [round(one.score, 6) for one in found] == [0.7, 0.25]


def test_a_place_reaches_half_its_diameter_but_at_least_4_mm():
    for diameter, distance, count in ((6, 3.9, 1), (6, 4.1, 2), (20, 9.9, 1), (20, 10.1, 2)):
        assert len(join_candidates([[at(0, 0.9, diameter)], [at(distance, 0.8)]], [1, 1], HOW)) == count


@given(candidates)
def test_one_network_alone_says_what_it_says(found):
    assert join_candidates([found], [0.3], HOW) == found


@given(candidates, candidates)
def test_scores_fall_and_lie_between_those_of_the_networks(first, second):
    found = join_candidates([first, second], [1, 2], HOW)
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0.1 <= score <= 1 for score in scores)
    assert len(found) <= len(first) + len(second)


@given(candidates)
def test_networks_that_agree_are_as_one_where_their_places_lie_apart(found):
    apart = [at(40 * number, one.score, one.diameter_mm) for number, one in enumerate(found)]
    joined = join_candidates([apart, apart], [1, 1], HOW)
    assert [one.score for one in joined] == pytest.approx(sorted((one.score for one in apart), reverse=True))


def test_every_network_needs_a_weight():
    with pytest.raises(LesionkitError, match="each of the networks needs a weight, got 1 for 2"):
        join_candidates([[], []], [1], HOW)
