import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.froc import Detections
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.points import DecideSettings, Decision, OperatingPoints, StoredPoint
from lesionkit.evaluate.tally import Tally


def detector(n_cases: int = 2) -> Tally:
    """Four lesions in two scans, one missed, and six false positives."""
    found = Detections(
        n_cases, [0, 0, 1, 1], [0.9, 0.7, 0.4, -np.inf], [0, 0, 0, 1, 1, 1], [0.8, 0.6, 0.2, 0.5, 0.3, 0.1]
    )
    return Tally(found, Patients.of([f"s{n}" for n in range(n_cases)]), "scan")


def images() -> Tally:
    """Twenty positive images with scores from 0.50, twenty negative ones from 0.00, in steps of 0.02."""
    positive = np.arange(40) >= 20
    score = np.where(positive, 0.5, 0.0) + 0.02 * (np.arange(40) % 20)
    return Tally.of_images(positive, score, Patients.of([f"i{n}" for n in range(40)]), "slide")


def test_a_detector_has_points_at_so_many_false_positives_a_scan() -> None:
    points = OperatingPoints.of(detector())
    assert points is not None
    assert [(point.name, point.threshold) for point in points.points] == [
        ("0.5 false positives a scan", 0.7),
        ("1 false positive a scan", 0.6),
        ("2 false positives a scan", 0.3),
        ("4 false positives a scan", 0.1),
    ]
    assert points.default == "1 false positive a scan"
    assert points.measured_on == {"scans": 2, "patients": 2, "lesions": 4}


def test_a_point_says_what_it_gave_with_intervals_and_denominators() -> None:
    points = OperatingPoints.of(detector())
    assert points is not None
    figures = points.points[1].figures
    assert figures["sensitivity"].value == 2 / 4
    assert figures["sensitivity"].note == "2 of 4 lesions"
    assert figures["false positives per scan"].note == "2 in 2 scans"
    assert figures["false positives per scan"].value == 1.0
    assert figures["sensitivity"].lower is not None


def test_images_have_a_point_of_sensitivity_and_one_of_specificity() -> None:
    points = OperatingPoints.of(images())
    assert points is not None
    assert [(point.name, round(point.threshold, 2)) for point in points.points] == [
        ("sensitivity 95 %", 0.52),
        ("specificity 90 %", 0.36),
    ]
    assert points.default == "sensitivity 95 %"
    assert points.points[0].figures["sensitivity"].value == 19 / 20
    assert points.points[1].figures["specificity"].value == 18 / 20


def test_a_share_on_which_all_draws_agree_has_wilsons_interval() -> None:
    tally = Tally.of_images([True, True, False, False], [0.9, 0.8, 0.2, 0.1], Patients.of(list("abcd")), "slide")
    points = OperatingPoints.of(tally)
    assert points is not None
    figure = points.points[0].figures["sensitivity"]
    assert (figure.value, figure.upper) == (1.0, 1.0)
    assert figure.lower == pytest.approx(0.342, abs=1e-3)


def test_images_of_one_kind_and_scans_without_lesions_give_no_points() -> None:
    healthy = Tally.of_images([False, False], [0.1, 0.2], Patients.of(["a", "b"]), "slide")
    assert OperatingPoints.of(healthy) is None
    assert OperatingPoints.of(Tally(Detections(1, [], [], [0], [0.5]), Patients.of(["a"]), "scan")) is None


@given(st.integers(0, 1000))
def test_a_point_keeps_the_rate_that_it_is_called_after(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_cases, n_lesions, n_false = 4, 6, 20
    found = Detections(
        n_cases,
        rng.integers(0, n_cases, n_lesions),
        np.round(rng.random(n_lesions), 1),
        rng.integers(0, n_cases, n_false),
        np.round(rng.random(n_false), 1),
    )
    points = OperatingPoints.of(Tally(found, Patients.of(list("abcd")), "scan"))
    for point in points.points if points else ():
        assert (found.false_score >= point.threshold).sum() / n_cases <= float(point.name.split()[0])


def test_points_survive_a_card() -> None:
    points = OperatingPoints.of(detector())
    assert points is not None
    assert OperatingPoints.from_card(points.to_card()) == points


def test_damaged_points_of_a_card_are_refused() -> None:
    with pytest.raises(LesionkitError, match=r"the operating points of the model are damaged .*; train again"):
        OperatingPoints.from_card({"points": [{"name": "a"}], "default": "a", "measured_on": {}})


POINTS = OperatingPoints(
    (StoredPoint("sensitivity 95 %", 0.5), StoredPoint("specificity 90 %", 0.8)), "sensitivity 95 %", {}
)


def test_the_default_point_decides_where_nobody_chooses() -> None:
    decision = Decision.of(None, POINTS)
    assert (decision.threshold, decision.name) == (0.5, "sensitivity 95 %")
    assert decision.sentence([0.9, 0.4], "positive slide") == "1 positive slide at sensitivity 95 %; 1 weaker below"


def test_a_point_is_chosen_by_name_however_it_is_spaced() -> None:
    assert Decision.of("Specificity 90%", POINTS).threshold == 0.8


def test_a_threshold_is_taken_as_it_is_also_without_points() -> None:
    assert Decision.of(0.25, None).sentence([0.3, 0.2], "finding") == "1 finding at threshold 0.25; 1 weaker below"


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(
        LesionkitError,
        match=r"no operating point 'best'; decide.at must be one of 'sensitivity 95 %', 'specificity 90 %'",
    ):
        Decision.of("best", POINTS)
    with pytest.raises(LesionkitError, match="no operating point 'best', for the model has no operating points; give"):
        Decision.of("best", None)


@pytest.mark.parametrize("value", [1.5, -0.1, "2", math.nan, True])
def test_a_threshold_lies_between_0_and_1(value: object) -> None:
    with pytest.raises(LesionkitError, match=r"decide.at must be .* a threshold in \[0, 1\], got"):
        DecideSettings(at=value)


def test_a_name_and_a_threshold_are_settings() -> None:
    assert (DecideSettings(at="0.4").at, DecideSettings(at="sensitivity 95 %").at) == (0.4, "sensitivity 95 %")


def test_without_points_nothing_is_decided_and_everything_is_listed() -> None:
    decision = Decision()
    assert (decision.above(0.9), decision.count([0.9, 0.1])) == (None, 2)
    assert decision.sentence([0.9], "finding").startswith("the model has no operating points")
