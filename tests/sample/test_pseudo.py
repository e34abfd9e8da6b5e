"""Pseudo labels: what the published filters keep, at their boundaries, and what is written down about it."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.sample.pseudo import PseudoLabel, PseudoSettings, accept

MODELS = {"fold-0": "ab12", "fold-1": "cd34"}
USUAL, CONFIDENCE = PseudoSettings(), PseudoSettings(filter="confidence")


def predicted(pixels: int, side: int = 1024, value: float = 0.9):
    """A probability map with so many pixels of `value`."""
    flat = np.zeros(side * side, np.float32)
    flat[:pixels] = value
    return flat.reshape(side, side)


def kept(label, probability, p_nonempty=0.5, settings=USUAL, **options) -> PseudoLabel | None:
    return accept("image 7", label, probability, p_nonempty, settings, **{"round": 1, "models": MODELS, **options})


@pytest.mark.parametrize(("pixels", "expected"), [(100, None), (101, True), (5000, True), (0, None)])
def test_a_positive_label_needs_more_than_100_pixels(pixels, expected):
    found = kept(1, predicted(pixels))
    assert (found.positive if found else None) is expected
    if found:
        np.testing.assert_array_equal(found.mask, predicted(pixels) > 0)


@pytest.mark.parametrize(("pixels", "expected"), [(6, False), (7, True)])
def test_the_area_is_counted_at_1024_pixels_per_side(pixels, expected):
    # 6 pixels of 256² are 96 of 1024², 7 are 112.
    assert (kept(1, predicted(pixels, side=256)) is not None) is expected


def test_a_pixel_counts_above_one_half():
    assert kept(1, predicted(500, value=0.5)) is None
    assert kept(1, predicted(500, value=0.51)).mask.sum() == 500
    assert kept(1, predicted(500, value=0.5), settings=PseudoSettings(mask_threshold=0.4)).positive


def test_a_negative_label_is_used_directly_with_an_empty_mask():
    found = kept(0, predicted(9000), p_nonempty=0.99)
    assert not found.positive
    assert not found.mask.any()
    assert found.mask.shape == (1024, 1024)


@given(st.sampled_from([-1, None]), st.floats(0, 1), st.integers(0, 64))
def test_without_a_certain_label_nothing_is_believed(label, p_nonempty, pixels):
    assert kept(label, predicted(pixels, side=8), p_nonempty) is None


@pytest.mark.parametrize(
    ("p_nonempty", "expected"), [(0.9, True), (0.899, None), (0.5, None), (0.101, None), (0.1, False), (0.0, False)]
)
@pytest.mark.parametrize("label", [1, 0, -1, None])
def test_a_confident_model_is_believed_whatever_the_label(p_nonempty, expected, label):
    found = kept(label, predicted(20), p_nonempty, CONFIDENCE)
    assert (found.positive if found else None) is expected
    if found:
        assert found.mask.sum() == (20 if expected else 0)


def test_a_confident_positive_without_a_mask_teaches_nothing():
    assert kept(None, predicted(0), 0.99, CONFIDENCE) is None


def test_a_confident_positive_survives():
    assert kept(None, predicted(500), 1.0, CONFIDENCE).positive


@given(
    st.sampled_from([1, 0, -1, None]),
    st.floats(0, 1),
    st.integers(0, 64),
    st.sampled_from(["label and area", "confidence"]),
)
def test_a_kept_label_is_positive_exactly_if_its_mask_is_not_empty(label, p_nonempty, pixels, filter_):
    found = kept(label, predicted(pixels, side=8), p_nonempty, PseudoSettings(filter=filter_))
    assert found is None or found.positive == found.mask.any()


def test_where_a_label_came_from_is_written_down_as_json():
    found = kept(1, predicted(1024), 0.75, round=2)
    assert found.case_id == "image 7"
    assert json.loads(json.dumps(found.provenance)) == {
        "round": 2,
        "models": MODELS,
        "filter": "label and area",
        "label": 1,
        "p_nonempty": 0.75,
        "area": 1024 / 1024**2,
    }


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kept(2, predicted(1)), "image 'image 7': label must be 1, 0, -1 .* got 2"),
        (lambda: kept(1, np.zeros((1, 2, 2))), r"probability must be \(y, x\), got shape \(1, 2, 2\)"),
        (lambda: kept(1, predicted(1, value=7)), r"must lie in 0..1, got 0..7"),
        (lambda: kept(1, predicted(1), p_nonempty=-2), r"must lie in 0..1, got -2..-2"),
        (lambda: kept(1, predicted(1), p_nonempty=math.nan), "must lie in 0..1, got nan..nan"),
        (lambda: kept(1, np.full((2, 2), math.nan)), "must lie in 0..1"),
        (lambda: kept(1, predicted(1), round=0), "got round 0 and 2 models"),
        (lambda: kept(1, predicted(1), models={}), "got round 1 and 0 models"),
        (
            lambda: PseudoSettings(confident_positive=0.2, confident_negative=0.3),
            "confident_negative must lie below confident_positive, got 0.3 and 0.2",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused(call, message):
    with pytest.raises(LesionkitError, match=message):
        call()


def test_the_published_filter_is_the_usual_one():
    settings = PseudoSettings()
    assert (settings.filter, settings.min_pixels, settings.share) == ("label and area", 100, 0.5)
