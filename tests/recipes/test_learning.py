"""Runs that trained and searched nothing are shown by their learning curves."""

import pytest
from PIL import Image

from lesionkit.recipes import load_recipe
from lesionkit.recipes.beside import compare_runs
from lesionkit.recipes.learning import has_only_trained, learning_of
from lesionkit.runs.run_folder import open_run, read_run

RECIPE = load_recipe("ct-nodule")


@pytest.fixture
def trained(tmp_path):
    """Two runs with a table of two steps each, and the last picture of one."""
    for name, seed in (("a", 0), ("b", 1)):
        settings = RECIPE.settings.parse({"learn": {"seed": seed}})
        with open_run(tmp_path / name, RECIPE.name, settings, {}) as run:
            (run.path / "metrics").mkdir()
            (run.path / "metrics/metrics.csv").write_text("loss,step,validation/cpm\n0.9,9,\n0.5,19,0.25\n0.4,29,0.5\n")
    (tmp_path / "a/watched").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "a/watched/patch 1.png")
    return tmp_path


def test_the_page_of_a_run_that_only_trained_has_its_curves_and_pictures(trained):
    run = read_run(trained / "a")
    assert has_only_trained(run)
    summary = RECIPE.report(run, RECIPE.settings())
    assert summary.facts == {"learning curves": 2}
    page = summary.paths[0].read_text()
    assert summary.paths[0] == trained / "a/learning.html"
    for words in ("Training of ct-nodule", "validation: cpm", "patch 1"):
        assert words in page


def test_runs_that_only_trained_stand_beside_each_other(trained, tmp_path):
    summary = compare_runs([trained / "a", trained / "b"], tmp_path / "out")
    page = summary.paths[0].read_text()
    for words in ("trained, and nothing was searched", "validation: cpm", "learn.seed"):
        assert words in page
    assert page.count('class="plot"') == 2
    assert "The same scan" not in page
    assert summary.warnings == ()


def test_a_folder_that_was_searched_is_no_training(trained):
    run = read_run(trained / "a")
    run.record["stages"]["find"] = {"state": "running"}
    assert not has_only_trained(run)
    assert len(learning_of(run.path).pictures) == 1
