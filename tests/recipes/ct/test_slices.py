import csv
import json

import numpy as np
import pytest
from tests.recipes.ct.dealt import NAMES, lesionkit, refusal, run_on

from lesionkit.core.files import write_text
from lesionkit.nets.model_file import read_header

TINY = """
net: {dimensions: 2, channels: [4, 8], norm: true}
prepare: {spacing_mm: [2.0, 1.5, 1.5]}
sample: {patch: 32, depth: 8}
learn: {steps: 2, batch: 2, workers: 0, validate_every: 2, precision: 32-true}
infer: {threshold: 0.0, precision: fp32, drawn_from: 0.5, foreign: allow}
score: {bootstrap: 20}
engine: {backend: here}
"""


def write_slices(folder):
    """Two lesions of two patients, one of which validates."""
    folder.mkdir()
    image, readers = np.full((2, 48, 48), 30, np.uint8), np.zeros((2, 48, 48), np.uint8)
    image[:, 20:28, 20:28], readers[:, 20:28, 20:28] = 180, 3
    np.savez(folder / "slices.npz", image_u8=image, readers_u8=readers)
    write_text(folder / "slices.csv", "nodule,patient_id,pixel_mm,split\na,1,0.7,train\nb,2,0.7,val\n")
    return folder


@pytest.fixture(scope="module")
def trained(chests, tmp_path_factory):
    folder = tmp_path_factory.mktemp("slices")
    slices = write_slices(folder / "outlined")
    with run_on(chests, folder, "ct-nodule-slices", TINY, "--set", f"sample.slices={slices}"):
        yield folder


def test_its_network_is_looked_at_on_outlined_slices_that_validate(trained):
    table = csv.DictReader((trained / "run/parts/mask/metrics/metrics.csv").read_text().splitlines())
    assert [row["step"] for row in table if row["watched/dice"]] == ["2"]
    names = sorted(file.name for file in (trained / "run/parts/mask/watched").iterdir())
    assert names == [f"patch {number} as it is.png" for number in range(1, 5)]
    assert "Seen while learning" in (trained / "run/report.html").read_text()


def test_its_network_is_exported(trained):
    pytest.importorskip("onnxruntime")
    lesionkit("export", trained / "run", "--to", "onnx", "--out", trained / "onnx")
    told = json.loads((trained / "onnx/model-draws.json").read_text())
    assert told["input"]["image"].startswith("float32 (slices, 1, y, x), sides multiples of 2;")


def test_a_run_trains_on_scans_and_outlined_slices_and_scores_what_it_finds(trained):
    header = read_header(trained / "run/model.safetensors")
    net, card = json.loads(header["net"]), json.loads(header["card"])
    assert (net["mask"]["dimensions"], net["cubes"]) == (2, [])
    assert 0 <= card["drawing"]["validation/dice"] <= 1
    assert 0 <= card["drawing"]["validation/dice_learned"] <= 1
    assert json.loads((trained / "run/score/score.json").read_text())["counts"]["lesions"] == 2
    assert (trained / "run/report.html").is_file()


def test_a_scan_is_searched_slice_by_slice_and_its_findings_are_measured(trained):
    scan = trained / f"data/scans/{NAMES[2]}.mha"
    lesionkit(
        *("find", scan, "--recipe", "ct-nodule-slices", "--model", trained / "run", "--out", trained / "found"),
        *("--set", "engine.backend=here"),
    )
    header = (trained / "found/candidates.csv").read_text().splitlines()[0]
    assert header.startswith("seriesuid,coordX,coordY,coordZ,probability")
    lesionkit("measure", trained / "run")
    assert (trained / f"run/measured/masks/{NAMES[2]}.nii.gz").is_file()


def test_errors_of_place_and_diameter_are_told_nodule_by_nodule(trained):
    rows = list(csv.DictReader((trained / "run/nodule_errors.csv").read_text().splitlines()))
    assert len(rows) == 2
    assert {row["seriesuid"] for row in rows} == {NAMES[2]}
    assert {"coordX", "error_x_mm", "error_y_mm", "error_z_mm", "error_diameter_mm"} <= rows[0].keys()


def test_a_folder_without_outlined_slices_is_refused_before_scans_are_prepared(chests, tmp_path):
    said = refusal("train", "ct-nodule-slices", chests, "--out", tmp_path / "run", "--set", f"sample.slices={tmp_path}")
    assert "must hold slices.npz and slices.csv" in " ".join(said.split())
    assert not (tmp_path / "run/catalogue.parquet").exists()
