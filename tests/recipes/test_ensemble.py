"""Members and folds become networks, files and one description, for every kind of image."""

import json
from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes import load_recipe
from lesionkit.recipes.ensemble import Net, first_files, model_card, nets_of, plans_of, unseen, write_ensemble
from lesionkit.runs.settings_file import resolve

RUN = Path("run")
TWO = "members=[{name: a b, weight: 3}, {name: c, seed: 7, folds: 1}]"


def settings(*changes):
    return resolve(load_recipe("slide-metastasis").settings(), (), changes)


def test_one_network_is_the_model_itself():
    (plan,) = plans_of(settings())
    assert (plan.name, plan.file(RUN), plan.folder(RUN)) == ("", RUN / "model.safetensors", RUN)
    assert plan.called("train") == "train"


def test_every_member_is_trained_on_every_fold_that_it_asks_for():
    plans = plans_of(settings(TWO), ("fold0", "fold1", "fold2"))
    assert [plan.name for plan in plans] == ["fold0 a b", "fold0 c", "fold1 a b", "fold2 a b"]
    assert [plan.weight for plan in plans] == [1, 1, 1, 1]
    assert plans[0].file(RUN) == RUN / "models/fold0-a-b.safetensors"
    assert plans[1].settings.learn.seed == 7
    assert [plan.settings.split.fold for plan in plans] == [0, 0, 1, 2]
    assert all(plan.settings.members == () and not plan.settings.split.every_fold for plan in plans)


def test_minutes_are_shared_by_all_trainings():
    plans = plans_of(settings(TWO, "learn.minutes=30"), ("fold0", "fold1"), rounds=2)
    assert [plan.settings.learn.minutes for plan in plans] == [5, 5, 5]


def test_of_each_fold_the_networks_that_have_not_learned_from_it_are_known():
    plans = plans_of(settings(TWO), ("fold0", "fold1"))
    assert {fold: [net.name for net in nets] for fold, nets in unseen(plans, RUN).items()} == {
        "fold0": ["fold0 a b", "fold0 c"],
        "fold1": ["fold1 a b"],
    }
    assert unseen(plans_of(settings()), RUN) == {}


def test_what_is_written_is_read_again_wherever_the_folder_lies(tmp_path):
    (tmp_path / "a/models").mkdir(parents=True)
    nets = (
        Net("x", tmp_path / "a/models/x.safetensors", "m", "fold0", 0.5),
        Net("y", tmp_path / "a/y.safetensors", "m", "fold1", 2.0),
    )
    card = {"recipe": "any", "settings": {}, "rule": {"kind": "own"}}
    file = write_ensemble(tmp_path / "a/ensemble.json", nets, card)
    assert nets_of(file) == nets
    assert {name: model_card(file)[name] for name in card} == card
    assert str(tmp_path) not in file.read_text()
    (tmp_path / "a").rename(tmp_path / "b")
    assert nets_of(tmp_path / "b/ensemble.json")[0].path == tmp_path / "b/models/x.safetensors"


def test_a_single_file_is_an_ensemble_of_one(model):
    assert nets_of(model) == (Net("", model),)
    assert "settings" in model_card(model)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "must describe an ensemble, but is damaged .*; train again"),
        ("no json", "must describe an ensemble, but is damaged"),
        ('{"recipe": "r", "settings": {}, "nets": [], "format": "lesionkit slides 1"}', "is of an earlier lesionkit"),
    ],
)
def test_a_file_that_describes_no_ensemble_is_refused(tmp_path, text, says):
    (tmp_path / "ensemble.json").write_text(text)
    with pytest.raises(LesionkitError, match=says):
        nets_of(tmp_path / "ensemble.json")


def test_networks_that_lack_an_entry_are_refused(tmp_path):
    file = write_ensemble(tmp_path / "ensemble.json", [Net("x", tmp_path / "x")], {"recipe": "r", "settings": {}})
    held = json.loads(file.read_text())
    del held["nets"][0]["file"]
    file.write_text(json.dumps(held))
    with pytest.raises(LesionkitError, match="is damaged"):
        nets_of(file)


def test_going_on_needs_the_same_networks(tmp_path):
    file = write_ensemble(tmp_path / "ensemble.json", [Net("c", tmp_path / "c")], {"recipe": "r", "settings": {}})
    with pytest.raises(LesionkitError, match="has no 'single one'; it has c"):
        first_files(file, plans_of(settings()))
    with pytest.raises(LesionkitError, match="has no 'a b'; it has c"):
        first_files(file, plans_of(settings(TWO)))
