import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.logistic import Logistic, cross_entropy, fit_logistic, least_cross_entropy


def test_a_feature_that_is_0_or_1_gets_the_log_odds_of_each() -> None:
    # One of four is positive without the feature, three of four with it.
    features = np.array([0, 0, 0, 0, 1, 1, 1, 1])[:, None]
    model = fit_logistic(features, [1, 0, 0, 0, 1, 1, 1, 0])
    assert model([[0.0], [1.0]]) == pytest.approx([0.25, 0.75], abs=1e-9)
    assert model.intercept == pytest.approx(np.log(1 / 3), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 1000), st.floats(-100, 100), st.integers(0, 100))
def test_units_of_features_do_not_matter(factor: float, shift: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(30, 2))
    truth = features[:, 0] + rng.normal(size=30) > 0
    truth[:2] = True, False
    plain = fit_logistic(features, truth, 0.1)(features)
    assert fit_logistic(features * factor + shift, truth, 0.1)(features * factor + shift) == pytest.approx(
        plain, abs=1e-3
    )


def test_a_larger_penalty_draws_probabilities_to_the_share_of_positives() -> None:
    features, truth = np.arange(10.0)[:, None], np.arange(10) >= 5
    loose, tight = fit_logistic(features, truth, 0.01)(features), fit_logistic(features, truth, 100.0)(features)
    assert loose[9] > 0.95
    assert tight == pytest.approx(np.full(10, 0.5), abs=0.02)


def test_a_feature_that_never_changes_gets_no_weight() -> None:
    features = np.column_stack([np.full(4, 7.0), np.arange(4)])
    assert fit_logistic(features, [0, 1, 0, 1], 0.1).coefficients[0] == 0


@given(st.integers(0, 99), st.sampled_from([1e-3, 0.1, 1.0]))
def test_no_step_away_from_the_model_makes_the_penalised_cross_entropy_less(seed: int, ridge: float) -> None:
    rng = np.random.default_rng(seed)
    inputs, targets = rng.normal(size=(30, 3)), rng.random(30)
    values = least_cross_entropy(inputs, targets, ridge)
    wrong = (1 / (1 + np.exp(-inputs @ values[:-1] - values[-1])) - targets) / 30
    slope = np.append(inputs.T @ wrong + ridge * values[:-1], wrong.sum())
    assert np.abs(slope).max() < 1e-8


def test_without_a_feature_that_tells_all_get_the_share_of_positives() -> None:
    assert fit_logistic(np.ones((4, 2)), [1, 0, 0, 0])(np.zeros((1, 2))) == pytest.approx([0.25])


def test_cross_entropy_of_a_coin_is_log_two() -> None:
    assert cross_entropy([0.5, 0.5], [1, 0]) == pytest.approx(np.log(2))
    assert np.isfinite(cross_entropy([0.0], [1]))


def test_what_cannot_be_learned_from_is_refused() -> None:
    with pytest.raises(LesionkitError, match="got 3 cases of one kind"):
        fit_logistic(np.zeros((3, 1)), [1, 1, 1])
    with pytest.raises(LesionkitError, match=r"features of shape \(3, 1\) and 2 targets"):
        fit_logistic(np.zeros((3, 1)), [1, 0])
    with pytest.raises(LesionkitError, match=r"needs an array \(cases, 2\), got shape \(1, 3\)"):
        Logistic((1.0, 2.0), 0.0)([[1.0, 2.0, 3.0]])
