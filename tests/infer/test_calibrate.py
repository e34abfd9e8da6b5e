import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.calibrate import (
    ORIGINAL_WEIGHTS,
    LogitPlatt,
    Method,
    Platt,
    ZScore,
    calibrated_average,
    calibration_of_card,
    calibration_to_card,
    fit_calibration,
)

METHODS: tuple[Method, ...] = ("platt", "isotonic", "z-score")
SCORES = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
POSITIVE = np.array([False, False, True, False, True, True])


def test_isotonic_pools_neighbours_whose_order_is_wrong() -> None:
    curve = fit_calibration(SCORES, POSITIVE, "isotonic", part="validation")
    assert curve(SCORES) == pytest.approx([0, 0, 0.5, 0.5, 1, 1])
    assert curve([0.35, 0.45, 9.0]) == pytest.approx([0.5, 0.75, 1.0])


def test_isotonic_takes_equal_scores_as_one() -> None:
    curve = fit_calibration([0.2, 0.2, 0.2, 0.8], [True, False, False, True], "isotonic", part="validation")
    assert curve([0.2, 0.8]) == pytest.approx([1 / 3, 1])


def test_platt_recovers_the_curve_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=20_000)
    positive = rng.random(20_000) < 1 / (1 + np.exp(-(2 * scores - 1)))
    curve = fit_calibration(scores, positive, "platt", part="validation")
    assert isinstance(curve, Platt)
    assert curve.slope == pytest.approx(2, abs=0.1)
    assert curve.intercept == pytest.approx(-1, abs=0.1)


def test_platt_is_never_certain_of_a_few_slides_that_part_cleanly() -> None:
    curve = fit_calibration([0.1, 0.2, 0.8, 0.9], [False, False, True, True], "platt", part="validation")
    assert curve([0.9])[0] == pytest.approx(0.75, abs=0.06)


def test_a_z_score_counts_deviations_from_the_mean_of_the_validation_slides() -> None:
    curve = fit_calibration([1.0, 3.0], [False, True], "z-score", part="validation")
    assert curve == ZScore(mean=2.0, deviation=1.0)
    assert curve([4.0]) == pytest.approx([2.0])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(METHODS))
def test_no_calibration_turns_the_order_of_scores_around(seed: int, method: Method) -> None:
    rng = np.random.default_rng(seed)
    positive = rng.random(30) < 0.5
    positive[:2] = True, False
    scores = rng.normal(size=30) + 2.0 * positive
    curve = fit_calibration(scores, positive, method, part="validation")
    asked = np.sort(rng.normal(size=50) * 3)
    assert (np.diff(curve(asked)) >= -1e-12).all()
    if method != "z-score":
        assert ((curve(asked) >= 0) & (curve(asked) <= 1)).all()


def test_a_saturated_model_does_not_drown_the_other_once_both_are_calibrated() -> None:
    """Section 5.3: maxima near 1 on every slide. In the plain mean, what tells slides apart there is nothing."""
    rng = np.random.default_rng(1)
    positive = np.arange(200) % 2 == 0
    saturated = 1 - 1e-4 * np.exp(rng.normal(size=200) - 2.0 * positive)
    wide = np.clip(0.5 + 0.3 * rng.normal(size=200) + 0.15 * positive, 0, 1)
    table = np.column_stack([saturated, wide])

    def auc(score: np.ndarray) -> float:
        return float((score[positive][:, None] > score[~positive]).mean())

    plain = auc(table.mean(axis=1))
    for method in METHODS:
        curves = [fit_calibration(scores, positive, method, part="validation") for scores in table.T]
        assert auc(calibrated_average(table, curves)) > plain + 0.1


def test_the_weights_of_the_original_are_of_z_scores_and_90_more_changes_no_rank() -> None:
    rng = np.random.default_rng(0)
    table = rng.random((10, 2))
    curves = [ZScore(float(c.mean()), float(c.std())) for c in table.T]
    ours = calibrated_average(table, curves, ORIGINAL_WEIGHTS["phase 2"])
    theirs = 0.66 * curves[0](table[:, 0]) + 0.02 * curves[1](table[:, 1]) + 90
    np.testing.assert_array_equal(np.argsort(ours), np.argsort(theirs))


def test_test_slides_are_refused() -> None:
    with pytest.raises(LesionkitError, match="fitted on validation slides only, got slides of part 'test'"):
        fit_calibration(SCORES, POSITIVE, "platt", part="test")


def test_what_cannot_be_calibrated_is_refused() -> None:
    with pytest.raises(LesionkitError, match="got 6 scores and 6 labels, 0 of them positive"):
        fit_calibration(SCORES, np.zeros(6), "platt", part="validation")
    with pytest.raises(LesionkitError, match=r"all 2 scores are 0\.5; a model that says the same of all is no use"):
        fit_calibration([0.5, 0.5], [0, 1], "z-score", part="validation")
    with pytest.raises(LesionkitError, match="one finite number per slide"):
        fit_calibration([0.5, np.nan], [0, 1], "platt", part="validation")
    with pytest.raises(LesionkitError, match=r"ensemble of 1 models and 1 weights needs scores .* got shape \(1, 2\)"):
        calibrated_average([[0.1, 0.2]], [ZScore(0, 1)])
    with pytest.raises(LesionkitError, match=r"not negative and not all 0, got \[0.0\]|not be negative"):
        calibrated_average([[0.1]], [ZScore(0, 1)], weights=[0.0])


@given(st.integers(0, 99))
def test_isotonic_is_that_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=40).round(1)
    truth = rng.random(40) < 1 / (1 + np.exp(-2 * scores))
    truth[:2] = True, False
    ours = fit_calibration(scores, truth, "isotonic", part="validation")
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, truth)
    places = np.linspace(-4, 4, 81)
    np.testing.assert_allclose(ours(places), theirs.predict(places), rtol=0, atol=1e-12)


def test_the_logit_curve_keeps_probabilities_that_hold() -> None:
    rng = np.random.default_rng(2)
    scores = rng.random(20_000)
    curve = fit_calibration(scores, rng.random(20_000) < scores, "logit", part="validation")
    assert isinstance(curve, LogitPlatt)
    assert (curve.slope, curve.intercept) == (pytest.approx(1, abs=0.05), pytest.approx(0, abs=0.05))
    assert curve([0.0, 0.5, 1.0]) == pytest.approx([0, 0.5, 1], abs=0.02)


@pytest.mark.parametrize("method", ["platt", "logit", "isotonic", "z-score"])
def test_a_curve_survives_a_card(method: Method) -> None:
    curve = fit_calibration(SCORES, POSITIVE, method, part="validation")
    assert calibration_of_card(calibration_to_card(curve)) == curve


def test_a_damaged_curve_of_a_card_is_refused() -> None:
    with pytest.raises(LesionkitError, match=r"the calibration of the model is damaged .*; train again"):
        calibration_of_card({"method": "magic"})
