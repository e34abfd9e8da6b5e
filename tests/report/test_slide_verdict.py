import numpy as np
import pytest

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.report.found_slide import FoundSlide, SlideTruth
from lesionkit.report.slide_verdict import judge_slide

# 4 mm of 1 um per pixel; lesions far larger and far smaller than the 275 um of isolated tumour cells.
FINEST = Grid.upright((4000, 4000), (0.001, 0.001), (0.0005, 0.0005))
CELLS = Grid.upright((10, 10), (0.4, 0.4), (0.2, 0.2))


class Map:
    grid = CELLS
    array = np.zeros((10, 10), dtype=np.float32)
    computed = np.ones((10, 10), dtype=bool)


def square(x: float, y: float, side: float) -> np.ndarray:
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]])


LARGE, TINY = square(500, 500, 600), square(3000, 3000, 60)


def slide(*centres_mm: tuple[float, float], truth: SlideTruth | None) -> FoundSlide:
    marks = [Candidate(centre, 0.9 - 0.1 * number) for number, centre in enumerate(centres_mm)]
    overview = ArrayImage(CELLS, np.zeros((10, 10, 3), dtype=np.uint8))
    return FoundSlide("slide-1", FINEST, lambda: overview, Map(), 0.9, marks, truth=truth)


def test_a_mark_hits_repeats_is_ignored_or_is_a_false_alarm() -> None:
    truth = SlideTruth(True, Outline((LARGE, TINY)))
    judged = judge_slide(slide((0.8, 0.8), (0.6, 1.0), (3.03, 3.03), (2.0, 2.0), truth=truth))
    assert judged is not None
    assert judged.verdicts == ("hit", "repeat", "excluded", "false positive")
    assert (judged.n_found, judged.n_lesions, judged.n_false) == (1, 1, 1)


def test_lesions_are_told_by_length_with_the_mark_that_found_them() -> None:
    judged = judge_slide(slide((3.9, 0.1), (0.8, 0.8), truth=SlideTruth(True, Outline((TINY, LARGE)))))
    assert judged is not None
    large, tiny = judged.lesions
    assert (large.name, large.rank, tiny.name, tiny.rank) == ("hit", 2, "excluded", None)
    assert large.centre_mm == pytest.approx((0.8, 0.8), abs=0.04)
    # A square of 600 um that is grown by 37.5 um has sides of about 675 um, drawn with samples of 32.
    assert large.length_mm == pytest.approx(4 * 0.675 / np.sqrt(12), rel=0.1)


def test_a_lesion_without_a_mark_is_missed() -> None:
    judged = judge_slide(slide(truth=SlideTruth(True, Outline((LARGE,)))))
    assert judged is not None
    assert [lesion.name for lesion in judged.lesions] == ["miss"]


def test_truth_may_be_a_mask_at_reduced_size() -> None:
    mask = np.zeros((250, 250), dtype=bool)
    mask[30:70, 30:70] = True
    judged = judge_slide(slide((0.8, 0.8), truth=SlideTruth(True, SlideMask(mask, 16))))
    assert judged is not None
    assert judged.verdicts == ("hit",)


def test_every_mark_on_a_healthy_slide_is_a_false_alarm() -> None:
    judged = judge_slide(slide((0.8, 0.8), truth=SlideTruth(False)))
    assert judged is not None
    assert judged.verdicts == ("false positive",)
    assert judged.n_lesions == 0


def test_nothing_is_judged_where_nobody_drew_the_tumour() -> None:
    assert judge_slide(slide((0.8, 0.8), truth=None)) is None
    assert judge_slide(slide((0.8, 0.8), truth=SlideTruth(True))) is None
