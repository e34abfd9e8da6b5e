import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.nets.model_file import read_card
from lesionkit.recipes.base import FindRequest
from lesionkit.recipes.slide.metastasis import RECIPE
from lesionkit.recipes.slide.patches import pack_labelled, usable_weights
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.runs.models import shipped_models
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.settings_file import resolve, show

TINY = [
    *("net.channels=32,32", "net.blocks=1,1", "learn.steps=6", "learn.batch=4", "learn.workers=0"),
    *("learn.validate_every=6", "learn.precision=32-true", "draw.per_epoch=16", "draw.validation=8"),
    *("infer.precision=fp32", "score.bootstrap=20", "engine.backend=here"),
]


def tiny(*more: str) -> SlideMetastasis:
    return resolve(SlideMetastasis(), (), [*TINY, *more])


def train(data, out, settings):
    with open_run(out, RECIPE.name, settings, {"data": data}) as run:
        return RECIPE.train(run, data, settings, None)


@pytest.fixture(scope="module")
def patches(tmp_path_factory):
    """Twenty labelled patches of 100 x 100 pixels: dark ones hold tumour."""
    folder, rng = tmp_path_factory.mktemp("patches"), np.random.default_rng(0)
    lines = ["id,label"]
    for number in range(20):
        grey = 110 if number % 2 else 200
        colours = np.clip(grey + rng.normal(0, 8, (100, 100, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(colours).save(folder / f"p{number}.png")
        lines.append(f"p{number},{number % 2}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_slides_and_labelled_patches_train_one_net_from_a_packed_cache_with_hard_negatives(slides, patches, tmp_path):
    settings = tiny(f"labelled={patches}", "draw.packed=true", "mine.rounds=1", "mine.hard.min_score=0")
    summary = train(slides, tmp_path / "run", settings)
    hard = pd.read_parquet(tmp_path / "run" / "hard-1.parquet")
    card = read_card(tmp_path / "run" / "model.safetensors")
    assert summary.facts["steps"] == 6
    assert set(hard["source"]) == {"hard"}
    assert set(hard["kind"]) == {"normal"}
    assert (card["training_slides"], card["training_labelled_patches"]) == (6, 16)
    assert card["settings"]["labelled"] is None
    assert card["settings"]["engine"]["backend"] == "processes"
    assert str(patches) not in json.dumps(card)
    assert (tmp_path / "run" / "packed" / "patches.parquet").is_file()


def test_a_folder_of_labelled_patches_is_trained_on_and_scored_as_patches(patches, slides, tmp_path):
    settings = tiny()
    with open_run(tmp_path / "run", RECIPE.name, settings, {"data": patches}) as run:
        summary = RECIPE.run(run, patches, settings)
    scores = pd.read_csv(tmp_path / "run" / "scores.csv")
    assert len(scores) == 4
    assert "AUC of patches kept out" in summary.facts
    assert any("so the figure is optimistic" in sentence for sentence in summary.warnings)
    # A net of patches searches slides too.
    found = RECIPE.model_settings(tmp_path / "run")
    request = FindRequest(slides / "slides" / "a.tif", tmp_path / "run")
    with open_run(tmp_path / "found", RECIPE.name, found, {"input": request.input}) as run:
        assert RECIPE.find(run, request, found).facts["slides searched"] == 1


def test_the_layout_of_help_is_trained_on(slides, tmp_path):
    data = tmp_path / "data"
    for name in "abefg":
        kind = "positive" if name in "ab" else "negative"
        (data / "train" / "image" / kind).mkdir(parents=True, exist_ok=True)
        (data / "train" / "mask" / kind).mkdir(parents=True, exist_ok=True)
        shutil.copy(slides / "slides" / f"{name}.tif", data / "train" / "image" / kind / f"Slide{name}.tif")
        if name in "ab":
            shutil.copy(slides / "masks" / f"{name}.png", data / "train" / "mask" / kind / f"Slide{name}.png")
    train(data, tmp_path / "run", tiny("split.shares=1.0"))
    card = read_card(tmp_path / "run" / "model.safetensors")
    assert (card["training_slides"], card["training_slides_with_tumour"]) == (5, 2)


def test_labelled_patches_that_changed_since_the_run_began_are_refused(patches, tmp_path):
    own = shutil.copytree(patches, tmp_path / "own")
    with open_run(tmp_path / "run", RECIPE.name, tiny(), {"data": patches}) as run:
        pack_labelled(run, own, tiny())
        table = own / "labels.csv"
        table.write_text(table.read_text().replace("p3,1", "p3,0"))
        with pytest.raises(LesionkitError, match="must hold the labelled patches that the run began with"):
            pack_labelled(run, own, tiny())


def test_labelled_patches_that_are_too_small_are_refused(patches, tmp_path):
    with pytest.raises(LesionkitError, match=r"must have 128 x 128 pixels or more \(patches\.patch\), got 100 x 100"):
        train(patches, tmp_path / "run", tiny("patches.patch=128"))


def test_a_set_whose_slides_all_hold_tumour_is_drawn_without_healthy_slides():
    kinds = {"a": pd.DataFrame({"kind": ["tumour", "normal"]}), "b": pd.DataFrame({"kind": ["tumour"]})}
    assert usable_weights(kinds, (1, 1, 2)) == (1, 1, 0)
    assert usable_weights({"b": kinds["b"], "c": pd.DataFrame({"kind": ["normal"]})}, (1, 1, 2)) == (1, 0, 2)


def test_every_setting_can_be_shown_and_read_back():
    shown = show(SlideMetastasis())
    assert isinstance(SlideMetastasis(), Settings)
    assert "weights: [1.0, 1.0, 2.0]" in shown


def test_smaller_patches_must_be_smaller_by_an_even_number():
    for size in (96, 33):
        with pytest.raises(LesionkitError, match="smaller than patches"):
            tiny(f"few.patch={size}")


def test_a_model_of_another_recipe_is_refused():
    with pytest.raises(LesionkitError, match="must be a model of slide-metastasis"):
        RECIPE.model_settings(shipped_models("ct-nodule")["ct-nodule"])
