"""Several networks of one run that search together, and what one run of all folds leaves."""

import json
import shutil

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.calibrate import Platt, ZScore
from lesionkit.nets.model_file import read_card
from lesionkit.read.truth.camelyon import read_slide_scores
from lesionkit.recipes.base import FindRequest
from lesionkit.recipes.ensemble import Net, model_card, nets_of, plans_of
from lesionkit.recipes.slide.answer import Answer, Measured
from lesionkit.recipes.slide.case import open_case, tissue_of
from lesionkit.recipes.slide.map import joined_map, probability_map
from lesionkit.recipes.slide.metastasis import RECIPE
from lesionkit.recipes.slide.scorer import JoinedAnswer
from lesionkit.recipes.slide.search import SLIDE_SEARCH, load_committee
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.settings_file import change, resolve

TINY = [
    *("net.channels=32,32", "net.blocks=1,1", "learn.steps=4", "learn.batch=4", "learn.workers=0"),
    *("learn.validate_every=4", "learn.precision=32-true", "draw.per_epoch=16", "draw.validation=8"),
    *("infer.precision=fp32", "infer.tile=384", "score.bootstrap=20", "engine.backend=here", "answer.fewest=2"),
]
SMALL = "net: {channels: [32, 32], blocks: [1, 1]}"
MEMBERS = f"members=[{{name: first, {SMALL}, weight: 3}}, {{name: second one, {SMALL}, seed: 7}}]"
PARTS = {"train": list("abef"), "validation": list("cdgh")}


def tiny(*more: str) -> SlideMetastasis:
    return resolve(SlideMetastasis(), (), [*TINY, *more])


