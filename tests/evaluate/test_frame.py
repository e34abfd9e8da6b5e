import numpy as np

from lesionkit.core.match import Places
from lesionkit.evaluate.frame import frame_warning

CENTRES = np.array([[30.0, -40, 100], [60, 20, 50], [-70, 10, 220]])
LESIONS = Places(np.arange(3), CENTRES, np.full(3, 5.0))


def said(marks: np.ndarray) -> str:
    return frame_warning(Places(np.arange(3), marks), LESIONS) or ""


def test_marks_that_hit_are_in_the_right_frame() -> None:
    assert said(CENTRES) == ""
    assert said(np.array([CENTRES[0], [0, 0, 0], [0, 0, 0]])) == ""


def test_marks_in_ras_and_marks_in_array_order_are_told() -> None:
    assert "negating x and y (marks in RAS, truth in LPS) would hit 3" in said(CENTRES * [-1, -1, 1])
    assert "reversing the axes (marks in z, y, x) would hit 3" in said(CENTRES[:, ::-1])


def test_marks_that_hit_nothing_in_any_frame_are_told_with_the_least_distance() -> None:
    sentence = said(CENTRES + np.array([0, 0, 500]))
    assert "none of 3 lesions in scans with marks is hit, the closest mark is 500 mm" in sentence
    assert "would hit" not in sentence


def test_scans_without_marks_say_nothing() -> None:
    assert frame_warning(Places.none(), LESIONS) is None
    assert frame_warning(Places(np.array([0]), np.zeros((1, 3))), Places.none()) is None
