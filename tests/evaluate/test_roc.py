import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.bootstrap import draw_cases
from lesionkit.evaluate.roc import auc, auc_figure, resample_auc, roc, roc_points

cases = st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=12).filter(
    lambda rows: 0 < sum(positive for positive, _ in rows) < len(rows)
)


@given(cases)
def test_area_is_the_share_of_pairs_in_the_right_order(rows):
    positive, score = map(np.array, zip(*rows, strict=True))
    pairs = [np.sign(p - n) / 2 + 0.5 for p in score[positive] for n in score[~positive]]
    assert auc(positive, score) == pytest.approx(np.mean(pairs))


@given(cases)
def test_area_is_what_lies_below_the_curve(rows):
    positive, score = map(np.array, zip(*rows, strict=True))
    curve = roc(positive, score)
    assert auc(positive, score) == pytest.approx(np.trapezoid(curve.y, curve.x))


@given(cases)
def test_a_resampled_area_is_the_area_of_the_drawn_cases(rows):
    positive, score = map(np.array, zip(*rows, strict=True))
    draws = draw_cases(len(rows), samples=20, seed=1)
    expected = [auc(np.repeat(positive, n), np.repeat(score, n)) for n in draws]
    np.testing.assert_allclose(resample_auc(positive, score, draws), expected, rtol=0, atol=1e-12)


@given(cases)
def test_the_curve_is_that_of_scikit_learn(rows):
    positive, score = map(np.array, zip(*rows, strict=True))
    x, y, threshold = roc_curve(positive, score, drop_intermediate=False)
    ours = roc(positive, score)
    for mine, theirs in ((ours.x, x), (ours.y, y), (ours.threshold, threshold)):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-12)


def test_delong_interval_of_a_worked_example():
    # A positive outscores 3, 3 and 2 of the three negatives; so the negatives are outscored by 3, 3 and 2.
    figure = auc_figure([1, 1, 1, 0, 0, 0], [0.9, 0.8, 0.3, 0.1, 0.2, 0.5])
    assert figure.value == pytest.approx(8 / 9)
    # Shares 1, 1, 2/3 on both sides have the variance 1/27; the standard error is sqrt(1/27 / 3 + 1/27 / 3).
    assert figure.lower == pytest.approx(8 / 9 - 1.959964 * np.sqrt(2 / 81), abs=1e-6)
    assert figure.upper == 1.0
    assert "DeLong" in figure.note


def test_two_cases_of_each_kind_are_needed_for_an_interval():
    figure = auc_figure([1, 0, 0], [0.9, 0.1, 0.2])
    assert (figure.value, figure.lower, figure.upper) == (1.0, None, None)
    assert "no interval: one patient of a kind" in figure.note


def test_a_perfect_area_has_an_interval_that_narrows_with_the_cases():
    few = auc_figure([1] * 5 + [0] * 5, range(10, 0, -1))
    many = auc_figure([1] * 50 + [0] * 50, range(100, 0, -1))
    assert few.upper == many.upper == 1.0
    assert 0.5 < few.lower < 0.85 < many.lower < 0.99
    # The bound lies 1.96 standard errors, taken at the bound, below 1.
    a = few.lower
    error = np.sqrt(a * (1 - a) / 25 * (1 + 4 * ((1 - a) / (2 - a) + a / (1 + a))))
    assert 1 - a == pytest.approx(1.959964 * error, rel=1e-6)
    assert auc_figure([0] * 5 + [1] * 5, range(10, 0, -1)).upper == pytest.approx(1 - few.lower)
    assert "Newcombe" in few.note


@pytest.mark.parametrize("positive", [[True, True], [False, False]])
def test_one_kind_of_case_has_no_area_and_no_points(positive):
    assert np.isnan(auc(positive, [0.1, 0.2]))
    assert roc_points(roc(positive, [0.1, 0.2])) == ()


def test_points_hold_the_strictest_threshold_that_reaches_the_sensitivity():
    names = {p.name: p.threshold for p in roc_points(roc([1, 1, 0, 0], [0.9, 0.6, 0.7, 0.1]), (0.5, 0.9))}
    assert names == {
        "sensitivity of at least 0.5": 0.9,
        "sensitivity of at least 0.9": 0.6,
        "largest sensitivity + specificity": 0.9,
    }


def test_labels_and_scores_must_pair():
    with pytest.raises(LesionkitError, match="one score per case"):
        auc([1, 0], [0.5])
    with pytest.raises(LesionkitError, match="scores must be finite, got nan for case 2"):
        auc([1, 0], [0.5, np.nan])
