import json

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.aggregate import AggregatorSettings
from lesionkit.infer.calibrate import Platt
from lesionkit.recipes.slide.answer import Answer, Measured, SlideAnswerSettings, fit_answer

POSITIVE = [True] * 6 + [False] * 6
PATIENTS = [f"p{n}" for n in range(12)]


def measured(tops):
    """Maps whose top area says `tops`, whose maximum says nothing, and whose one feature is the top area."""
    rules = [{"maximum": 0.99, "quantile": 0.5, "top area": top, "area": 0.0} for top in tops]
    return [Measured(rule, {"top": rule["top area"], "mean": 0.0}) for rule in rules]


GOOD = measured([0.9, 0.8, 0.95, 0.7, 0.85, 0.4, 0.1, 0.2, 0.3, 0.15, 0.5, 0.25])


def fit(**settings):
    return fit_answer(GOOD, POSITIVE, PATIENTS, SlideAnswerSettings(**settings))


def test_a_calibrated_score_is_a_probability_that_keeps_the_order():
    answer, said = fit()
    scores = [answer(one) for one in GOOD]
    assert said == []
    assert answer.fitted_on == (6, 6)
    assert scores[0] > 0.5 > scores[6]
    assert sorted(range(12), key=lambda n: scores[n]) == sorted(range(12), key=lambda n: GOOD[n].rules["top area"])


def test_the_best_rule_is_that_of_the_highest_auc_on_validation_slides():
    assert fit(by="best rule", rule={"rule": "maximum"})[0].rule == "top area"


def test_without_calibration_the_score_is_what_the_rule_says():
    answer, _ = fit(calibrate=False)
    assert answer(GOOD[0]) == 0.9


def test_with_few_validation_slides_nothing_is_fitted_and_a_sentence_says_so():
    answer, said = fit_answer(GOOD[5:7], [True, False], ["p", "q"], SlideAnswerSettings())
    assert answer == Answer("top area")
    assert "needs 4 validation slides with tumour and as many without, got 1 and 1" in said[0]


def test_an_aggregator_ranks_by_features():
    answer, said = fit(by="aggregator", aggregator=AggregatorSettings(features=("top",), folds=3))
    assert said == []
    assert answer.aggregator is not None
    assert answer(GOOD[0]) > answer(GOOD[6])


@pytest.mark.parametrize("by", ["rule", "aggregator"])
def test_an_answer_is_the_same_from_the_card_of_its_model(by):
    settings = SlideAnswerSettings(by=by, aggregator=AggregatorSettings(features=("top",), folds=3))
    answer, _ = fit_answer(GOOD, POSITIVE, PATIENTS, settings)
    again = Answer.from_card(answer.to_card(), settings)
    assert [again(one) for one in GOOD] == pytest.approx([answer(one) for one in GOOD])


def test_another_rule_than_the_fitted_one_is_not_calibrated_with_its_curve():
    answer, _ = fit()
    other = Answer.from_card(answer.to_card(), SlideAnswerSettings(rule={"rule": "maximum"}))
    assert other(GOOD[0]) == 0.99
    assert Answer.from_card(None, SlideAnswerSettings())(GOOD[0]) == 0.9


@pytest.mark.parametrize("curve", ["isotonic", "z-score"])
def test_the_curve_is_a_choice_and_lies_in_the_card(curve):
    settings = SlideAnswerSettings(curve=curve)
    answer, _ = fit_answer(GOOD, POSITIVE, PATIENTS, settings)
    again = Answer.from_card(json.loads(json.dumps(answer.to_card())), settings)
    assert again == answer
    assert answer(GOOD[2]) > answer(GOOD[6])
    assert Answer.from_card(answer.to_card(), SlideAnswerSettings()).curve is None


def test_a_card_of_the_first_models_holds_a_logistic_curve_without_its_name():
    card = {"rule": "top area", "aggregator": None, "curve": {"slope": 2.0, "intercept": -1.0}, "fitted_on": [4, 4]}
    assert Answer.from_card(card, SlideAnswerSettings()).curve == Platt(2.0, -1.0)


def test_slides_labels_and_patients_must_be_as_many():
    with pytest.raises(LesionkitError, match="each of 12 slides needs a label and a patient"):
        fit_answer(GOOD, POSITIVE[1:], PATIENTS, SlideAnswerSettings())


@pytest.mark.parametrize(
    ("rule", "number", "fitted", "other"),
    [("area", "threshold", 0.5, 0.95), ("top area", "top_mm2", 0.01, 5.0), ("quantile", "quantile", 0.999, 0.9)],
)
def test_a_curve_is_void_when_the_number_of_its_rule_is_another(rule, number, fitted, other):
    card = {
        "rule": rule,
        "aggregator": None,
        "curve": {"method": "platt", "slope": 4.0, "intercept": -2.0},
        "fitted_on": [9, 6],
    }

    def curve(value, **told):
        settings = SlideAnswerSettings(rule={"rule": rule, number: value})
        return Answer.from_card({**card, **told}, settings).curve

    # Cards of before do not tell: they were fitted with the defaults.
    assert curve(fitted) == Platt(4.0, -2.0)
    assert curve(other) is None
    assert curve(other, score={number: other}) == Platt(4.0, -2.0)
    assert curve(fitted, score={number: other}) is None


def test_a_number_of_another_rule_leaves_the_curve():
    card, _ = fit()
    assert Answer.from_card(card.to_card(), SlideAnswerSettings(rule={"threshold": 0.9})).curve is not None


def test_a_curve_is_void_for_maps_that_are_made_otherwise():
    card = fit()[0].to_card()
    assert Answer.from_card(card, SlideAnswerSettings(), same_map=False).curve is None
