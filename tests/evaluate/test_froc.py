import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.evaluate.bootstrap import draw_cases
from lesionkit.evaluate.cpm import at_rates, cpm_figures, quote
from lesionkit.evaluate.froc import Detections, detections, froc, operating_points, sensitivity_at

MISSED = -np.inf


def test_a_curve_by_eye() -> None:
    """Two cases, three lesions: hit at 0.9, hit at 0.5, missed; false positives at 0.7 and 0.5."""
    curve = froc(Detections(2, [0, 0, 1], [0.9, 0.5, MISSED], [0, 1], [0.7, 0.5]))
    assert curve.threshold.tolist() == [np.inf, 0.9, 0.7, 0.5]
    assert curve.x.tolist() == [0, 0, 0.5, 1.0]
    np.testing.assert_allclose(curve.y, [0, 1 / 3, 1 / 3, 2 / 3])
    assert curve.step


def test_a_hit_and_a_false_positive_of_equal_score_enter_together() -> None:
    curve = froc(Detections(1, [0], [0.5], [0], [0.5]))
    assert sensitivity_at(curve, [0.999, 1.0]).tolist() == [0, 1]


def test_the_sensitivity_at_a_rate_is_not_interpolated() -> None:
    curve = froc(Detections(1, [0, 0], [0.9, 0.3], [0, 0], [0.5, 0.5]))
    assert sensitivity_at(curve, [0, 1, 1.9, 2]).tolist() == [0.5, 0.5, 0.5, 1.0]


def test_a_system_with_few_false_positives_keeps_its_last_sensitivity() -> None:
    assert sensitivity_at(froc(Detections(1, [0], [0.9], [], [])), [0.125, 8]).tolist() == [1, 1]


def test_without_lesions_the_sensitivity_is_not_defined_and_not_zero() -> None:
    found = Detections(2, [], [], [0], [0.5])
    assert np.isnan(froc(found).y).all()
    figures = cpm_figures(quote(found, froc(found), (1.0,), draw_cases(2, 10)), 0, patients=0)
    assert np.isnan(figures["cpm"].value)
    assert "not defined: there is no lesion" in figures["cpm"].note


def test_the_operating_point_is_the_loosest_threshold_within_the_rate() -> None:
    curve = froc(Detections(1, [0, 0], [0.9, 0.3], [0, 0], [0.5, 0.2]))
    (point,) = operating_points(curve, [1.0], "per scan")
    assert (point.name, point.threshold, point.x, point.y) == ("1 false positives per scan", 0.3, 1.0, 1.0)


def test_candidates_and_lesions_by_case_make_detections() -> None:
    truth = {"a": [Lesion((0, 0, 0), diameter_mm=10.0)], "b": []}
    found = detections(
        {"a": [Candidate((3, 0, 0), 0.9), Candidate((0, 0, 0), 0.8), Candidate((0, 0, 30), 0.6)], "b": []},
        truth,
        excluded={"a": [Lesion((0, 0, 30), diameter_mm=4.0)]},
    )
    assert (found.n_cases, found.lesion_score.tolist(), found.n_false_positives) == (2, [0.9], 0)


def test_pictures_of_two_dimensions_are_scored_alike() -> None:
    found = detections({"a": [Candidate((3, 0), 0.9)]}, {"a": [Lesion((0, 0), diameter_mm=10.0)]})
    assert found.lesion_score.tolist() == [0.9]


def test_candidates_of_a_case_without_truth_are_refused() -> None:
    with pytest.raises(LesionkitError, match="1 of 1 cases have candidates but no truth entry, first 'b'"):
        detections({"b": [Candidate((0, 0, 0), 0.5)]}, {"a": []})


def test_a_part_of_the_lesions_keeps_all_false_positives_and_a_part_of_the_cases_its_own() -> None:
    found = Detections(3, [0, 2], [0.9, 0.8], [0, 1, 2], [0.3, 0.2, 0.1])
    lesions = found.of_lesions(np.array([False, True]))
    assert (lesions.n_cases, lesions.lesion_case.tolist(), lesions.n_false_positives) == (3, [2], 3)
    cases = found.of_cases(np.array([False, True, True]))
    assert (cases.n_cases, cases.lesion_case.tolist(), cases.false_case.tolist()) == (2, [1], [0, 1])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((0, [], [], [], []), "at least one case, got 0"),
        ((1, [0], [], [], []), "every lesion and false positive has one case and one score"),
        ((1, [1], [0.5], [], []), r"case indices must lie in 0 … 0, got up to 1"),
        ((1, [0], [np.nan], [], []), "scores must be finite"),
        ((1, [], [], [0], [np.inf]), "scores must be finite"),
    ],
)
def test_detections_that_cannot_be_are_refused(arguments: tuple, sentence: str) -> None:
    with pytest.raises(LesionkitError, match=sentence):
        Detections(*arguments)


def test_a_straight_curve_is_interpolated() -> None:
    curve = froc(Detections(1, [0, 0], [0.9, 0.3], [0, 0], [0.5, 0.2]))
    straight = type(curve)(curve.name, "", "", np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.array([np.inf, 0.5]))
    assert at_rates(straight, [0.25]).tolist() == [0.25]
