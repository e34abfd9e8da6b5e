import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.evaluate.bootstrap import draw_cases
from lesionkit.evaluate.camelyon16_official import RATES, OfficialScores, official_froc, resample_official


def literal(false_scores, region_scores, n_lesions, n_slides):
    """The published algorithm, word by word: thresholds from the second lowest up, straight lines between."""
    thresholds = sorted({*false_scores, *region_scores})[1:]
    n_false = [sum(s >= t for s in false_scores) for t in thresholds] + [0]
    n_hit = [sum(s >= t for s in region_scores) for t in thresholds] + [0]
    return np.interp(RATES, np.array(n_false[::-1]) / n_slides, np.array(n_hit[::-1]) / n_lesions)


def at_rates(curve):
    return np.interp(RATES, curve.x, curve.y)


scores = st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0]), max_size=12)


@given(scores, scores, st.integers(1, 4))
def test_the_curve_is_that_of_the_published_algorithm(false, regions, n_slides):
    n_lesions = max(1, len(regions))
    curve = official_froc(false, regions, n_lesions, n_slides)
    np.testing.assert_allclose(at_rates(curve), literal(false, regions, n_lesions, n_slides))


@given(st.data())
def test_a_resampled_curve_is_that_of_the_drawn_slides(data):
    slides = [(data.draw(scores), data.draw(scores)) for _ in range(3)]
    draws = draw_cases(3, samples=10, seed=data.draw(st.integers(0, 99)))
    held = OfficialScores(
        n_slides=3,
        region_slide=np.repeat(np.arange(3), [len(regions) for _, regions in slides]),
        region_score=np.concatenate([regions for _, regions in slides]),
        lesions_per_slide=np.array([len(regions) for _, regions in slides]),
        false_slide=np.repeat(np.arange(3), [len(false) for false, _ in slides]),
        false_score=np.concatenate([false for false, _ in slides]),
    )
    for draw, row in zip(draws, resample_official(held, RATES, draws), strict=True):
        drawn = [slides[i] for i in np.repeat(np.arange(3), draw)]
        false, regions = ([score for part in lists for score in part] for lists in zip(*drawn, strict=True))
        expected = literal(false, regions, len(regions), 3) if regions else np.full(len(RATES), np.nan)
        np.testing.assert_allclose(row, expected)


def test_the_known_example():
    at = at_rates(official_froc([0.8, 0.6], [1, 1, 0, 0, 0.8, 0.8, 0], n_lesions=4, n_slides=2))
    assert at[0] == pytest.approx(0.75)
    assert at.mean() == pytest.approx(0.958333, abs=1e-6)


@pytest.mark.parametrize(("hits", "expected"), [([0.9, 0.8, 0.7, 0.6], 0.75), ([0.9] * 4, 0.0)])
def test_perfect_detectors_lose_their_lowest_score(hits, expected):
    assert at_rates(official_froc([], hits, n_lesions=4, n_slides=2)).mean() == expected
    assert at_rates(official_froc([], hits, n_lesions=4, n_slides=2, drop_lowest=False)).mean() == 1.0


def test_without_lesions_the_sensitivity_is_not_defined():
    assert np.isnan(official_froc([0.5, 0.6], [], n_lesions=0, n_slides=2).y).all()
