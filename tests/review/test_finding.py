from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.handed import Balls, Handed, Maker, Mask, Outlines
from lesionkit.core.lesion import Candidate
from lesionkit.core.region import Region
from lesionkit.core.trace import Polygon
from lesionkit.review.finding import Finding, finding_id, findings_of, ring_area

MAKER = Maker("toy", "1", "", "", "", datetime(2026, 1, 1))
ABOUT = {
    "case_id": "a",
    "patient_id": "p",
    "path": Path("a"),
    "maker": MAKER,
    "case": None,
    "planes": tuple,
}


def test_balls_are_findings_strongest_first():
    balls = (Candidate((0, 0, 0), 0.2, 4.0), Candidate((9, 0, 0), 0.7, None))
    handed = Balls(**ABOUT, lesion="nodule", grid=Grid.upright((9, 9, 9), (1, 1, 1)), balls=balls)
    assert [(one.score, one.diameter_mm) for one in findings_of(handed)] == [(0.7, None), (0.2, 4.0)]


def test_connected_pieces_of_a_mask_are_findings_largest_first_in_pixels():
    mask = np.zeros((8, 8), bool)
    mask[0:2, 0:2] = mask[4:8, 2:6] = True
    handed = Mask(**ABOUT, lesion="pneumothorax", score=0.5, shape=(8, 8), mask=lambda: mask, heat=None)
    large, small = findings_of(handed)
    assert large.rings_mm == (((2.0, 4.0), (6.0, 4.0), (6.0, 8.0), (2.0, 8.0)),)
    assert large.size_mm == pytest.approx(2 * np.sqrt(16 / np.pi))
    assert (small.centre_mm, small.score) == ((1.0, 1.0), 0.5)


def test_regions_keep_their_holes_and_the_place_inside():
    ring = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])
    region = Region(Polygon(ring, (ring / 2,), 1), (3.0, 3.0), 0.9, 0.8, 12.0, 4.0)
    handed = Outlines(
        **ABOUT, lesion="metastasis", grid=Grid.upright((9, 9), (1, 1)), regions=lambda: [region], heat=None
    )
    (one,) = findings_of(handed)
    assert (one.centre_mm, one.score, len(one.rings_mm)) == ((3.0, 3.0), 0.9, 2)
    assert one.size_mm == pytest.approx(2 * np.sqrt(12 / np.pi))


def test_a_form_that_nobody_knows_is_refused():
    with pytest.raises(LesionkitError, match="the form Handed cannot be reviewed"):
        findings_of(Handed(**ABOUT, lesion="nodule"))


def test_a_finding_has_the_same_name_wherever_it_ranks():
    assert finding_id("a", (1, 2, 3)) == finding_id("a", (1.0, 2.0, 3.0))
    assert finding_id("a", (1, 2, 3)) != finding_id("b", (1, 2, 3))


def test_a_finding_of_unknown_size_has_none_and_a_triangle_half_a_square():
    assert Finding("f", (0, 0, 0), None).size_mm == 0
    assert ring_area(((0, 0), (2, 0), (0, 2))) == 2
