import numpy as np
import pytest
from tests.review.test_finding import ABOUT

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.handed import Balls, Handed, Mask, Outlines
from lesionkit.review.consensus import Judged
from lesionkit.review.corrected import corrected
from lesionkit.review.finding import Finding

SQUARE = ((2.0, 4.0), (6.0, 4.0), (6.0, 8.0), (2.0, 8.0))


def judged(*findings):
    return [Judged(one, {"ann": "accept"}) for one in findings]


def test_accepted_balls_are_certain():
    handed = Balls(**ABOUT, lesion="nodule", grid=Grid.upright((9, 9, 9), (1, 1, 1)), balls=())
    (ball,) = corrected(handed, judged(Finding("f", (1.0, 2, 3), 6.0, (), 0.3))).balls
    assert (ball.centre_mm, ball.score, ball.diameter_mm) == ((1.0, 2, 3), 1.0, 6.0)


def test_a_mask_is_what_readers_drew_and_nothing_else():
    handed = Mask(**ABOUT, lesion="pneumothorax", score=0.4, shape=(9, 9), mask=None, heat=None)
    made = corrected(handed, judged(Finding("f", (4, 6), None, (SQUARE,))))
    expected = np.zeros((9, 9), bool)
    expected[4:8, 2:6] = True
    assert (made.mask() == expected).all()
    nothing = corrected(handed, [])
    assert (nothing.score, nothing.mask().any()) == (0.0, False)


def test_regions_have_the_area_that_was_drawn():
    handed = Outlines(**ABOUT, lesion="metastasis", grid=Grid.upright((9, 9), (1, 1)), regions=None, heat=None)
    (region,) = corrected(handed, judged(Finding("f", (4, 6), None, (SQUARE,)))).regions()
    assert (region.area_mm2, region.length_mm) == (pytest.approx(16), 4.0)


def test_a_region_needs_an_outline_and_a_form_must_be_known():
    handed = Outlines(**ABOUT, lesion="metastasis", grid=Grid.upright((9, 9), (1, 1)), regions=None, heat=None)
    with pytest.raises(LesionkitError, match="finding f must have an outline, got none"):
        corrected(handed, judged(Finding("f", (4, 6), 3.0)))
    with pytest.raises(LesionkitError, match="the form Handed cannot be reviewed"):
        corrected(Handed(**ABOUT, lesion="nodule"), [])
