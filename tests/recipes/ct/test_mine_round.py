import json
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.recipes.ct.mine_round import examples_of, is_something, mine_round, mined_places
from lesionkit.recipes.ct.mined_table import Example, write_examples
from lesionkit.recipes.ct.rounds_settings import MineSettings
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.recipes.ensemble import NetPlan
from lesionkit.runs.run_folder import open_run
from lesionkit.sample.split import Splits

IMAGE = ArrayImage(Grid.upright((4, 4, 4), (1, 1, 1)), np.zeros((4, 4, 4), np.int16))
LESIONS = (Lesion((0.0, 0.0, 0.0), 10.0), Lesion((50.0, 0.0, 0.0), 6.0), Lesion((90.0, 0.0, 0.0), 6.0))


def case(name, truth=()):
    return Case(name, name, IMAGE, truth)


def plan(fold="", **mine):
    return NetPlan(fold, "", fold, 1.0, CtNodule(mine=MineSettings(**mine)))


def mined(found, cases, **mine):
    return examples_of(found, cases, MineSettings(**mine), 1, "", np.random.default_rng(0))


@dataclass
class Detector:
    """Marks ten places far from everything in every case it is shown."""

    seen: list = field(default_factory=list)

    def find(self, one):
        self.seen.append(one.case_id)
        return [Candidate((300.0 + n, 0.0, 0.0), 0.9 - n / 20, 5.0) for n in range(0, 10)]


def test_a_lesion_is_missed_weak_or_easy_and_what_lies_elsewhere_is_a_false_positive():
    marks = [Candidate((300.0, 0, 0), 0.95), Candidate((1.0, 0, 0), 0.9), Candidate((50.0, 2, 0), 0.1)]
    found = mined({"c": marks}, [case("c", LESIONS)], weakest_share=0.5)
    assert [(one.kind, one.score, one.diameter_mm) for one in found] == [
        ("false positive", 0.95, None),
        ("easy", 0.9, 10.0),
        ("weak", 0.1, 6.0),
        ("missed", None, 6.0),
    ]


def test_a_lesion_below_the_score_of_so_many_false_positives_per_scan_is_weak():
    marks = [Candidate((300.0, 0, 0), 0.8), Candidate((400.0, 0, 0), 0.7), Candidate((0.0, 0, 0), 0.75)]
    kinds = {n: mined({"c": marks}, [case("c", LESIONS[:1])], per_scan=n, weakest_share=0)[-1].kind for n in (1, 2)}
    assert kinds == {1: "weak", 2: "easy"}


def test_a_network_that_finds_all_and_nothing_else_is_not_wrong():
    found = mined({"c": [Candidate((0.0, 0, 0), 0.9)]}, [case("c", LESIONS[:1])])
    assert [one.kind for one in found] == ["weak"]
    assert not is_something(found)
    assert is_something(mined({"c": []}, [case("c", LESIONS[:1])]))


@given(
    parts=st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["fold0", "fold1", "fold2", "test"]), min_size=1),
    fold=st.sampled_from(["fold0", "fold1", "fold2"]),
    offered=st.sets(st.sampled_from("abcdef"), min_size=1),
)
def test_only_cases_that_a_network_learns_from_can_enter_whatever_is_offered(tmp_path_factory, parts, fold, offered):
    names = ("fold0", "fold1", "fold2", "test")
    splits = Splits({name: tuple(c for c, part in parts.items() if part == name) for name in names})
    learn = {c for c, part in parts.items() if part not in (fold, "test")}
    table = [Example(name, (1.0, 2.0, 3.0), None, 0.5, "false positive", 1) for name in sorted(offered)]
    other = write_examples(tmp_path_factory.getbasetemp() / "offered.csv", table)
    for also in (None, other):
        examples = table if also is None else []
        if offered <= learn:
            assert set(mined_places(examples, plan(fold, also=also), splits).alarms) == offered
        else:
            with pytest.raises(LesionkitError, match="mining reads only cases that a network learns from"):
                mined_places(examples, plan(fold, also=also), splits)


def test_a_validation_case_is_refused_before_anybody_looks_at_it(tmp_path):
    splits, detector = Splits({"train": ("a",), "validation": ("v",)}), Detector()
    with open_run(tmp_path / "r", "ct-nodule", CtNodule(), {}) as run:
        refused = "marks of 'v' were offered, which is of the part 'validation', which is kept from it; leave them out"
        with pytest.raises(LesionkitError, match=refused):
            mine_round(run, plan(), 1, lambda: detector, [case("a"), case("v")], splits, tmp_path / "found")
        with pytest.raises(LesionkitError, match="marks of 'x' were offered, which is none of this data set"):
            mine_round(run, plan(), 1, lambda: detector, [case("x")], splits, tmp_path / "found")
    assert detector.seen == []


def test_an_interrupted_mining_searches_only_the_cases_that_are_left(tmp_path):
    class Breaks(Detector):
        def find(self, one):
            if one.case_id == "b":
                raise KeyboardInterrupt
            return super().find(one)

    splits, cases = Splits({"train": ("a", "b", "u")}), [case("a"), case("b"), case("u", None)]
    again = Detector()
    with pytest.raises(KeyboardInterrupt), open_run(tmp_path / "r", "ct-nodule", CtNodule(), {}) as run:
        mine_round(run, plan(per_scan=2), 1, Breaks, cases, splits, tmp_path / "found")
    with open_run(tmp_path / "r", "ct-nodule", CtNodule(), {}) as run:
        examples = mine_round(run, plan(per_scan=2), 1, lambda: again, cases, splits, tmp_path / "found")
        # A third time nothing is searched.
        assert mine_round(run, plan(per_scan=2), 1, Breaks, cases, splits, tmp_path / "found") == examples
    # Nobody looked at case u, so nothing there is known to be false.
    assert again.seen == ["b"]
    assert sorted((one.case_id, one.score) for one in examples) == [("a", 0.85), ("a", 0.9), ("b", 0.85), ("b", 0.9)]
    assert json.loads((tmp_path / "r/run.json").read_text())["stages"]["mine 1"]["facts"]["false positive"] == 4


def test_the_control_looks_at_nothing(tmp_path):
    splits, detector = Splits({"train": ("a",)}), Detector()
    with open_run(tmp_path / "r", "ct-nodule", CtNodule(), {}) as run:
        assert mine_round(run, plan(rule="none"), 1, lambda: detector, [case("a")], splits, tmp_path / "found") == []
    assert detector.seen == []
