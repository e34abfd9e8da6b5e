import numpy as np

from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.evaluate.points import Decision
from lesionkit.report.found_radiograph import FoundRadiograph
from lesionkit.report.look import radiograph_look, scan_look
from lesionkit.report.radiograph_picture import FoundPixels

BALL = ((30.0, 5.0, 10.0), 14.0)


def test_a_scan_is_seen_from_the_front_with_its_findings_and_what_they_are(chest):
    candidates = (Candidate(BALL[0], 0.9, BALL[1]), Candidate((-30.0, 0.0, 0.0), 0.6), Candidate((0, 0, 0), 0.1))
    case = chest(BALL, candidates=candidates, truth=(Lesion(*BALL),))
    look = scan_look(case, Decision(0.5, "threshold 0.5"))
    assert look.lines == ("2 findings", "1 of 1 known lesions", "1 false positive")
    assert str(look.picture).count("<svg") == 3  # the chest, and a cut through each finding


def test_a_radiograph_shows_what_was_found_and_what_is_known():
    mask, truth = np.zeros((2, 32, 32), bool)
    mask[4:12, 4:12] = truth[4:12, 8:16] = True
    pixels = FoundPixels(np.full((32, 32), 90, np.uint8), mask * np.float32(0.9), mask, truth)
    case = FoundRadiograph("x<1", lambda: pixels, 0.9, None, True, 0.1, truth_known=True)
    look = radiograph_look(case)
    assert look.lines == ("positive", "score 0.900", "a finding is known", "Dice 0.50")
    assert "x&lt;1" in str(look.picture)
