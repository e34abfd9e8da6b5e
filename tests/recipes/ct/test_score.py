import math
from pathlib import Path

import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.evaluate.luna16_match import Luna16Settings
from lesionkit.recipes.base import Item
from lesionkit.recipes.ct.score import basis, lesion_table, score_cases, score_found
from lesionkit.recipes.ct.search import FoundScan
from lesionkit.recipes.ct.settings import CtNodule

RULE = Luna16Settings(protocol="exact", bootstrap=5)
GRID = Grid.upright((4, 4, 4), (1, 1, 1))
IMAGE = ArrayImage(GRID, np.zeros(GRID.shape, np.int16))
NODULE = Lesion((10.0, 0.0, 0.0), 6.0)


def test_a_nodule_that_is_found_first_scores_one_and_cases_nobody_looked_at_are_left_out():
    cases = [
        Case("sick", "p", IMAGE, truth=(NODULE,)),
        Case("healthy", "q", IMAGE, truth=()),
        Case("unknown", "r", IMAGE, truth=None),
    ]
    marks = {"sick": [Candidate((11.0, 0.0, 0.0), 0.9)], "unknown": [Candidate((0.0, 0.0, 0.0), 1.0)]}
    score = score_cases(cases, marks, RULE)
    assert score.figures["cpm"].value == 1.0
    assert (score.counts["scans"], score.counts["lesions"], score.counts["false_positives"]) == (2, 1, 0)


def test_a_mark_on_an_excluded_finding_counts_neither_way():
    case = Case("a", "p", IMAGE, truth=(NODULE,), excluded=(Lesion((50.0, 0.0, 0.0), 5.0),))
    marks = {"a": [Candidate((50.0, 0.0, 0.0), 0.99), Candidate((10.0, 0.0, 0.0), 0.9)]}
    score = score_cases([case], marks, RULE)
    assert (score.counts["hits"], score.counts["false_positives"]) == (1, 0)


def test_a_lesion_without_a_size_gets_luna16s_minus_one_and_facts_become_columns():
    table = lesion_table({"a": [Lesion((1.0, 2.0, 3.0), 0.0, facts={"texture": 5, "votes": [1, 2]})], "b": []})
    assert table[["seriesuid", "coordX", "coordY", "coordZ", "diameter_mm", "texture"]].to_numpy().tolist() == [
        ["a", 1.0, 2.0, 3.0, -1.0, 5]
    ]
    assert "votes" not in table
    assert list(lesion_table({"a": []}).columns) == ["seriesuid", "coordX", "coordY", "coordZ", "diameter_mm"]


def test_scans_without_a_known_lesion_are_not_scored_and_say_so():
    known = FoundScan(Item("a", Path("a.mha"), known={"lesions": "[]"}), "p", GRID)
    unknown = FoundScan(Item("b", Path("b.mha")), "q", GRID)
    scored = score_found([known, unknown], Path("m"), CtNodule())
    assert (set(scored.known), scored.scores) == ({"a"}, {})
    assert list(scored.warnings) == ["no searched scan has a known lesion, so there is nothing to score"]
    assert score_found([unknown], Path("m"), CtNodule()).warnings == []


@pytest.mark.parametrize("same", [True, False])
def test_one_patient_gives_no_interval(same):
    cases = [Case(name, "p" if same else name, IMAGE, truth=(NODULE,)) for name in "ab"]
    figure = score_cases(cases, {"a": [Candidate((10.0, 0.0, 0.0), 0.9)]}, RULE).figures["cpm"]
    assert math.isfinite(figure.value)
    assert (figure.lower is None) is same


def test_operating_points_do_not_hold_after_another_screen():
    assert basis(CtNodule())["screen.model"] is None
    assert basis(CtNodule.parse({"screen": {"model": "ct-nodule", "most": 7}}))["screen.model"] == "ct-nodule"
