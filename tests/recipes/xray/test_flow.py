import csv
import json

import numpy as np
import pytest
from PIL import Image

from lesionkit.core.errors import LesionkitError
from lesionkit.core.mask import decode_rle_siim
from lesionkit.nets.model_file import read_card
from lesionkit.read.picture import read_picture
from lesionkit.recipes import load_recipe
from lesionkit.recipes.xray import folds
from lesionkit.recipes.xray.ensemble import Searcher, load_ensemble
from lesionkit.runs.run_folder import open_run, read_run
from lesionkit.runs.settings_file import change

NAME = "xray-pneumothorax"


def table(file):
    return list(csv.DictReader(file.read_text().splitlines()))


@pytest.fixture
def go(tmp_path, radiographs, tiny_xray, monkeypatch):
    """go(changes, name): train a recipe in the folder `tmp_path/r`; its summary."""
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))

    def train(changes=None, name=NAME):
        recipe = load_recipe(name)
        settings = change(change(recipe.settings(), tiny_xray), changes or {})
        with open_run(tmp_path / "r", name, settings, {"data": radiographs}) as run:
            return recipe.train(run, radiographs, settings, None)

    return train


def test_a_run_leaves_models_ensemble_masks_tables_score_and_page(xray_run):
    left = {p.relative_to(xray_run).as_posix() for p in xray_run.rglob("*") if p.is_file()}
    assert left >= {
        *("run.json", "settings.yaml", "catalogue.parquet", "splits.json", "ensemble.json", "rules.csv"),
        *("models/fold0-small.safetensors", "models/fold1-small.safetensors"),
        *("predictions.csv", "submission.csv", "report.html", "score/score.json"),
    }
    assert {s["state"] for s in read_run(xray_run).record["stages"].values()} == {"done"}


def test_only_the_test_part_is_searched_and_scored(xray_run):
    test = json.loads((xray_run / "splits.json").read_text())["test"]
    assert [row["case_id"] for row in table(xray_run / "predictions.csv")] == sorted(test)
    assert json.loads((xray_run / "score/score.json").read_text())["counts"]["images"] == len(test)


def test_no_patient_is_on_two_sides(xray_run):
    splits = json.loads((xray_run / "splits.json").read_text())
    part = {case: name for name, cases in splits.items() for case in cases}
    assert part["x00"] == part["x02"]


def test_masks_tables_and_submission_say_the_same(xray_run):
    codes = {row["ImageId"]: row["EncodedPixels"] for row in table(xray_run / "submission.csv")}
    for row in table(xray_run / "predictions.csv"):
        with Image.open(xray_run / f"masks/{row['case_id']}.png") as file:
            mask = np.asarray(file) > 0
        np.testing.assert_array_equal(decode_rle_siim(codes[row["case_id"]], (64, 64)), mask)
        assert float(row["area"]) == pytest.approx(mask.mean(), abs=1e-6)
        assert 0 <= float(row["p_nonempty"]) <= 1


def test_a_models_card_holds_what_find_needs_and_what_was_learned_from(xray_run):
    card = read_card(xray_run / "models/fold0-small.safetensors")
    assert card["recipe"] == NAME
    assert card["rule"]["kind"] == "Triplet"
    assert card["held out"] == "fold0"
    assert card["learned from"]["images"] > card["learned from"]["positive images"] > 0
    assert {"validation dice", "nested validation dice", "optimism of the search"} <= card["validation"].keys()
    assert "path" not in card["inputs"]["data"]


def test_what_learned_from_our_projections_only_says_so_on_its_page(xray_run):
    card = read_card(next((xray_run / "models").glob("*.safetensors")))
    assert card["learned from"]["synthetic images"] == card["learned from"]["images"]
    assert card["projections_only"] is True
    assert "Learned from projections only" in (xray_run / "report.html").read_text(encoding="utf-8")


def test_the_rules_that_were_tried_are_listed_the_best_first(xray_run):
    rows = table(xray_run / "rules.csv")
    dices = [float(row["dice"]) for row in rows]
    assert dices == sorted(dices, reverse=True)
    assert [row["chosen"] for row in rows].count("1") == 1


def test_the_best_epochs_of_a_training_share_its_weight(go, tmp_path):
    go({"learn": {"checkpoints": 2}, "split": {"every_fold": False}})
    nets = json.loads((tmp_path / "r/ensemble.json").read_text())["nets"]
    assert [net["file"] for net in nets] == [f"models/small-{n}.safetensors" for n in (0, 1)]
    assert [net["weight"] for net in nets] == [0.5, 0.5]


