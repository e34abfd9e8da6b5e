import numpy as np

from lesionkit.evaluate.froc import Detections, froc, operating_points
from lesionkit.evaluate.operating import accepted, applied_figures, apply_operating_point
from lesionkit.evaluate.score import OperatingPoint

POINT = OperatingPoint("1 false positives per scan", threshold=0.5, x=1.0, y=0.8)


def test_a_candidate_at_the_threshold_counts() -> None:
    assert accepted(POINT, [0.49, 0.5, 0.51]).tolist() == [False, True, True]


def test_a_threshold_set_on_one_set_counts_on_another() -> None:
    new = Detections(2, [0, 0, 1], [0.9, 0.4, -np.inf], [0, 1, 1, 1], [0.6, 0.5, 0.7, 0.1])
    figures = apply_operating_point(POINT, new)
    assert figures["sensitivity"].value == 1 / 3
    assert figures["false positives per case"].value == 1.5
    assert figures["sensitivity"].note.startswith("1 of 3 lesions at threshold 0.5")


def test_applied_to_its_own_set_a_point_gives_what_was_quoted() -> None:
    found = Detections(4, [0, 1, 2, 3], [0.9, 0.7, 0.3, -np.inf], [0, 1, 2, 3], [0.8, 0.6, 0.3, 0.2])
    for point in operating_points(froc(found), (0.25, 0.5, 1.0)):
        figures = apply_operating_point(point, found)
        assert (figures["false positives per case"].value, figures["sensitivity"].value) == (point.x, point.y)


def test_a_threshold_that_nothing_reaches_finds_nothing() -> None:
    nothing = OperatingPoint("0 false positives per scan", np.inf, 0.0, 0.0)
    figures = apply_operating_point(nothing, Detections(1, [0], [-np.inf], [0], [0.9]))
    assert (figures["sensitivity"].value, figures["false positives per case"].value) == (0.0, 0.0)


def test_without_lesions_the_sensitivity_is_not_defined() -> None:
    figure = apply_operating_point(POINT, Detections(1, [], [], [0], [0.9]))["sensitivity"]
    assert np.isnan(figure.value)
    assert figure.lower is None


def test_the_figures_of_several_points_keep_their_names_apart() -> None:
    figures = applied_figures([POINT], Detections(1, [0], [0.9], [], []), samples=10, seed=0)
    assert list(figures) == [
        "sensitivity at the threshold for 1 false positives per scan",
        "false positives per case at the threshold for 1 false positives per scan",
    ]
