import numpy as np
import pytest

from lesionkit.infer.chain_join import joined_by, reranked_by


def rows(seed=0, count=200):
    rng = np.random.default_rng(seed)
    hits = rng.random(count) < 0.3
    # The second network knows, the first guesses.
    return np.column_stack([rng.normal(size=count), rng.normal(size=count), 3.0 * hits + rng.normal(size=count)]), hits


def probabilities(logits, joined):
    return 1 / (1 + np.exp(-(logits @ np.array(joined.coefficients) + joined.intercept)))


def test_a_stack_listens_to_who_knows():
    logits, hits = rows()
    joined = joined_by(logits, hits, "stacking")
    draws, guesses, knows = joined.coefficients
    assert knows > 5 * max(abs(draws), abs(guesses))
    assert probabilities(logits, joined).mean() == pytest.approx(hits.mean(), abs=0.01)


def test_a_mean_has_one_voice_for_each_that_judges_and_is_calibrated():
    logits, hits = rows()
    joined = joined_by(logits, hits, "mean")
    assert joined.coefficients[0] == 0
    assert joined.coefficients[1] == pytest.approx(joined.coefficients[2])
    assert probabilities(logits, joined).mean() == pytest.approx(hits.mean(), abs=0.01)


def test_weights_are_how_far_each_is_above_chance():
    logits, hits = rows()
    joined = joined_by(logits, hits, "weighted")
    assert joined.coefficients[2] > 4 * joined.coefficients[1] >= 0
    assert joined.coefficients[0] == 0


@pytest.mark.parametrize("how", ["mean", "weighted", "stacking"])
def test_where_nothing_can_be_told_it_is_the_mean(how):
    logits, hits = rows()
    for nothing in (np.zeros_like(hits), np.ones_like(hits)):
        assert joined_by(logits, nothing, how).coefficients == (0.0, 0.5, 0.5)
    assert joined_by(np.zeros((0, 1)), np.zeros(0, bool), how).coefficients == (1.0,)


@pytest.mark.parametrize("how", ["mean", "weighted"])
def test_without_those_that_judge_the_one_that_draws_is_calibrated(how):
    logits, hits = rows()
    joined = joined_by(logits[:, 2:], hits, how)
    assert len(joined.coefficients) == 1
    assert probabilities(logits[:, 2:], joined).mean() == pytest.approx(hits.mean(), abs=0.01)


def test_what_a_faster_model_found_is_ranked_by_whoever_knows_and_by_nobody_where_nothing_is_told():
    logits, hits = rows()
    joined = reranked_by(logits, hits)
    assert joined.coefficients[2] > 5 * max(abs(v) for v in joined.coefficients[:2])
    assert reranked_by(logits, np.zeros(len(hits), bool)) is None
    assert reranked_by(logits, np.ones(len(hits), bool)) is None