def test_an_interrupted_training_goes_on_with_the_networks_that_are_left(go, tmp_path, monkeypatch):
    fit, calls = folds.fit_member, []

    def interrupted(folder, *args):
        calls.append(folder.name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fit(folder, *args)

    monkeypatch.setattr(folds, "fit_member", interrupted)
    with pytest.raises(KeyboardInterrupt, match="to resume, run the same command with --out"):
        go()
    assert not (tmp_path / "r/ensemble.json").exists()
    go()
    assert calls == ["models-fold0-small", "models-fold1-small", "models-fold1-small"]
    go()
    assert len(calls) == 3


def test_pseudo_labels_come_with_where_they_are_from(go, tmp_path):
    sure = {"filter": "confidence", "rounds": 1, "confident_positive": 0.02, "confident_negative": 0.01}
    changes = {
        "sample": {"labelled": 0.5},
        "split": {"every_fold": False},
        "learn": {"epochs": 1},
        # None is drawn: a network of one epoch finds the same everywhere, and an epoch wants both kinds.
        "pseudo": {**sure, "mask_threshold": 0.01, "share": 0},
    }
    go(changes)
    rows = table(tmp_path / "r/pseudo/round-1/provenance.csv")
    hidden = {row["case_id"] for row in rows}
    held = set(json.loads((tmp_path / "r/splits.json").read_text())["validation"])
    assert hidden
    assert not hidden & held
    assert all(row["round"] == "1" and row["models"].startswith("small:") for row in rows)
    learned = read_card(tmp_path / "r/models/small.safetensors")["learned from"]
    assert learned["pseudo-labelled images"] == len(rows)


def test_pseudo_labels_without_unlabelled_radiographs_are_refused(go):
    with pytest.raises(LesionkitError, match="pseudo-labels need radiographs without masks; give --set unlabelled"):
        go({"pseudo": {"rounds": 1}, "learn": {"epochs": 1}})


def test_a_mean_teacher_without_unlabelled_radiographs_is_refused(go):
    with pytest.raises(LesionkitError, match="learns by a mean teacher, which needs radiographs without masks"):
        go({"learn": {"teacher": True}})


def test_a_rule_that_asks_an_image_head_is_refused_without_one(go):
    changes = {"net": {"head": "none"}, "learn": {"epochs": 1, "loss": "bce"}, "split": {"every_fold": False}}
    with pytest.raises(LesionkitError, match="needs a network whose image head says whether there is a lesion"):
        go({**changes, "rule": {"search": "classify then segment"}})


def test_given_splits_are_kept(go, radiographs, tmp_path):
    given = {"train": [f"x{n:02d}" for n in range(12)], "validation": ["x12", "x13", "x14", "x15"]}
    (radiographs / "splits.json").write_text(json.dumps({**given, "test": ["x16", "x17"]}))
    try:
        go({"learn": {"epochs": 1}, "split": {"every_fold": False}})
    finally:
        (radiographs / "splits.json").unlink()
    splits = json.loads((tmp_path / "r/splits.json").read_text())
    assert splits == {**given, "test": ["x16", "x17"]}
    assert read_card(tmp_path / "r/models/small.safetensors")["learned from"]["images"] == 12


def test_without_a_test_part_every_radiograph_is_searched_by_the_networks_that_have_not_learned_from_it(
    tmp_path, radiographs, tiny_xray, monkeypatch
):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))
    recipe = load_recipe(NAME)
    changes = {"split": {"shares": [0.6, 0.4]}, "learn": {"epochs": 1}}
    settings = change(change(recipe.settings(), tiny_xray), changes)
    with open_run(tmp_path / "r", NAME, settings, {"data": radiographs}) as run:
        summary = recipe.run(run, radiographs, settings)
    splits = json.loads((tmp_path / "r/splits.json").read_text())
    assert sorted(splits) == ["fold0", "fold1"]
    assert summary.facts["searched"] == "18 radiographs of 2 folds"
    assert any("each searched by the networks that have not learned from it" in one for one in summary.warnings)
    # Before calibration, which one curve makes for all folds.
    found = {row["case_id"]: float(row["p_nonempty"]) for row in table(tmp_path / "r/predictions.csv")}
    assert len(found) == 18
    for fold, cases in splits.items():
        ensemble = load_ensemble(tmp_path / "r/ensemble.json", fold)
        assert {(net.fold, net.name) for net in ensemble.nets} == {(fold, f"{fold}-small")}
        image = read_picture(radiographs / f"dicom/{cases[0]}.dcm").image
        score = Searcher(ensemble, settings.infer)(image.read(image.grid.whole)).score
        assert found[cases[0]] == pytest.approx(score, abs=1e-5)
