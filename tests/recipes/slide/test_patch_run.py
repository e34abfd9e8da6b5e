import csv
import json

import numpy as np
import pytest
from PIL import Image

from lesionkit.recipes.base import FindRequest
from lesionkit.recipes.slide.metastasis import RECIPE
from lesionkit.recipes.slide.patch_run import OPTIMISTIC
from lesionkit.runs.run_folder import open_run, reopen_run
from lesionkit.runs.settings_file import change

TINY = {
    "net": {"channels": (16, 16), "blocks": (1, 1)},
    "patches": {"patch": 64},
    "learn": {"steps": 4, "batch": 8, "workers": 0, "validate_every": 4, "precision": "32-true"},
    "draw": {"per_epoch": 32},
    "infer": {"precision": "fp32"},
    "score": {"bootstrap": 20},
    "engine": {"backend": "here"},
}


def test_patches_that_were_kept_out_are_scored_and_the_figure_is_called_optimistic(tmp_path):
    data, rng = tmp_path / "patches", np.random.default_rng(0)
    data.mkdir()
    for number in range(40):
        grey = rng.integers(100, 140, (64, 64, 3)) - (60 if number < 20 else 0)
        Image.fromarray(grey.astype(np.uint8)).save(data / f"{number:02d}.png")
    (data / "labels.csv").write_text("id,label\n" + "".join(f"{n:02d},{int(n < 20)}\n" for n in range(40)))
    settings = change(RECIPE.settings(), TINY)
    with open_run(tmp_path / "r", RECIPE.name, settings, {"data": data}) as run:
        summary = RECIPE.run(run, data, settings)
    scores = list(csv.DictReader((tmp_path / "r/scores.csv").read_text().splitlines()))
    document = json.loads((tmp_path / "r/score/score.json").read_text())
    assert len(scores) == document["counts"]["patches"] == 8
    area = document["figures"]["patch AUC"]["value"]
    assert summary.facts["AUC of patches kept out"] == pytest.approx(area, abs=1e-4)
    assert OPTIMISTIC in summary.warnings


def test_the_page_of_a_search_says_that_nothing_is_decided_and_shows_the_model(tmp_path):
    data, settings = tmp_path / "patches", RECIPE.settings()
    data.mkdir()
    side = settings.patches.patch
    for number in range(2):
        grey = np.random.default_rng(number).integers(100, 140, (side, side, 3))
        Image.fromarray(grey.astype(np.uint8)).save(data / f"{number:02d}.png")
    with open_run(tmp_path / "r", RECIPE.name, settings, {"input": data}) as run:
        summary = RECIPE.find(run, FindRequest(data, None, None), settings)
    said = "a model's operating points are of whole slides and none is of patches"
    assert summary.conclusion == f"{said}: what was found is ranked, and nothing is decided"
    page = (tmp_path / "r/report.html").read_text()
    assert said.replace("'", "&#39;") in page
    assert "Model card" in page
    with reopen_run(tmp_path / "r") as run:
        RECIPE.report(run, settings)
    assert (tmp_path / "r/report.html").read_text() == page
