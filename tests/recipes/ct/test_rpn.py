import csv
import json

import pytest
from tests.recipes.ct.dealt import NAMES, refusal, run_on

from lesionkit.nets.model_file import read_header

TINY = """
net: {channels: [4, 4, 8, 8], blocks: [1, 1, 1, 1], up_channels: [8, 8], hidden: 8}
sample: {patch: 32}
learn:
  {steps: 2, batch: 1, workers: 0, validate_every: 2, precision: 32-true, curriculum: [[32, 1], [48, 1]]}
infer: {threshold: 0.0, limit: 8, precision: fp32}
score: {bootstrap: 20}
engine: {backend: here}
"""


@pytest.fixture(scope="module")
def trained(chests, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rpn")
    with run_on(chests, folder, "ct-nodule-rpn", TINY) as said:
        yield folder, said


def test_a_run_grows_its_crops_and_leaves_a_model_that_is_scored(trained):
    folder, said = trained
    header = read_header(folder / "run/model.safetensors")
    card = json.loads(header["card"])
    assert (header["kind"], card["recipe"], card["training_cases"]) == ("RpnNet", "ct-nodule-rpn", 4)
    assert (folder / "run/crop-32/weights.safetensors").is_file()
    assert (folder / "run/crop-48/checkpoints/last.ckpt").is_file()
    assert "side of a crop" in said
    assert json.loads((folder / "run/score/score.json").read_text())["counts"]["lesions"] == 2
    assert len(list(csv.DictReader((folder / "run/candidates.csv").read_text().splitlines()))) <= 8


def test_its_model_is_refused_by_the_recipe_of_another_network(trained):
    folder, _ = trained
    scan = folder / f"data/scans/{NAMES[2]}.mha"
    said = refusal("find", scan, "--model", folder / "run", "--out", folder / "other", "--recipe", "ct-nodule")
    assert "ct-nodule-rpn" in said
