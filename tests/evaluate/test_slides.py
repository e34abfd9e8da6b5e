import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.slides import SlidesSettings, score_slides

FEW = SlidesSettings(bootstrap=50)
LABELS = {"a": True, "b": True, "c": False, "d": False}
SCORES = {"a": 0.9, "b": 0.4, "c": 0.4, "d": 0.1}


def score(labels=LABELS, marks=SCORES):
    return score_slides(labels, marks, FEW)


def test_the_area_counts_pairs_in_the_right_order_and_ties_half():
    figure = score().figures["slide AUC"]
    assert figure.value == 0.875
    assert 0 <= figure.lower < figure.value < figure.upper == 1
    assert "DeLong" in figure.note


@given(st.permutations(list(SCORES)))
def test_slides_are_paired_by_name(order):
    assert score(marks={slide: SCORES[slide] for slide in order}).figures["slide AUC"].value == 0.875


def test_thresholds_and_counts_are_stored():
    result = score()
    assert result.counts == {"slides": 4, "positive_slides": 2, "negative_slides": 2, "distinct_scores": 3}
    assert result.operating_points[0].threshold == 0.4
    assert len(result.resamples.figures["slide AUC"]) == 50


def test_scores_outside_zero_to_one_are_warned_of():
    assert score(marks={**SCORES, "a": 90.0}).warnings == (
        "1 of 4 scores lie outside [0, 1]; they are used as ranking scores",
    )


def test_slides_of_one_kind_have_no_area_and_say_so():
    result = score({"a": True, "b": True}, {"a": 0.5, "b": 0.6})
    assert np.isnan(result.figures["slide AUC"].value)
    assert result.warnings == ("all 2 slides are positive: the area is not defined",)


@pytest.mark.parametrize(
    ("labels", "marks", "sentence"),
    [
        (LABELS, {"a": 0.9}, "3 of 4 labelled slides have no score, first 'b'"),
        ({"a": True}, SCORES, "3 of 4 scored slides have no label, first 'b'"),
        ({}, {}, "a table is empty"),
        (LABELS, {**SCORES, "c": np.nan}, "slide scores must be finite, got nan for 'c'"),
    ],
)
def test_tables_that_cannot_be_are_refused(labels, marks, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        score(labels, marks)
