"""Rounds with a network that learns nothing: what is asked for in which order, and what stays."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.evaluate.luna16_match import Luna16Settings
from lesionkit.learn.detection_settings import RoundsLearnSettings
from lesionkit.nets.model_file import read_card
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.nodule_net_settings import NoduleNetSettings
from lesionkit.recipes.ct import rounds as subject
from lesionkit.recipes.ct.mined_table import Example, write_examples
from lesionkit.recipes.ct.prepare import PreparedSet
from lesionkit.recipes.ct.rounds import Fitted, in_rounds, round_file
from lesionkit.recipes.ct.rounds_settings import MineSettings
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.recipes.ct.trained import CPM, NOT_MEASURED
from lesionkit.recipes.ensemble import plans_of
from lesionkit.recipes.validations import read_validations
from lesionkit.runs.run_folder import open_run
from lesionkit.sample.split import Splits

TINY = NoduleNetSettings(channels=(16, 16, 16, 16), blocks=(1, 1, 1, 1))
IMAGE = ArrayImage(Grid.upright((4, 4, 4), (1, 1, 1)), np.zeros((4, 4, 4), np.int16))
NAMES = {"train": ("a", "b"), "validation": ("v", "w", "x", "y")}
LESION = Lesion((0.0, 0.0, 0.0), 10.0)


@dataclass
class Detector:
    """Finds the lesion, and so many false positives with a higher score."""

    wrong: int

    def find(self, case):
        del case
        marks = [Candidate((100.0 + 20 * n, 0.0, 0.0), 0.9 - n / 100, 5.0) for n in range(self.wrong)]
        return [*marks, Candidate((0.0, 0.0, 0.0), 0.5, 9.0)]


class Rounds:
    """A recipe of which the network of round n has `wrong[n - 1]` false positives; and what it was asked."""

    def __init__(self, monkeypatch, tmp_path, wrong=(8, 2, 0), held=True, **mine):
        self.wrong, self.asked, self.told, self.folder = wrong, [], [], tmp_path / "run"
        parts = NAMES if held else {"train": NAMES["train"]}
        cases = {name: Case(name, name, IMAGE, (LESION,)) for part in parts.values() for name in part}
        self.prepared = PreparedSet(cases, {}, Splits(parts), {})
        learn = {"rounds": mine.pop("rounds", 3), "keep": mine.pop("keep", "last")}
        learn |= {name: mine.pop(name) for name in ("first_round", "minutes", "steps") if name in mine}
        self.settings = CtNodule(
            net=TINY,
            learn=RoundsLearnSettings(**learn),
            mine=MineSettings(**mine),
            score=Luna16Settings(protocol="exact", bootstrap=50),
        )
        monkeypatch.setattr(subject, "load_detector", lambda file, _: Detector(wrong[int(file.stem[-1]) - 1]))
        monkeypatch.setattr(subject, "_show", lambda *_: {})

    def one_round(self, run, now):
        self.asked.append(now)
        torch.manual_seed(now.number)
        net = NoduleNet(TINY)
        now.judge.validate(lambda _: Detector(self.wrong[now.number - 1]), lambda: 1)(net)
        return Fitted(net, 1, {"loss": 0.5}, {"patches per step": 2})

    def go(self, start=None, data="d"):
        (plan,) = plans_of(self.settings)
        with open_run(self.folder, "ct-nodule", self.settings, {"data": data}) as run:
            facts = in_rounds(run, self.prepared, self.told.append, plan, start, self.one_round)
            return facts, run


@pytest.fixture
def rounds(monkeypatch, tmp_path):
    return lambda **more: Rounds(monkeypatch, tmp_path, **more)


def test_each_round_goes_on_from_the_one_before_and_is_shown_what_that_got_wrong(rounds):
    recipe = rounds(stop="never", per_scan=3, steps=10)
    recipe.settings = recipe.settings.model_copy(update={"mine": MineSettings(stop="never", per_scan=3, steps=4)})
    facts, run = recipe.go()
    (plan,) = plans_of(recipe.settings)
    assert [(now.number, now.last, now.start) for now in recipe.asked] == [
        (1, False, None),
        (2, False, round_file(run.path, plan, 1)),
        (3, True, round_file(run.path, plan, 2)),
    ]
    assert [now.plan.settings.learn.steps for now in recipe.asked] == [10, 4, 4]
    assert len({now.plan.settings.learn.seed for now in recipe.asked}) == 3
    assert recipe.asked[0].mined is None
    # Three per scan in two scans, both of which learn.
    assert {name: len(p) for name, p in recipe.asked[1].mined.alarms.items()} == {"a": 3, "b": 3}
    assert facts["steps"] == 18
    assert facts["round that is kept"] == 3
    assert read_card(run.path / "model.safetensors")["round"] == 3
    assert [v.round for v in read_validations(run.path / "validations.csv")] == [1, 2, 3]
    assert recipe.told == [facts[f"{CPM} of round {n}"] for n in (1, 2, 3)]


def test_one_round_is_a_training_as_ever(rounds):
    recipe = rounds(rounds=1)
    facts, run = recipe.go()
    assert (len(recipe.asked), recipe.asked[0].last) == (1, True)
    assert recipe.asked[0].folder == run.path
    assert not (run.path / "rounds").exists()
    assert "round that is kept" not in facts


def test_rounds_end_where_one_gains_no_more_than_chance_allows(rounds):
    recipe = rounds(wrong=(1, 1, 0))
    facts, run = recipe.go()
    assert len(recipe.asked) == 2
    assert any("+0.0000 (+0.0000 to +0.0000), which is no more than chance allows: round 3" in w for w in run.warnings)
    assert facts["round that is kept"] == 2


def test_a_round_that_gains_in_every_draw_is_followed_by_the_next(rounds):
    recipe = rounds(wrong=(8, 1, 1))
    _, run = recipe.go()
    assert len(recipe.asked) == 3
    assert run.record["metrics"]["CPM gained by round 2"].startswith("+0.")


def test_a_network_without_mistakes_is_not_trained_again(rounds):
    recipe = rounds(wrong=(0, 0, 0), stop="never")
    facts, run = recipe.go()
    assert len(recipe.asked) == 1
    assert "mining after round 1 found nothing that the network gets wrong on its training cases" in run.warnings[0]
    assert facts["round that is kept"] == 1


def test_the_control_has_the_same_steps_and_is_shown_nothing(rounds):
    recipe = rounds(rule="none", stop="never")
    recipe.go()
    assert [now.mined for now in recipe.asked] == [None, None, None]


def test_the_best_round_is_kept_if_asked_for(rounds):
    recipe = rounds(wrong=(1, 8, 8), stop="never", keep="best")
    facts, run = recipe.go()
    assert facts["round that is kept"] == 1
    assert facts[CPM] == facts[f"{CPM} of round 1"]
    assert read_card(run.path / "model.safetensors")["round"] == 1


def test_without_validation_cases_all_rounds_are_trained_and_it_says_so(rounds):
    recipe = rounds(held=False)
    facts, run = recipe.go()
    assert (len(recipe.asked), facts[CPM]) == (3, NOT_MEASURED)
    assert "without validation cases nobody can tell whether a round gains anything" in run.warnings[0]


def test_on_one_validation_patient_a_gain_has_no_interval_and_ends_no_rounds(rounds):
    recipe = rounds(wrong=(8, 8, 8))
    recipe.prepared = replace(recipe.prepared, splits=Splits({"train": ("a", "b"), "validation": ("v",)}))
    _, run = recipe.go()
    assert len(recipe.asked) == 3
    assert "without validation cases of several patients nobody can tell" in run.warnings[0]


def test_a_table_that_cannot_be_shown_is_refused_before_anything_is_trained(rounds, tmp_path):
    offered = write_examples(tmp_path / "o.csv", [Example("v", (1.0, 2.0, 3.0), None, 0.5, "false positive", 1)])
    recipe = rounds(also=offered)
    with pytest.raises(LesionkitError, match="marks of 'v' were offered, which is of the part 'validation'"):
        recipe.go()
    alone = rounds(rounds=1, also=offered)
    alone.folder = tmp_path / "alone"
    with pytest.raises(LesionkitError, match=r"o.csv is shown in later rounds, but there is one; set learn.rounds=2"):
        alone.go()
    assert recipe.asked == alone.asked == []


def test_what_a_table_names_is_shown_beside_what_was_mined(rounds, tmp_path):
    offered = write_examples(tmp_path / "o.csv", [Example("b", (1.0, 2.0, 3.0), None, 0.5, "false positive", 1)])
    recipe = rounds(rounds=2, per_scan=1, also=offered)
    recipe.go()
    assert {name: len(p) for name, p in recipe.asked[1].mined.alarms.items()} == {"a": 1, "b": 2}


def test_minutes_are_shared_among_the_rounds(rounds):
    recipe = rounds(minutes=9, stop="never")
    recipe.go()
    assert {now.plan.settings.learn.minutes for now in recipe.asked} == {3}


def test_a_stopped_round_goes_on_and_what_was_finished_is_not_trained_again(rounds, monkeypatch):
    recipe = rounds(stop="never")
    whole = recipe.one_round

    def stopped(run, now):
        if now.number == 2:
            # As Lightning ends after Ctrl-C.
            raise SystemExit(1)
        return whole(run, now)

    recipe.one_round = stopped
    with pytest.raises(KeyboardInterrupt, match="to resume, run the same command"):
        recipe.go()
    recipe.one_round = whole
    recipe.go()
    assert [now.number for now in recipe.asked] == [1, 2, 3]
    stages = json.loads((recipe.folder / "run.json").read_text())["stages"]
    assert [name for name in stages if name.startswith("round")] == ["round 1", "round 2", "round 3"]


def test_a_round_whose_predecessor_is_gone_is_refused(rounds):
    recipe = rounds(stop="never")
    whole = recipe.one_round

    def lost(run, now):
        if now.number == 2:
            raise LesionkitError("broken off")
        return whole(run, now)

    recipe.one_round = lost
    with pytest.raises(LesionkitError, match="broken off"):
        recipe.go()
    (plan,) = plans_of(recipe.settings)
    round_file(recipe.folder, plan, 1).unlink()
    with pytest.raises(
        LesionkitError, match=r"round 2 must go on from what round 1 trained, but .*1.safetensors is gone"
    ):
        recipe.go()


def test_a_later_round_goes_on_from_a_run_of_the_same_data(rounds, tmp_path):
    first = rounds(rounds=1, wrong=(8,))
    first.go()
    start = tmp_path / "round-1.safetensors"
    (first.folder / "model.safetensors").rename(start)
    second = rounds(rounds=2, first_round=2, wrong=(8, 2))
    second.folder = tmp_path / "second"
    facts, run = second.go(start)
    assert [(now.number, now.start) for now in second.asked] == [(2, start)]
    assert second.asked[0].mined.alarms.keys() == {"a", "b"}
    assert read_card(run.path / "model.safetensors")["round"] == 2
    assert facts["round that is kept"] == 2
