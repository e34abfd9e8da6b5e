from types import SimpleNamespace

from lesionkit.recipes.ensemble import plans_of
from lesionkit.recipes.slide.answer import Measured, SlideAnswerSettings
from lesionkit.recipes.slide.calibration import _Fitting, validation_slides
from lesionkit.recipes.slide.data import SlideSet
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.sample.split import Splits

SETTINGS = SlideMetastasis()


def slide(has_tumour, patient="p"):
    return SimpleNamespace(has_tumour=has_tumour, entry=SimpleNamespace(patient_id=patient))


def held(parts):
    slides = {name: slide(name in "ab") for names in parts.values() for name in names}
    return SlideSet(slides, Splits({part: tuple(names) for part, names in parts.items()}), {}, (), len(slides))


def test_scores_are_fitted_on_slides_that_no_network_or_not_all_have_learned_from():
    one = held({"train": "ab", "validation": "cd", "test": "e"})
    assert list(validation_slides(one, plans_of(SETTINGS))) == ["c", "d"]
    folds = held({"fold0": "ab", "fold1": "cd", "test": "e"})
    assert list(validation_slides(folds, plans_of(SETTINGS, ("fold0", "fold1")))) == ["a", "b", "c", "d"]


def test_the_area_is_told_only_where_slides_of_both_kinds_were_measured():
    both = _Fitting(None, [slide(True), slide(False), slide(False)], SETTINGS)
    assert both.area(", a", [0.9, 0.1, 0.95]) == {"validation AUC of slides, a": 0.5}
    assert _Fitting(None, [slide(True)], SETTINGS).area("", [0.9]) == {}


def test_too_few_slides_are_said_and_leave_the_rule_as_it_is():
    said: list[str] = []
    fitting = _Fitting(SimpleNamespace(warn=said.append), [slide(True, "p"), slide(False, "q")], SETTINGS)
    rule = SlideAnswerSettings().rule.rule
    answer = fitting.answer([Measured({rule: value}, {}) for value in (0.9, 0.1)])
    assert (answer.rule, answer.curve) == (rule, None)
    assert len(said) == 1
    assert "the score of slides is not fitted" in said[0]
