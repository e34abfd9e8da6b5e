import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.sample.mine import chosen_alarms, score_at_rate, strongest_of_each

ALARMS = st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1, allow_nan=False)), max_size=60)


def chosen(rule, case, score, n_cases, per_case):
    return chosen_alarms(rule, case, score, n_cases, per_case, np.random.default_rng(0)).tolist()


def test_by_the_rate_a_bad_case_gives_more_than_its_share():
    # Two cases and one alarm per case: the two strongest, both of case 0.
    assert chosen("rate", [0, 0, 1], [0.9, 0.8, 0.7], 2, 1) == [True, True, False]


def test_the_hardest_are_chosen_case_by_case():
    assert chosen("hardest", [0, 0, 1], [0.9, 0.8, 0.7], 2, 1) == [True, False, True]


def test_spread_takes_weak_alarms_too():
    score = np.linspace(0, 1, 100)
    shown = np.array(chosen("spread", np.zeros(100), score, 1, 10))
    assert shown.sum() == 10
    # One of each tenth.
    assert sorted(np.clip(score[shown] * 10, 0, 9.99).astype(int)) == list(range(10))


def test_what_a_band_of_scores_lacks_the_others_give():
    assert sum(chosen("spread", [0] * 9, [0.0] + [1.0] * 8, 1, 5)) == 5


def test_the_control_shows_nothing_again():
    assert chosen("none", [0, 0], [0.9, 0.8], 1, 8) == [False, False]


def test_fewer_alarms_than_asked_for_are_all_shown():
    assert chosen("rate", [0], [0.1], 1, 8) == [True]
    assert score_at_rate([0.1], 1, 8) == -np.inf
    assert score_at_rate([0.1], 1, 0) == np.inf


@pytest.mark.parametrize("rule", ["rate", "hardest", "spread", "none"])
@given(alarms=ALARMS, per_case=st.integers(1, 5))
def test_every_rule_chooses_no_more_than_its_budget_but_for_equal_scores(rule, alarms, per_case):
    case, score = [c for c, _ in alarms], [s for _, s in alarms]
    shown = np.array(chosen(rule, case, score, 5, per_case), dtype=bool)
    strict = len(set(score)) == len(score)
    assert shown.shape == (len(alarms),)
    assert not strict or shown.sum() <= 5 * per_case
    if rule == "rate" and shown.any() and not shown.all():
        assert np.array(score)[shown].min() >= np.array(score)[~shown].max()


@given(alarms=ALARMS, most=st.integers(1, 5))
def test_of_each_group_no_more_than_asked_for_and_no_weaker_before_a_stronger(alarms, most):
    group, score = np.array([g for g, _ in alarms]), np.array([s for _, s in alarms])
    kept = strongest_of_each(group, score, most)
    for one in set(group.tolist()):
        own = group == one
        assert kept[own].sum() == min(most, own.sum())
        if (own & ~kept).any():
            assert score[own & kept].min() >= score[own & ~kept].max()
