"""Folds and members of ct-nodule: who searches what, going on, and one network as an ensemble of one."""

import csv
import json
from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.prepare.case import prepare_ct
from lesionkit.read.scan import open_scan
from lesionkit.recipes.base import FindRequest
from lesionkit.recipes.ct import train as subject
from lesionkit.recipes.ct.nodule import RECIPE
from lesionkit.recipes.ct.search import load_detectors
from lesionkit.recipes.ensemble import Net, model_card, nets_of, write_ensemble
from lesionkit.runs.records import record_file
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.settings_file import resolve

TINY = [
    *("net.channels=16,16,16,16", "net.blocks=1,1,1,1", "sample.patch=32", "learn.steps=2", "learn.batch=2"),
    *("learn.workers=0", "learn.validate_every=2", "learn.precision=32-true", "infer.threshold=0.001"),
    *("infer.precision=fp32", "score.bootstrap=20", "engine.backend=here"),
]
FOLDS = ("split.folds=2", "split.shares=1,0", "split.every_fold=true")
SMALL = "net: {channels: [16, 16, 16, 16], blocks: [1, 1, 1, 1]}"
MEMBERS = f"members=[{{name: a, {SMALL}, weight: 3}}, {{name: b c, {SMALL}, seed: 7}}]"


def tiny(*more):
    return resolve(RECIPE.settings(), (), [*TINY, *more])


def exact(settings):
    """In 32 bits: what bf16 makes of nets that have hardly learned are plateaus, not peaks."""
    return resolve(settings, (), ["infer.precision=fp32"])


@pytest.fixture(autouse=True)
def _store(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path_factory.getbasetemp() / "ct-ensemble-cache"))


def run_of(folder, data, settings, verb="run"):
    with open_run(folder, RECIPE.name, settings, {"data": data}) as run:
        return RECIPE.run(run, data, settings) if verb == "run" else RECIPE.train(run, data, settings, None)


def find(folder, model, scan, settings):
    with open_run(folder, RECIPE.name, settings, {"input": scan, "model": model}) as run:
        RECIPE.find(run, FindRequest(scan, model), settings)
    return list(csv.DictReader((folder / "candidates.csv").read_text().splitlines()))


@pytest.fixture(scope="module")
def folded(chests, tmp_path_factory):
    """A run of two folds that was interrupted in its second training and gone on with: folder, summary, trainings."""
    folder, patch = tmp_path_factory.mktemp("folded") / "run", pytest.MonkeyPatch()
    patch.setenv("LESIONKIT_CACHE", str(tmp_path_factory.getbasetemp() / "ct-ensemble-cache"))
    fit, trained = subject.fit, []
    draws = subject.PatchDraws
    learns = []

    def noted(cases, *rest, **more):
        learns.append({case.case_id for case in cases})
        return draws(cases, *rest, **more)

    def interrupted(learner, patches, place, validate):
        trained.append((place.name, learns[-1]))
        if len(trained) == 2:
            raise KeyboardInterrupt
        return fit(learner, patches, place, validate)

    patch.setattr(subject, "PatchDraws", noted)
    patch.setattr(subject, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_of(folder, chests, tiny(*FOLDS))
    assert not (folder / "ensemble.json").exists()
    summary = run_of(folder, chests, tiny(*FOLDS))
    patch.undo()
    return folder, summary, trained


def test_every_scan_is_searched_by_the_network_that_has_not_learned_from_it(folded):
    folder, summary, trained = folded
    splits = json.loads((folder / "splits.json").read_text())
    assert sorted(splits) == ["fold0", "fold1"]
    everyone = {name for cases in splits.values() for name in cases}
    learned = dict(trained)
    assert learned["fold0"] == everyone - set(splits["fold0"])
    assert summary.facts["searched"] == "6 scans of 2 folds"
    for fold, cases in splits.items():
        (net,) = (net for net in nets_of(folder / "ensemble.json") if net.fold == fold)
        (detector,), _, _ = load_detectors((net,), tiny())
        kept = json.loads(record_file(folder, cases[0]).read_text())
        prepared = prepare_ct(open_scan(Path(kept["item"]["path"])), tiny().prepare)
        assert [one.score for one in detector.find(prepared)] == [mark[1] for mark in kept["candidates"]]


def test_all_scans_are_scored_together(folded):
    folder, summary, _ = folded
    score = json.loads((folder / "score/score.json").read_text())
    assert score["counts"]["scans"] == 6
    assert any("each searched by the networks that have not learned from it" in one for one in summary.warnings)


def test_an_interrupted_run_goes_on_with_the_networks_that_are_left(folded):
    _, summary, trained = folded
    assert [name for name, _ in trained] == ["fold0", "fold1", "fold1"]
    assert summary.facts["networks"] == 2


def test_the_ensemble_says_what_it_is_without_the_place_it_lies_in(folded):
    folder, _, _ = folded
    card = model_card(folder / "ensemble.json")
    assert [(net["name"], net["file"], net["weight"]) for net in card["nets"]] == [
        ("fold0", "models/fold0.safetensors", 0.5),
        ("fold1", "models/fold1.safetensors", 0.5),
    ]
    assert card["training_cases"] == 6
    assert str(folder) not in (folder / "ensemble.json").read_text()


def test_members_learn_with_their_own_seeds_and_search_together(chests, tmp_path):
    folder = tmp_path / "run"
    summary = run_of(folder, chests, tiny(MEMBERS, "learn.minutes=4"), "train")
    assert {"validation CPM, a", "validation CPM, b c"} <= summary.facts.keys()
    first, second = nets_of(folder / "ensemble.json")
    assert first.path.read_bytes() != second.path.read_bytes()
    assert model_card(second.path)["settings"]["learn"]["seed"] == 7
    assert model_card(second.path)["settings"]["learn"]["minutes"] == 2
    scan = chests / "scans/ct-phantom-00001.mha"
    settings = exact(RECIPE.model_settings(folder))
    assert len(settings.members) == 2
    together = find(tmp_path / "all", folder, scan, settings)
    detectors, weights, _ = load_detectors(folder / "ensemble.json", settings)
    assert (len(detectors), weights) == (2, [3.0, 1.0])
    alone = find(tmp_path / "one", first.path, scan, exact(RECIPE.model_settings(first.path)))
    assert together != alone


def test_an_ensemble_of_one_says_what_its_network_says(model, chests, tmp_path):
    card = {"recipe": RECIPE.name, **model_card(model)}
    (tmp_path / "m.safetensors").write_bytes(model.read_bytes())
    one = write_ensemble(tmp_path / "ensemble.json", [Net("n", tmp_path / "m.safetensors")], card)
    scan, settings = chests / "scans/ct-phantom-00002.mha", exact(RECIPE.model_settings(model))
    alone = find(tmp_path / "a", model, scan, settings)
    assert alone
    assert find(tmp_path / "b", one, scan, settings) == alone


def test_going_on_from_a_model_of_other_networks_is_refused(model, chests, tmp_path):
    settings = tiny(MEMBERS)
    with (
        open_run(tmp_path / "run", RECIPE.name, settings, {"data": chests}) as run,
        pytest.raises(LesionkitError, match="has no 'a'; it has a single one"),
    ):
        RECIPE.train(run, chests, settings, model)


def test_members_of_one_name_are_refused():
    with pytest.raises(LesionkitError, match="members must have different names, got a b, A-b"):
        tiny("members=[{name: a b}, {name: A-b}]")
