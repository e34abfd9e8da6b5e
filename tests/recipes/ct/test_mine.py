import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.recipes.ct.mine import false_positives

IMAGE = ArrayImage(Grid.upright((4, 4, 4), (1, 1, 1)), np.zeros((4, 4, 4), np.int16))


def test_only_candidates_away_from_every_known_finding_are_hard_negatives():
    case = Case("c", "p", IMAGE, truth=(Lesion((0, 0, 0), 20.0),), excluded=(Lesion((100, 0, 0), 0.0),))
    on, beside, far, on_excluded = (Candidate((x, 0, 0), 0.9) for x in (3.0, 13.0, 50.0, 104.0))
    assert false_positives(case, [on, beside, far, on_excluded]) == [far]


def test_without_findings_every_candidate_is_one():
    marks = [Candidate((1, 2, 3), 0.5), Candidate((4, 5, 6), 0.4)]
    assert false_positives(Case("c", "p", IMAGE, truth=()), marks) == marks
