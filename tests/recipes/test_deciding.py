import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Candidate
from lesionkit.evaluate.points import OperatingPoints, StoredPoint
from lesionkit.infer.calibrate import LogitPlatt, calibration_to_card
from lesionkit.recipes.base import Item, Learned, Summary
from lesionkit.recipes.ct.kind import CT
from lesionkit.recipes.ct.search import FoundScan
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.recipes.deciding import complete_from, deciding_of, set_points
from lesionkit.recipes.ensemble import complete_model, model_card
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.settings_file import change

POINTS = OperatingPoints((StoredPoint("1 false positive a scan", 0.5),), "1 false positive a scan", {"scans": 2})
CURVE = LogitPlatt(1.0, -1.0)
GRID = Grid.upright((20, 20, 20), (1, 1, 1))
LESION = '[{"centre_mm": [5, 5, 5], "diameter_mm": 6.0}]'


@pytest.fixture
def pointed(model, tmp_path):
    """The model of the tests with a point and a curve."""
    file = tmp_path / "m.safetensors"
    shutil.copy(model, file)
    entries = {"operating_points": POINTS.to_card(), "calibration": {"curve": calibration_to_card(CURVE)}}
    return complete_model(file, entries)


@pytest.fixture
def settings(model):
    return CtNodule.parse(model_card(model)["settings"])


def scan(name: str, *scores: float, lesions: str = LESION) -> FoundScan:
    """The first candidate hits the lesion, the others lie apart."""
    marks = [Candidate((5.0 + 9 * (n > 0), 5.0, 5.0), score, 6.0) for n, score in enumerate(scores)]
    facts = {"seconds": {"total": 1.0}, "format": "mha"}
    return FoundScan(Item(name, Path(name), known={"lesions": lesions}), name, GRID, tuple(marks), facts)


def test_a_model_tells_where_the_line_is_and_how_scores_become_probabilities(pointed, settings):
    deciding = deciding_of(pointed, settings, CT)
    assert (deciding.decision.threshold, deciding.curve, deciding.warnings) == (0.5, CURVE, ())
    (found,) = deciding.rescored([scan("a", 0.5)], CT)
    assert found.candidates[0].score == pytest.approx(0.2689, abs=1e-4)


def test_points_and_curve_are_void_with_other_settings_and_a_sentence_says_which(pointed, settings):
    changed = change(settings, {"infer": {"flip": not settings.infer.flip}})
    deciding = deciding_of(pointed, changed, CT)
    assert (deciding.decision.threshold, deciding.curve) == (None, None)
    (sentence,) = deciding.warnings
    assert "the operating points and calibration of the model do not hold with other settings (infer.flip)" in sentence
    with pytest.raises(LesionkitError, match=r"there is no operating point 'best', for the operating points .* do not"):
        deciding_of(pointed, change(changed, {"decide": {"at": "best"}}), CT)


def test_settings_that_change_no_score_leave_them_standing(pointed, settings):
    other = change(settings, {"infer": {"limit": 3, "precision": "bf16"}, "score": {"bootstrap": 7}})
    assert deciding_of(pointed, other, CT).decision.threshold == 0.5


def test_a_model_without_points_decides_nothing_unless_a_threshold_is_given(model, settings):
    assert deciding_of(model, settings, CT).decision.threshold is None
    assert deciding_of(model, change(settings, {"decide": {"at": 0.3}}), CT).decision.threshold == 0.3


def test_a_model_is_completed_from_what_was_found_with_it(pointed, settings):
    found = [scan(f"s{n}", 0.9 - 0.1 * n, 0.2 + 0.05 * n, 0.1) for n in range(5)]
    entries = complete_from(pointed, found, settings, CT, {"limits": ["none"]})
    card = model_card(pointed)
    assert card["limits"] == ["none"]
    assert card["operating_points"] == entries["operating_points"]
    assert entries["operating_points"]["measured_on"] == {"scans": 5, "patients": 5, "lesions": 5}
    assert entries["calibration"]["fitted_on"] == {"true": 5, "false": 10}
    assert entries["calibration"]["curve"]["method"] == "logit"
    assert entries["measured"]["figures"]["exact"]["cpm"]["value"] == 1.0
    # Thresholds are of the scores that are shown.
    stored = deciding_of(pointed, settings, CT)
    shown = [one.candidates[1].score for one in stored.rescored(found, CT)]
    # Half a false positive a scan leaves room for two in five scans, the strongest of which are of 0.4 and 0.35.
    assert stored.decision.stored.points[0].threshold == shown[3]


def test_a_model_is_not_completed_from_a_search_with_other_settings_or_without_truth(pointed, settings):
    with pytest.raises(LesionkitError, match=r"but it was searched with another infer\.flip; search again"):
        complete_from(pointed, [scan("a", 0.9)], change(settings, {"infer": {"flip": True}}), CT)
    unknown = replace(scan("a", 0.9), item=Item("a", Path("a")))
    with pytest.raises(LesionkitError, match="nothing is known of these 1; give a truth"):
        complete_from(pointed, [unknown], settings, CT)


def test_where_nothing_validates_a_training_says_that_its_model_has_no_points(settings, tmp_path):
    with open_run(tmp_path / "r", "ct-nodule", settings, {}) as run:
        said = set_points(run, Learned(Summary()), settings, CT)
    assert said == ("no scan validates, so the model has no operating points",)
