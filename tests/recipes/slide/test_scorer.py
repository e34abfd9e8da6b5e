import json

import pytest

from lesionkit.recipes import load_recipe
from lesionkit.recipes.slide.scorer import changed_maps, read_answer, void_calibration
from lesionkit.runs.models import shipped_models
from lesionkit.runs.settings_file import change

MODEL = shipped_models("slide-metastasis")["slide-metastasis"]


@pytest.fixture(scope="module")
def settings():
    return load_recipe("slide-metastasis").model_settings(None)


def test_with_its_own_settings_a_model_is_calibrated(settings):
    assert read_answer(MODEL, settings).curve is not None
    assert void_calibration(MODEL, settings) == []


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"um": 0.5}, "um"),
        ({"stain": "macenko"}, "stain"),
        ({"infer": {"mode": "sampled"}}, "infer.mode"),
        ({"infer": {"least_stride": 64}}, "infer.least_stride"),
        ({"tissue": {"closing_um": 0.0}}, "tissue.closing_um"),
    ],
)
def test_maps_that_are_made_otherwise_are_not_calibrated_with_its_curve_and_a_sentence_says_so(settings, given, name):
    other = change(settings, given)
    assert name in changed_maps({"settings": json.loads(settings.model_dump_json())}, other)
    assert read_answer(MODEL, other).curve is None
    (sentence,) = void_calibration(MODEL, other)
    assert name in sentence


def test_the_number_of_the_rule_is_told_too(settings):
    other = change(settings, {"answer": {"rule": {"top_mm2": 5.0}}})
    assert read_answer(MODEL, other).curve is None
    assert "no probabilities" in void_calibration(MODEL, other)[0]


@pytest.mark.parametrize(
    "given", [{"infer": {"precision": "fp32", "threads": 0, "tile": 512}}, {"learn": {"steps": 7}}]
)
def test_what_no_score_depends_on_leaves_the_curve(settings, given):
    assert read_answer(MODEL, change(settings, given)).curve is not None
