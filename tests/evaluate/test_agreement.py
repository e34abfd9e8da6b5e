import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.agreement import (
    fleiss_kappa,
    kappa,
    resample_kappa,
    score_readers,
    votes,
)
from lesionkit.evaluate.bootstrap import draw_cases

LEVELS = ("low", "mid", "high")
answers = st.lists(st.sampled_from(LEVELS), min_size=2, max_size=12)


def test_cohen_kappa_of_a_worked_example():
    # Both say yes to 20 and no to 15 of 50, one alone says yes to 5, the other to 10 (observed 0.7, by chance 0.5).
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert kappa(first, second, ["no", "yes"]) == pytest.approx(0.4)


def test_fleiss_kappa_of_the_published_example():
    # Fleiss 1971 as usually quoted: 14 raters, 10 subjects, 5 answers.
    counted = [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
    assert fleiss_kappa(np.array(counted)) == pytest.approx(0.210, abs=5e-4)


@given(answers)
def test_full_agreement_is_one_unless_there_is_only_one_answer(given_answers):
    agreement = kappa(given_answers, given_answers, LEVELS, quadratic=True)
    assert np.isnan(agreement) if len(set(given_answers)) == 1 else agreement == 1.0


@given(answers, st.data())
def test_kappa_does_not_depend_on_who_is_first(first, data):
    second = data.draw(st.lists(st.sampled_from(LEVELS), min_size=len(first), max_size=len(first)))
    one, other = (kappa(*pair, LEVELS, quadratic=True) for pair in ((first, second), (second, first)))
    np.testing.assert_allclose(one, other, atol=1e-12)


@given(answers, st.data())
def test_with_two_answers_the_square_of_steps_is_no_more_than_a_disagreement(first, data):
    second = data.draw(st.lists(st.sampled_from(LEVELS[:2]), min_size=len(first), max_size=len(first)))
    first = [LEVELS[0] if answer == LEVELS[2] else answer for answer in first]
    np.testing.assert_allclose(kappa(first, second, LEVELS), kappa(first, second, LEVELS, quadratic=True))


@pytest.mark.parametrize("quadratic", [True, False])
def test_a_resampled_kappa_is_that_of_the_library_for_the_drawn_items(quadratic):
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 3, 12), rng.integers(0, 3, 12)
    draws = draw_cases(12, samples=20, seed=3)
    expected = [kappa(np.repeat(first, n).tolist(), np.repeat(second, n).tolist(), [0, 1, 2], quadratic) for n in draws]
    np.testing.assert_allclose(resample_kappa(first, second, draws, quadratic), expected, rtol=0, atol=1e-12)


READINGS = pd.DataFrame(
    {
        "anna": ["low", "mid", "high", "low"],
        "ben": ["low", "mid", "high", "mid"],
        "cleo": ["low", "high", "high", "high"],
    },
    index=["a", "b", "c", "d"],
)


def test_votes_count_the_readers():
    assert votes(READINGS, LEVELS).tolist() == [[3, 0, 0], [0, 2, 1], [0, 0, 3], [1, 1, 1]]


def test_readers_are_compared_all_together_and_two_by_two():
    result = score_readers(READINGS, LEVELS, ordered=True, samples=50)
    assert result.figures["fleiss kappa"].value == pytest.approx(fleiss_kappa(votes(READINGS, LEVELS)))
    assert result.figures["unanimous"].value == 0.5
    assert [row["readers"] for row in result.subgroups] == ["anna and ben", "anna and cleo", "ben and cleo"]
    assert result.subgroups[0]["same_answer"] == 3
    assert result.subgroups[0]["kappa"] == pytest.approx(
        kappa(READINGS["anna"].tolist(), READINGS["ben"].tolist(), LEVELS, quadratic=True)
    )


def test_answers_must_be_known_and_complete():
    with pytest.raises(LesionkitError, match="must be among low, mid, high, got 'huge' by ben for 'b'"):
        votes(READINGS.replace({"ben": {"mid": "huge"}}), LEVELS)
    with pytest.raises(LesionkitError, match="must be among low, mid, high, got 'huge'"):
        kappa(["low"], ["huge"], LEVELS)
    with pytest.raises(LesionkitError, match="same number of at least two answers for every item, got 2 to 3"):
        score_readers(READINGS.where(READINGS != "high", None).iloc[:2], LEVELS)
    with pytest.raises(LesionkitError, match="got no item"):
        fleiss_kappa(np.zeros((0, 2), dtype=int))


def test_agreement_needs_two_readers_and_paired_answers():
    with pytest.raises(LesionkitError, match=r"at least two readers, got a table of shape \(4, 1\)"):
        score_readers(READINGS[["anna"]], LEVELS)
    with pytest.raises(LesionkitError, match="two answers for each item, got 2 and 1 answers"):
        kappa(["low", "mid"], ["low"], LEVELS)
