"""A model of others goes through the one flow: prepared as its config says, searched, screened, and its page shown."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from lesionkit.recipes.base import FindRequest
from lesionkit.recipes.ct.nodule import RECIPE
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.settings_file import resolve

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore:.*torch.jit:DeprecationWarning")


class Bright(torch.nn.Module):
    """A map of what is neither air nor bone."""

    def forward(self, x):
        return torch.nn.functional.avg_pool3d(x, 4) * 8 - 4


@pytest.fixture
def described(tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "bright"
    folder.mkdir()
    torch.jit.trace(Bright(), torch.zeros(1, 1, 32, 32, 32)).save(folder / "a.ts")
    (folder / "lesionkit.yaml").write_text(
        "{kind: ct-nodule, file: a.ts, spacing: [2.5, 2, 2], intensity: {range: [-1000, 400]}, output: logits,"
        " threshold: 0.3}"
    )
    return folder


def find(scan, model, out, *given):
    settings = resolve(RECIPE.model_settings(model), (), ["engine.backend=here", *given])
    with open_run(out, "ct-nodule", settings, {"input": scan, "model": model}) as run:
        summary = RECIPE.find(run, FindRequest(scan, model), settings)
    return summary, json.loads((out / "candidates.json").read_text())


def test_a_described_model_is_searched_at_its_spacing_and_only_where_a_screen_looks(chests, described, model, tmp_path):
    scan = chests / "scans/ct-phantom-00001.mha"
    _, told = find(scan, described, tmp_path / "all")
    assert json.loads((tmp_path / "all/run.json").read_text())["settings"]["prepare"]["spacing_mm"] == [2.5, 2.0, 2.0]
    assert len(told["cases"]) == 1
    _, told = find(scan, described, tmp_path / "some", f"screen.model={model}", "screen.most=1", "screen.around_mm=20")
    [some] = told["cases"].values()
    assert len(some) > 0
    assert (tmp_path / "some/report.html").is_file()
    record = json.loads(next((tmp_path / "some/cases").glob("*.json")).read_text())
    assert set(record["facts"]["seconds"]) == {"read", "prepare", "screen", "search", "total"}


@pytest.fixture
def scan(tmp_path):
    """Twelve slices of two lungs in a body."""
    hu = np.full((12, 40, 40), -1000, np.int16)
    hu[:, 4:36, 3:37] = 40
    hu[:, 8:32, 6:18] = hu[:, 8:32, 22:34] = -850
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((5.5, 5.5, 5.0))
    sitk.WriteImage(image, tmp_path / "a.mha")
    return tmp_path / "a.mha"


def test_a_bundle_finds_warns_of_scans_unlike_its_data_and_decides_nothing(scan, tmp_path, make_bundle, monkeypatch):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))
    make_bundle(tmp_path, "b", bias=-3)
    settings = RECIPE.model_settings(tmp_path / "b")
    assert settings.prepare.spacing_mm == (1.25, 0.703125, 0.703125)
    assert (settings.infer.threshold, settings.prepare.margin_mm) == (0.02, 24)
    coarse = ("prepare.spacing_mm=[5,6,6]", "prepare.margin_mm=0", "infer.precision=fp32", "infer.limit=3")
    summary, told = find(scan, tmp_path / "b", tmp_path / "run", *coarse)
    [found] = told["cases"].values()
    # Every cell says the same: the logistic of -3.
    assert len(found) > 0
    assert {round(one["probability"], 4) for one in found} == {0.0474}
    assert any("slice distance 5 mm lies outside the 0.4 to 2.5 mm" in sentence for sentence in summary.warnings)
    assert "nothing is decided" in summary.conclusion
