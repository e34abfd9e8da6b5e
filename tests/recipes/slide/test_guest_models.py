"""A model of others for slides goes through the one flow."""

import csv

import pytest
import torch

from lesionkit.recipes.base import FindRequest
from lesionkit.recipes.slide.metastasis import RECIPE
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.settings_file import resolve

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore:.*torch.jit:DeprecationWarning")


class Dark(torch.nn.Module):
    """A map of how dark a slide is."""

    def forward(self, x):
        return torch.nn.functional.avg_pool2d(1 - x.mean(dim=1, keepdim=True), 16)


def test_a_described_model_gives_a_map_marks_and_a_score(slides, tmp_path):
    folder = tmp_path / "dark"
    folder.mkdir()
    torch.jit.trace(Dark(), torch.zeros(1, 3, 32, 32)).save(folder / "a.ts")
    (folder / "lesionkit.yaml").write_text(
        "{kind: slide-metastasis, file: a.ts, spacing: 1, intensity: {range: [0, 255]}, output: probabilities}"
    )
    settings = resolve(RECIPE.model_settings(folder), (), ["engine.backend=here", "infer.precision=fp32"])
    assert settings.um == 1
    slide = slides / "slides/a.tif"
    with open_run(tmp_path / "run", RECIPE.name, settings, {"input": slide, "model": folder}) as run:
        RECIPE.find(run, FindRequest(slide, folder), settings)
    [row] = csv.DictReader((tmp_path / "run/scores.csv").read_text().splitlines())
    assert 0 < float(row["score"]) < 1
    assert (tmp_path / "run/maps/a.tif").is_file()
    assert (tmp_path / "run/report.html").is_file()


def test_the_tumour_bundle_is_analysed_at_the_pixels_of_camelyon(tmp_path, make_bundle):
    make_bundle(tmp_path, "b", of="tumour")
    settings = RECIPE.model_settings(tmp_path / "b")
    assert (settings.um, settings.infer.tile) == (0.243, 1536)
