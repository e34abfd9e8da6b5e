import json

import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.recipes.ct import mine as subject
from lesionkit.recipes.ct.mine import false_positives
from lesionkit.recipes.ct.settings import CtNodule

IMAGE = ArrayImage(Grid.upright((4, 4, 4), (1, 1, 1)), np.zeros((4, 4, 4), np.int16))


def test_only_candidates_away_from_every_known_finding_are_hard_negatives():
    case = Case("c", "p", IMAGE, truth=(Lesion((0, 0, 0), 20.0),), excluded=(Lesion((100, 0, 0), 0.0),))
    on, beside, far, on_excluded = (Candidate((x, 0, 0), 0.9) for x in (3.0, 13.0, 50.0, 104.0))
    assert false_positives(case, [on, beside, far, on_excluded]) == [far]


def test_without_findings_every_candidate_is_one():
    marks = [Candidate((1, 2, 3), 0.5), Candidate((4, 5, 6), 0.4)]
    assert false_positives(Case("c", "p", IMAGE, truth=()), marks) == marks


def test_false_positives_are_mined_where_somebody_found_nothing_and_never_where_nobody_looked(tmp_path, monkeypatch):
    class Detector:
        def __init__(self, *_):
            pass

        def find(self, case):
            return [Candidate((1, 2, 3), 0.9)]

    monkeypatch.setattr(subject, "NoduleDetector", Detector)
    healthy, sick, unknown = (
        Case(name, name, IMAGE, truth) for name, truth in (("h", ()), ("s", (Lesion((90, 0, 0), 5.0),)), ("u", None))
    )
    subject._mine(tmp_path / "hard.json", None, [healthy, sick, unknown], CtNodule())
    assert json.loads((tmp_path / "hard.json").read_text()) == {"h": [[1, 2, 3]]}
    subject._mine(tmp_path / "hard.json", None, [sick, unknown], CtNodule())
    assert list(json.loads((tmp_path / "hard.json").read_text())) == ["s"]


def test_of_many_false_positives_the_strongest_are_kept(tmp_path, monkeypatch):
    class Detector:
        def __init__(self, *_):
            pass

        def find(self, case):
            return [Candidate((number, 0, 0), 0.9 - number / 100) for number in range(100)]

    monkeypatch.setattr(subject, "NoduleDetector", Detector)
    subject._mine(tmp_path / "hard.json", None, [Case("h", "h", IMAGE, ())], CtNodule())
    places = json.loads((tmp_path / "hard.json").read_text())["h"]
    # Sixty at most, and of those only scores of 0.1 or more.
    assert [place[0] for place in places] == list(range(60))
