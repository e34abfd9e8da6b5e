import json

import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.recipes.ct import mine as subject
from lesionkit.recipes.ct.mine import false_positives, hit_of

IMAGE = ArrayImage(Grid.upright((4, 4, 4), (1, 1, 1)), np.zeros((4, 4, 4), np.int16))


def test_only_candidates_away_from_every_known_finding_are_hard_negatives():
    case = Case("c", "p", IMAGE, truth=(Lesion((0, 0, 0), 20.0),), excluded=(Lesion((100, 0, 0), 0.0),))
    on, beside, far, on_excluded = (Candidate((x, 0, 0), 0.9) for x in (3.0, 13.0, 50.0, 104.0))
    assert false_positives(case, [on, beside, far, on_excluded]) == [far]


def test_without_findings_every_candidate_is_one():
    marks = [Candidate((1, 2, 3), 0.5), Candidate((4, 5, 6), 0.4)]
    assert false_positives(Case("c", "p", IMAGE, truth=()), marks) == marks


def test_false_positives_are_mined_where_somebody_found_nothing_and_never_where_nobody_looked(tmp_path):
    class Detector:
        def find(self, case):
            return [Candidate((1, 2, 3), 0.9)]

    healthy, sick, unknown = (
        Case(name, name, IMAGE, truth) for name, truth in (("h", ()), ("s", (Lesion((90, 0, 0), 5.0),)), ("u", None))
    )
    subject._mine(tmp_path / "hard.json", Detector(), [healthy, sick, unknown])
    assert json.loads((tmp_path / "hard.json").read_text()) == {"h": [[1, 2, 3]]}
    subject._mine(tmp_path / "hard.json", Detector(), [sick, unknown])
    assert list(json.loads((tmp_path / "hard.json").read_text())) == ["s"]


def test_of_many_false_positives_the_strongest_are_kept(tmp_path):
    class Detector:
        def find(self, case):
            return [Candidate((number, 0, 0), 0.9 - number / 100) for number in range(100)]

    subject._mine(tmp_path / "hard.json", Detector(), [Case("h", "h", IMAGE, ())])
    places = json.loads((tmp_path / "hard.json").read_text())["h"]
    # Sixty at most, and of those only scores of 0.1 or more.
    assert [place[0] for place in places] == list(range(60))


def test_a_place_is_a_hit_within_the_radius_of_a_lesion_and_within_four_millimetres_of_a_small_one():
    case = Case("c", "p", IMAGE, truth=(Lesion((0, 0, 0), 20.0), Lesion((100, 0, 0), 3.0)))
    places = np.array([(9.9, 0, 0), (10.1, 0, 0), (103.9, 0, 0), (104.1, 0, 0)])
    assert hit_of(case, places).tolist() == [True, False, True, False]
    assert hit_of(Case("c", "p", IMAGE, truth=()), places).tolist() == [False] * 4
    assert hit_of(case, np.zeros((0, 3))).tolist() == []
