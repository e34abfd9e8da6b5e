import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lesionkit.learn.mask_figures import WatchedPatch, mask_figures

NOBODY = np.zeros((0, 4))


def patch(drawn, ignored=None, balls=NOBODY, sample_mm=1.0):
    drawn = np.asarray(drawn, np.float32)
    hidden = np.zeros(drawn.shape, bool) if ignored is None else ignored
    return WatchedPatch(np.zeros_like(drawn), drawn, hidden, np.asarray(balls, float), sample_mm)


def test_recall_precision_and_dice_are_soft_with_one_added_above_and_below():
    # Eight samples are lesion; all 16 are believed in by one half.
    truth = np.zeros((4, 2, 2))
    truth[:2] = 1
    figures = mask_figures([patch(truth)], [np.full((4, 2, 2), 0.5, np.float32)])
    assert figures["recall"] == pytest.approx((4 + 1) / (8 + 1))
    assert figures["precision"] == pytest.approx((4 + 1) / (8 + 1))
    assert figures["dice"] == pytest.approx((2 * 4 + 1) / (8 + 8 + 1))
    sums = [figures[name] for name in ("sum truth", "sum drawn", "drawn mean", "drawn lowest", "drawn highest")]
    assert sums == [8, 8, 0.5, 0.5, 0.5]


def test_the_precision_of_a_threshold_divides_by_what_is_drawn_at_it():
    truth = np.array([[1, 1, 0, 0, 0, 0, 0, 0]])
    drawn = np.array([[0.9, 0.3, 0, 0.9, 0, 0.3, 0, 0.1]], np.float32)
    figures = mask_figures([patch(truth, balls=np.zeros((0, 3)))], [drawn], [0.2, 0.8])
    # At 0.2 four samples are drawn, two of them rightly; at 0.8 two, one of them rightly.
    assert (figures["precision 0.2"], figures["recall 0.2"]) == pytest.approx((3 / 5, 1.0))
    assert (figures["precision 0.8"], figures["recall 0.8"]) == pytest.approx((2 / 3, 2 / 3))
    assert (figures["regions 0.2"], figures["regions 0.8"], figures["regions truth"]) == (3, 2, 1)


def test_regions_that_touch_at_corners_are_one():
    drawn = np.zeros((2, 2, 2), np.float32)
    drawn[0, 0, 0] = drawn[1, 1, 1] = 1
    assert mask_figures([patch(np.zeros((2, 2, 2)))], [drawn], [0.5])["regions 0.5"] == 1


def test_sensitivity_is_told_of_each_size_that_there_is():
    drawn = np.zeros((40, 40, 40), np.float32)
    drawn[10, 10, 10] = 0.6
    drawn[10, 10, 30] = 0.4
    balls = [[10, 10, 10, 5], [10, 10, 30, 5], [12, 10, 10, 12]]
    figures = mask_figures([patch(np.zeros(drawn.shape), balls=balls)], [drawn])
    told = {name: value for name, value in figures.items() if name.startswith("sensitivity")}
    assert told == {"sensitivity below 10 mm": 0.5, "sensitivity 10 to 30 mm": 1.0}


def test_sizes_are_in_millimetres_also_of_slices():
    figures = mask_figures([patch(np.zeros((32, 32)), balls=[[9, 9, 16]], sample_mm=2.0)], [np.ones((32, 32))])
    assert figures["sensitivity from 30 mm"] == 1.0


def test_what_is_ignored_counts_neither_way():
    hidden = np.array([[False, True]])
    figures = mask_figures([patch([[1, 0]], hidden, np.zeros((0, 3)))], [np.array([[1.0, 1.0]], np.float32)], [0.5])
    assert (figures["precision"], figures["precision 0.5"], figures["sum drawn"]) == (1, 1, 1)


@settings(max_examples=8)
@given(arrays.arrays(np.float32, (2, 3, 4), elements=st.floats(0, 1, width=32)))
def test_who_draws_the_truth_has_all_figures_at_their_best(truth):
    whole = (truth > 0.5).astype(np.float32)
    figures = mask_figures([patch(whole)], [whole], [0.5])
    assert {figures[name] for name in ("dice", "recall", "precision", "recall 0.5", "precision 0.5")} == {1.0}
    assert figures["regions 0.5"] == figures["regions truth"]
