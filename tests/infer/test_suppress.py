import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.infer.suppress import suppress


def one_by_one(balls, overlap):
    kept = []
    for number in np.argsort(-balls[:, 0], kind="stable"):
        if all(overlap_of(balls[number], balls[other]) < overlap for other in kept):
            kept.append(number)
    return kept


def overlap_of(a, b):
    inner = np.minimum((a[4] + b[4]) / 2 - np.abs(a[1:4] - b[1:4]), min(a[4], b[4])).clip(min=0).prod()
    return inner / (a[4] ** 3 + b[4] ** 3 - inner)


def many(count, seed, extent=300.0):
    """Half of them around few places, as proposals are, half anywhere."""
    rng = np.random.default_rng(seed)
    around = rng.uniform(0, extent, (200, 3))[rng.integers(200, size=count)] + rng.normal(0, 3, (count, 3))
    places = np.where(rng.random((count, 1)) < 0.5, around, rng.uniform(0, extent, (count, 3)))
    return np.column_stack([rng.random(count), places, np.exp(rng.uniform(np.log(3), np.log(60), count))])


@given(st.integers(0, 10**6), st.sampled_from([0.02, 0.1, 0.3, 0.7]))
@settings(max_examples=20)
def test_it_keeps_what_comparing_all_pairs_keeps(seed, overlap):
    balls = many(40, seed, extent=40.0)
    assert suppress(balls, overlap).tolist() == one_by_one(balls, overlap)


def test_a_hundred_thousand_proposals_take_no_time_to_speak_of():
    balls = many(100_000, 0)
    started = time.process_time()
    assert len(suppress(balls, 0.1, most=1000)) == 1000
    # On an idle machine less than a second.
    assert time.process_time() - started < 4


def test_it_stops_after_the_most_that_are_wanted():
    balls = many(200, 1)
    assert suppress(balls, 0.1, most=7).tolist() == suppress(balls, 0.1)[:7].tolist()


def test_of_cubes_alike_the_first_stays_and_nothing_of_nothing():
    same = np.array([[0.5, 1.0, 1.0, 1.0, 5.0]] * 3)
    assert suppress(same, 0.1).tolist() == [0]
    assert suppress(np.zeros((0, 5)), 0.1).tolist() == []


@pytest.mark.parametrize("side", [0.0, -1.0])
def test_a_side_that_is_none_is_a_point(side):
    assert suppress(np.array([[0.5, 1, 1, 1, side], [0.4, 1, 1, 1, 5.0]]), 0.1).tolist() == [0, 1]
