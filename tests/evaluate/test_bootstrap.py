import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.bootstrap import draw_cases, draw_key, interval, resample_froc, resample_means
from lesionkit.evaluate.froc import Detections, froc, sensitivity_at

RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@st.composite
def found(draw: st.DrawFn) -> Detections:
    """Few cases and few distinct scores, so that ties are the rule."""
    n_cases = draw(st.integers(1, 5))
    case = st.integers(0, n_cases - 1)
    score = st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5])
    lesions = draw(st.lists(st.tuples(case, st.one_of(score, st.just(-np.inf))), max_size=8))
    wrong = draw(st.lists(st.tuples(case, score), max_size=60))
    return Detections(
        n_cases, [c for c, _ in lesions], [s for _, s in lesions], [c for c, _ in wrong], [s for _, s in wrong]
    )


def drawn(found: Detections, counts: np.ndarray) -> Detections:
    """The literal resampled set: each case as often as it was drawn."""
    lesion = np.repeat(np.arange(found.n_lesions), counts[found.lesion_case])
    wrong = np.repeat(np.arange(found.n_false_positives), counts[found.false_case])
    return Detections(
        found.n_cases,
        found.lesion_case[lesion],
        found.lesion_score[lesion],
        found.false_case[wrong],
        found.false_score[wrong],
    )


@settings(max_examples=150, deadline=None)
@given(found(), st.booleans())
def test_resampling_by_counts_equals_scoring_each_resampled_set(found: Detections, straight: bool) -> None:
    draws = draw_cases(found.n_cases, samples=6, seed=3)
    fast = resample_froc(found, RATES, draws, straight=straight)
    for row, counts in zip(fast, draws, strict=True):
        curve = froc(drawn(found, counts))
        slow = np.interp(RATES, curve.x, curve.y) if straight else sensitivity_at(curve, RATES)
        np.testing.assert_allclose(row, slow, rtol=0, atol=1e-12)


def test_every_draw_has_as_many_cases_as_the_set() -> None:
    draws = draw_cases(7, samples=50, seed=1)
    assert draws.shape == (50, 7)
    assert (draws.sum(axis=1) == 7).all()


def test_the_seed_decides_the_draws() -> None:
    np.testing.assert_array_equal(draw_cases(9, 5, seed=1), draw_cases(9, 5, seed=1))
    assert (draw_cases(9, 5, seed=1) != draw_cases(9, 5, seed=2)).any()


def test_a_case_is_drawn_once_on_average() -> None:
    np.testing.assert_allclose(draw_cases(4, samples=20_000, seed=0).mean(axis=0), 1.0, atol=0.03)


def test_a_set_without_cases_cannot_be_drawn_from() -> None:
    with pytest.raises(LesionkitError, match="at least one case and one sample, got 0 and 1000"):
        draw_cases(0)


def test_draws_of_another_number_of_cases_are_refused() -> None:
    with pytest.raises(LesionkitError, match="draws are over 3 cases but 2 are scored"):
        resample_froc(Detections(2, [], [], [], []), RATES, draw_cases(3, 5))


def test_the_mean_of_a_draw_weighs_cases_by_how_often_they_are_drawn() -> None:
    draws = np.array([[2, 0], [1, 1], [0, 2]], dtype=np.int32)
    assert resample_means([1.0, 3.0], draws).tolist() == [1, 2, 3]


def test_undefined_values_are_left_out_of_a_mean() -> None:
    means = resample_means([1.0, np.nan], np.array([[1, 1], [0, 2]], dtype=np.int32))
    assert means[0] == 1.0
    assert np.isnan(means[1])


def test_an_interval_leaves_out_undefined_draws() -> None:
    lower, upper = interval(np.array([np.nan, 3.0, 1.0, 2.0]))
    assert (lower, upper) == (1.0, 3.0)
    assert np.isnan(interval(np.array([np.nan]))[0])


def test_a_prefix_too_short_for_a_draw_grows() -> None:
    """All false positives lie in one case of ten: draws without it need every false positive."""
    found = Detections(10, [0], [0.05], [0] * 500, np.linspace(1, 0.1, 500))
    draws = draw_cases(10, samples=40, seed=0)
    fast = resample_froc(found, (8.0,), draws)
    slow = [sensitivity_at(froc(drawn(found, counts)), [8.0])[0] for counts in draws]
    np.testing.assert_array_equal(fast[:, 0], slow)
    assert np.nanmax(fast) == 0.0


def test_the_key_of_draws_tells_cases_truth_number_and_seed_apart() -> None:
    key = draw_key(["a", "b"], [1], 10, 0)
    assert key == draw_key(["a", "b"], [1], 10, 0)
    others = [(["b", "a"], [1], 10, 0), (["a", "b"], [2], 10, 0), (["a", "b"], [1], 11, 0), (["a", "b"], [1], 10, 1)]
    assert key not in {draw_key(*other) for other in others}


def test_false_positives_that_just_reach_the_rate_do_not_end_the_search_for_more() -> None:
    # Of two cases the first is drawn twice. The best-scored false positives, as many as are looked at first (67), hold
    # one of the first case: just as many as the rate allows. The next one is of the first case too, and only below it
    # comes the hit, so that nothing is found at that rate.
    wrong_case = [1] * 66 + [0, 0]
    wrong_score = [0.9] * 66 + [0.8, 0.7]
    found = Detections(2, [0], [0.5], wrong_case, wrong_score)
    assert resample_froc(found, (1.0,), np.array([[2, 0]])).tolist() == [[0.0]]
    assert resample_froc(found, (2.0,), np.array([[2, 0]])).tolist() == [[1.0]]
