from types import SimpleNamespace

import numpy as np

from lesionkit.nets.model_file import complete_card, read_arrays, read_card
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.nets.weights import save_model
from lesionkit.recipes.ensemble import plans_of
from lesionkit.recipes.slide.answer import Measured, SlideAnswerSettings
from lesionkit.recipes.slide.calibration import _Fitting, keep_answer, validation_slides
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


def test_a_model_that_is_told_its_score_still_knows_the_images_it_learned_from(tmp_path):
    rule = SlideAnswerSettings().rule.rule
    fitting = _Fitting(SimpleNamespace(warn=print), [slide(True), slide(False, "q")], SETTINGS)
    model = save_model(tmp_path / "m.safetensors", PatchNet(PatchNetSettings(channels=(32, 32), blocks=(1, 1))), {})
    complete_card(model, {"foreign": {"limit": 2.0}}, {"mean": np.ones(3)})
    keep_answer(model, fitting.answer([Measured({rule: value}, {}) for value in (0.9, 0.1)]))
    assert read_arrays(model)["mean"].tolist() == [1, 1, 1]
    assert (read_card(model)["foreign"], read_card(model)["answer"]["rule"]) == ({"limit": 2.0}, rule)