@pytest.fixture(scope="module")
def data(slides, tmp_path_factory):
    """The slides with half of them for validation."""
    folder = shutil.copytree(slides, tmp_path_factory.mktemp("ensemble") / "data")
    (folder / "splits.json").write_text(json.dumps(PARTS))
    return folder


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A run of two members, and what it said."""
    folder, settings = tmp_path_factory.mktemp("run") / "run", tiny(MEMBERS)
    with open_run(folder, RECIPE.name, settings, {"data": data}) as run:
        return folder, RECIPE.run(run, data, settings)


def test_one_run_trains_all_members_and_fits_their_scores_together(trained):
    folder, summary = trained
    card = json.loads((folder / "ensemble.json").read_text())
    assert [(net["name"], net["file"], net["weight"]) for net in card["nets"]] == [
        ("first", "models/first.safetensors", 3.0),
        ("second one", "models/second-one.safetensors", 1.0),
    ]
    assert set(card["answers"]) == {"first", "second one"}
    assert card["answers"]["first"]["fitted_on"] == [2, 2]
    assert "validation AUC of slides, together" in summary.facts
    assert summary.facts["networks"] == 2
    assert not (folder / "model.safetensors").exists()


def test_members_that_differ_in_their_seed_are_different_networks(trained):
    nets = load_committee(trained[0] / "ensemble.json")
    first, second = (next(net.parameters()).detach().numpy() for _, net, _ in nets)
    assert not np.allclose(first, second)


def test_the_map_is_the_weighted_mean_of_the_maps_of_the_members(trained, slides):
    folder, _ = trained
    settings = RECIPE.model_settings(folder)
    slide = open_case(slides / "slides" / "a.tif", settings)
    tissue = tissue_of(slide, settings).mask
    nets = load_committee(folder / "ensemble.json")
    mean, measured = joined_map(nets, slide, tissue, settings)
    first, second = (probability_map(net, slide, tissue, settings) for _, net, _ in nets)
    np.testing.assert_allclose(mean.values, 0.75 * first.values + 0.25 * second.values, atol=1e-6)
    assert measured["first"] == Measured.of(first, settings.answer)


def test_validation_slides_without_a_test_part_are_searched_once(trained):
    folder, summary = trained
    for name in PARTS["validation"]:
        assert (folder / "cases" / f"{name}.json").samefile(folder / "validation" / "cases" / f"{name}.json")
        assert (folder / "maps" / f"{name}.tif").is_file()
    assert summary.facts["searched"] == "4 slides of the validation part"


def test_find_searches_with_all_members_of_a_run_and_with_any_one_of_them(trained, slides, tmp_path):
    folder, _ = trained
    request = FindRequest(slides / "slides" / "d.tif", folder)
    # The precision is this machine's, not the model's.
    settings = change(RECIPE.model_settings(folder), {"infer": {"precision": "fp32"}})
    with open_run(tmp_path / "all", RECIPE.name, settings, {"input": request.input}) as run:
        RECIPE.find(run, request, settings)
    found = SLIDE_SEARCH.read(tmp_path / "all" / "cases" / "d.json")
    assert set(found.members) == {"first", "second one"}
    of_run = read_slide_scores(folder / "scores.csv")["d"]
    assert read_slide_scores(tmp_path / "all" / "scores.csv")["d"] == pytest.approx(of_run, abs=1e-6)
    alone = folder / "models" / "first.safetensors"
    assert RECIPE.model_settings(alone).members == ()
    assert nets_of(alone) == (Net("", alone),)
    assert read_card(alone)["answer"] == model_card(folder / "ensemble.json")["answers"]["first"]


def test_scores_are_the_weighted_mean_of_calibrated_scores():
    nets = (Net("fold0 a", "a", "a"), Net("fold1 a", "a", "a"), Net("fold0 b", "b", "b"))
    answers = {"a": Answer("maximum", curve=ZScore(0.5, 0.25)), "b": Answer("maximum", curve=ZScore(0.0, 1.0))}
    joined = JoinedAnswer(nets, answers, {"a": 3.0, "b": 1.0})
    high, low = Measured({"maximum": 1.0}, {}), Measured({"maximum": 0.5}, {})
    # (3 * (1 - 0.5) / 0.25 + 1 * 0.5) / 4, of the one fold that searched.
    assert joined({"fold0 a": high, "fold0 b": low}) == pytest.approx(1.625)
    unfitted = JoinedAnswer(nets[:1], {"a": Answer("maximum", curve=None)}, {"a": 1.0})
    assert unfitted({"fold0 a": low}) == 0.5
    assert JoinedAnswer(nets[:1], {"a": Answer("maximum", curve=Platt(1, 0))}, {"a": 1.0})({"fold0 a": low}) > 0.6


def test_a_run_of_all_folds_scores_every_slide_by_a_network_that_has_not_seen_it(slides, tmp_path):
    settings = tiny("split.folds=2", "split.every_fold=true", "learn.steps=2", "learn.validate_every=2")
    with open_run(tmp_path / "run", RECIPE.name, settings, {"data": slides}) as run:
        summary = RECIPE.run(run, slides, settings)
    splits = json.loads((tmp_path / "run" / "splits.json").read_text())
    assert sorted(splits) == ["fold0", "fold1"]
    for fold, names in splits.items():
        assert all(list(SLIDE_SEARCH.read(tmp_path / "run" / "cases" / f"{n}.json").members) == [fold] for n in names)
    assert set(read_slide_scores(tmp_path / "run" / "scores.csv")) == set("abcdefgh")
    assert summary.facts["searched"] == "8 slides of 2 folds"
    nets = nets_of(tmp_path / "run" / "ensemble.json")
    assert [(net.name, net.weight) for net in nets] == [("fold0", 0.5), ("fold1", 0.5)]
    assert read_card(nets[0].path)["training_slides"] == 4


@pytest.mark.parametrize("aim", ["patch AUC", "lesion FROC"])
def test_a_sweep_is_told_the_auc_of_patches_and_gets_what_it_makes_larger(data, tmp_path, aim):
    told = []
    settings = tiny(f"objective={aim}", "learn.steps=2", "learn.validate_every=2", "mine.rounds=0")
    value = RECIPE.objective(data, tmp_path / "trial", settings, lambda step, area: told.append((step, area)))
    assert [step for step, _ in told] == [1]
    assert 0 <= value <= 1
    if aim == "patch AUC":
        assert value == pytest.approx(told[0][1], abs=1e-4)


def test_a_member_is_shown_patches_as_the_original_network_of_its_name_was():
    settings = tiny(f"members=[{{name: light, {SMALL}, augment: simple}}, {{name: deep, {SMALL}}}]")
    light, deep = plans_of(settings)
    assert (light.settings.augment.rotate_degrees, light.settings.augment.brightness) == (90, (0.5, 1))
    assert deep.settings.augment == settings.augment
    with pytest.raises(LesionkitError, match=r"augment must be one of none, orientation, .*, got 'simpel'"):
        tiny(f"members=[{{name: light, {SMALL}, augment: simpel}}]")


def test_members_share_what_they_do_not_name():
    plans = plans_of(tiny(MEMBERS, "split.folds=3"), ("fold0", "fold1", "fold2"))
    assert len(plans) == 6
    assert (plans[3].name, plans[3].settings.split.fold) == ("fold1 second one", 1)
    assert (plans[3].settings.learn.seed, plans[3].settings.learn.steps, plans[3].weight) == (
        7,
        4,
        pytest.approx(1 / 3),
    )


def test_one_member_is_trained_as_the_only_network():
    (plan,) = plans_of(tiny("members=[{name: deep, net: {architecture: unet}}]"))
    assert (plan.name, plan.settings.net.architecture) == ("", "unet")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("members=[{name: a b}, {name: A-b}]", "members must have different names, got a b, A-b"),
        ("ensemble.weights=phase 1", "ensemble.weights 'phase 1' are of two members, got 0"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(given, message):
    with pytest.raises(LesionkitError, match=message):
        tiny(given)


def test_going_on_from_a_run_of_other_networks_is_refused(trained, data, tmp_path):
    settings = tiny()
    with (
        open_run(tmp_path / "run", RECIPE.name, settings, {"data": data}) as run,
        pytest.raises(LesionkitError, match="has no 'single one'; it has first, second one"),
    ):
        RECIPE.train(run, data, settings, trained[0])


def test_folds_need_folds_in_the_splits_of_the_data_set(data, tmp_path):
    settings = tiny("split.folds=2", "split.every_fold=true")
    with (
        open_run(tmp_path / "run", RECIPE.name, settings, {"data": data}) as run,
        pytest.raises(
            LesionkitError, match=r"split.every_fold needs folds in splits.json, got the parts train, validation"
        ),
    ):
        RECIPE.train(run, data, settings, None)


def test_a_damaged_ensemble_is_refused(tmp_path):
    (tmp_path / "ensemble.json").write_text("{}")
    with pytest.raises(LesionkitError, match=r"ensemble\.json must describe an ensemble, but is damaged"):
        RECIPE.model_settings(tmp_path)
