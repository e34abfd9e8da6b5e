import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.evaluate.bootstrap import draw_cases, resample_froc
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
