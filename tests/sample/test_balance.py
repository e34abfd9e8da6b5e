import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.sample.balance import BALANCES, HALF, POSITIVES_ONLY, BalanceSettings, draw_epoch, n_negatives


def images(positives: int, negatives: int) -> np.ndarray:
    return np.arange(positives + negatives) < positives


def constant(share: float, **changes) -> BalanceSettings:
    return BalanceSettings(knots=((0, share),), **changes)


def test_the_fourth_place_s_share_of_positives_falls_in_a_line_to_the_natural_one():
    share = BALANCES["4th"].share
    assert [share(e) for e in (0, 30, 60, 99)] == pytest.approx([0.8, 0.51, 0.22, 0.22])
    assert share(7) == pytest.approx(0.8 - 0.58 / 60 * 7)


def test_stages_keep_their_share_until_the_next_one():
    stages = BalanceSettings(knots=((0, 0.8), (10, 0.6), (20, 0.4)))
    assert [stages.share(e) for e in (0, 9, 10, 19, 20, 500)] == [0.8, 0.8, 0.6, 0.6, 0.4, 0.4]


@pytest.mark.parametrize(("share", "negatives"), [(0.8, 2), (0.6, 5), (0.4, 12), (0.5, 8), (1.0, 0)])
def test_all_positives_come_once_and_the_rest_makes_the_share(share, negatives):
    drawn = draw_epoch(images(8, 40), 0, constant(share), np.random.default_rng(0))
    assert sorted(drawn[drawn < 8]) == list(range(8))
    assert (drawn >= 8).sum() == negatives


@given(positives=st.integers(1, 3000), percent=st.integers(1, 100))
def test_the_number_of_negatives_is_exact_in_whole_percent(positives, percent):
    assert n_negatives(positives, percent / 100) == positives * (100 - percent) // percent


@given(negatives=st.integers(1, 30), share=st.floats(0.1, 1), seed=st.integers(0, 99))
def test_without_replacement_no_negative_comes_twice_before_all_came_once(negatives, share, seed):
    drawn = draw_epoch(images(5, negatives), 0, constant(share, replacement=False), np.random.default_rng(seed))
    times = np.bincount(drawn, minlength=5 + negatives)[5:]
    assert times.max() - times.min() <= 1


def test_with_replacement_an_epoch_at_the_natural_rate_shows_64_percent_of_the_negatives():
    drawn = draw_epoch(images(2379, 8300), 0, constant(0.22), np.random.default_rng(0))
    assert (drawn >= 2379).sum() == 8434
    assert len(np.unique(drawn[drawn >= 2379])) / 8300 == pytest.approx(0.64, abs=0.01)


def test_the_next_epoch_shows_other_negatives_and_the_same_seed_the_same():
    settings, rng = constant(0.5, replacement=False), np.random.default_rng(3)
    first, second = (draw_epoch(images(10, 500), epoch, settings, rng) for epoch in (0, 1))
    assert set(first[first >= 10]) != set(second[second >= 10])
    again = draw_epoch(images(10, 500), 0, settings, np.random.default_rng(3))
    np.testing.assert_array_equal(first, again)


def test_half_and_half_draws_both_kinds_over_the_size_of_the_data_set():
    drawn = draw_epoch(images(100, 900), 0, HALF, np.random.default_rng(0))
    assert len(drawn) == 1000
    assert (drawn < 100).mean() == pytest.approx(0.5, abs=0.05)


def test_three_passes_are_three_times_as_long():
    assert len(draw_epoch(images(10, 20), 0, BALANCES["3rd"], np.random.default_rng(0))) == 90


def test_positives_only_need_no_negatives():
    drawn = draw_epoch(images(4, 0), 0, POSITIVES_ONLY, np.random.default_rng(0))
    assert sorted(drawn) == [0, 1, 2, 3]


@pytest.mark.parametrize("settings", BALANCES.values(), ids=BALANCES)
def test_each_winner_s_epoch_is_of_the_images_there_are(settings):
    drawn = draw_epoch(images(6, 20), 5, settings, np.random.default_rng(0))
    assert drawn.min() >= 0
    assert drawn.max() < 26


def test_a_share_without_images_of_both_kinds_is_refused():
    with pytest.raises(LesionkitError, match="both kinds, got 0 positive and 3 negative"):
        draw_epoch(images(0, 3), 0, constant(0.5), np.random.default_rng(0))
    with pytest.raises(LesionkitError, match="got 3 positive and 0 negative ones; check the truth, or set the share"):
        draw_epoch(images(3, 0), 0, constant(0.5), np.random.default_rng(0))


def test_knots_ascend_from_epoch_0():
    with pytest.raises(LesionkitError, match=r"start at epoch 0 and ascend, got epochs \[0, 20, 10\]"):
        BalanceSettings(knots=((0, 0.8), (20, 0.6), (10, 0.4)))


@pytest.mark.parametrize("share", [0.0, 1.1])
def test_a_share_lies_above_0_and_at_most_at_1(share):
    with pytest.raises(LesionkitError, match=f"at most at 1, got {share}"):
        constant(share)
