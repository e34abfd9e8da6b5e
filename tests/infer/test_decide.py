"""One contract for every rule, then each rule's own numbers on maps that can be drawn on paper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.decide import (
    RULES,
    ClassifyThenSegment,
    HeadAndArea,
    MaximumPixel,
    Plain,
    Triplet,
    contour_area,
    without_small_contours,
)

SMALL = {
    "plain": Plain(),
    "triplet": Triplet(top=0.7, min_pixels=3, bottom=0.3, side=8),
    "triplet with contours": Triplet(top=0.7, min_pixels=3, bottom=0.3, min_contour_area=1, side=8),
    "classify then segment": ClassifyThenSegment(),
    "head and area": HeadAndArea(min_pixels=3, side=8),
    "maximum pixel": MaximumPixel(max_empty_pixels=3, side=8),
}
"""Every rule, with numbers of pixels for 8 × 8."""
rules = pytest.mark.parametrize("rule", SMALL.values(), ids=SMALL)


def blob(value: float, side: int = 8) -> np.ndarray:
    """A 3 × 3 square of one probability on black."""
    probability = np.zeros((side, side))
    probability[2:5, 3:6] = value
    return probability


@rules
def test_a_confident_positive_survives_whole(rule):
    np.testing.assert_array_equal(rule(blob(0.99), 0.99), blob(1) > 0)


@rules
@given(probability=arrays.arrays(np.float64, (8, 8), elements=st.floats(0, 1)), p=st.floats(0, 1))
def test_a_mask_that_is_not_emptied_is_what_the_rule_draws(rule, probability, p):
    mask = rule(probability, p)
    assert not mask.any() or (mask == rule.drawn(probability)).all()


@rules
def test_a_confident_negative_is_empty(rule):
    assert not rule(blob(0.01), 0.01).any()


@rules
def test_a_mask_is_boolean_of_the_map_s_size(rule):
    mask = rule(blob(0.6).astype(np.float32), 0.6)
    assert mask.dtype == bool
    assert mask.shape == (8, 8)


@rules
@given(probability=arrays.arrays(np.float64, (8, 8), elements=st.floats(0, 1)), p=st.floats(0, 1))
def test_belief_in_a_lesion_never_makes_a_mask_smaller(rule, probability, p):
    assert (rule(probability, p) <= rule(probability, (1 + p) / 2)).all()


@rules
def test_logits_are_taken_for_what_they_are(rule):
    with pytest.raises(LesionkitError, match=r"must lie in 0..1, got -2..3; are these logits"):
        rule(np.array([[-2.0, 3.0]]), 1.0)
    with pytest.raises(LesionkitError, match=r"\(y, x\), got an array of shape \(1, 8, 8\)"):
        rule(blob(0.5)[None], 1.0)


@pytest.mark.parametrize("rule", [ClassifyThenSegment(), HeadAndArea()])
def test_a_rule_that_needs_an_image_head_says_so(rule):
    with pytest.raises(LesionkitError, match="needs p_nonempty, the probability that an image holds a lesion"):
        rule(blob(0.9))
    with pytest.raises(LesionkitError, match=r"must lie in 0..1, got 3; is this a logit"):
        rule(blob(0.9), 3.0)


@pytest.mark.parametrize("rule", [Triplet, HeadAndArea, MaximumPixel])
def test_the_bottom_threshold_is_not_above_the_top_one(rule):
    with pytest.raises(LesionkitError, match=r"bottom must not be above top, got bottom 0.9 and top 0.6"):
        rule(top=0.6, bottom=0.9)


def test_the_head_of_the_fourth_place_is_the_belief_that_there_is_a_lesion():
    # Its description had it upside down: "pred_empty > 0.4 is empty".
    rule = RULES["4th"]
    seen = blob(0.9, side=768)
    seen[:40, :40] = 0.9
    assert rule(seen, p_nonempty=0.4).sum() == 1600
    assert not rule(seen, p_nonempty=0.39).any()


def test_a_triplet_needs_exactly_its_minimum_above_top_and_then_takes_all_above_bottom():
    probability = blob(0.8)
    probability[0] = 0.4
    rule = Triplet(top=0.75, min_pixels=9, bottom=0.3, side=8)
    assert rule(probability).sum() == 9 + 8
    assert not rule.model_copy(update={"min_pixels": 10})(probability).any()


def test_a_threshold_itself_is_not_above_it():
    assert not Plain(pixel=0.5)(np.full((2, 2), 0.5)).any()
    assert not Triplet(top=0.5, min_pixels=1, bottom=0.5, side=2)(np.full((2, 2), 0.5)).any()


def test_numbers_of_pixels_are_scaled_from_the_side_they_were_found_at():
    # 2000 pixels of 1024² are 125 of 256².
    probability = np.zeros((256, 256))
    probability.flat[:125] = 0.9
    assert Triplet()(probability).sum() == 125
    probability.flat[124] = 0
    assert not Triplet()(probability).any()


def test_the_second_place_s_classifier_has_the_last_word():
    rule = RULES["2nd"]
    assert rule(blob(0.41), 0.66).sum() == 9
    assert not rule(blob(0.99), 0.65).any()
    assert not rule(blob(0.40), 0.99).any()


def test_the_fifth_place_wants_one_pixel_above_half_and_more_than_64_above_a_fifth():
    probability = np.zeros((1024, 1024))
    probability.flat[:65] = 0.21
    assert not RULES["5th"](probability).any()
    probability.flat[0] = 0.51
    assert RULES["5th"](probability).sum() == 65
    probability.flat[64] = 0
    assert not RULES["5th"](probability).any()


@pytest.mark.parametrize(
    ("rows", "area"),
    [
        (["111", "111", "111"], 4),
        (["1111"], 0),
        (["11", "11"], 1),
        (["010", "111", "010"], 2),
        (["100", "110", "111"], 2),
        (["10", "01"], 0),
    ],
)
def test_a_contour_s_area_is_that_of_the_polygon_through_its_pixels_centres(rows, area):
    assert contour_area(np.array([[c == "1" for c in row] for row in rows])) == area


def test_contours_up_to_the_minimum_go_and_the_holes_of_the_others_are_filled():
    mask = np.zeros((12, 12), bool)
    mask[1:6, 1:6] = True
    mask[3, 3] = False
    mask[8:10, 8:10] = True
    assert without_small_contours(mask, 1.0).sum() == 25
    assert without_small_contours(mask, 0.9).sum() == 29
    assert without_small_contours(mask, 0.0, count=1).sum() == 25
    assert not without_small_contours(mask, 16.0).any()


def test_pixels_that_touch_at_a_corner_are_one_finding():
    mask = np.zeros((9, 9), bool)
    mask[1:4, 1:4] = mask[4:7, 4:7] = True
    assert without_small_contours(mask, 7.9).sum() == 18  # 4 each, nothing where they touch


@given(mask=arrays.arrays(bool, (9, 9)), least=st.floats(0, 20))
def test_dropping_contours_twice_is_dropping_them_once(mask, least):
    once = without_small_contours(mask, least)
    np.testing.assert_array_equal(without_small_contours(once, least), once)


def test_the_area_of_a_contour_is_that_of_the_map_at_the_size_of_the_rule():
    # On 16 x 16 an area of 1 pixel of 8 x 8 is 4. Through the centres of 3 x 3 pixels the contour holds 4, of 3 x 4 6.
    rule = Triplet(top=0.7, min_pixels=0, bottom=0.3, min_contour_area=1, side=8)
    probability = np.zeros((16, 16))
    probability[1:4, 1:4], probability[8:11, 8:12] = 0.9, 0.9
    assert rule(probability).sum() == 12
    assert rule.model_copy(update={"side": 16})(probability).sum() == 12 + 9


def test_a_mask_of_just_as_many_pixels_as_are_emptied_is_emptied_and_one_more_is_kept():
    rule = MaximumPixel(top=0.5, bottom=0.2, max_empty_pixels=8, side=8)
    probability = np.zeros((8, 8))
    probability[0] = 0.9
    assert not rule(probability).any()
    probability[1, 0] = 0.3
    assert rule(probability).sum() == 9


def test_a_pixel_just_at_the_top_threshold_finds_nothing():
    rule = MaximumPixel(top=0.5, bottom=0.2, max_empty_pixels=0, side=8)
    assert not rule(blob(0.5)).any()
    assert rule(blob(0.51)).any()
