import csv
import json

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.recipes.ct.dealt import NAMES, lesionkit, refusal, run_on

from lesionkit.nets.cube.chain import Chain, chain_of
from lesionkit.nets.cube.chain_settings import JoinSettings
from lesionkit.nets.model_file import read_header
from lesionkit.nets.weights import load_net, save_model

TINY = """
net: {channels: [4, 8], norm: true}
sample: {patch: 32}
learn: {steps: 2, batch: 2, workers: 0, validate_every: 2, precision: 32-true}
classify:
  nets: [{width: 0.25}, {architecture: densenet, width: 0.25, layers: 1}]
  learn: {steps: 2, batch: 2, workers: 0, validate_every: 2, precision: 32-true}
infer: {threshold: 0.0, precision: fp32, drawn_from: 0.5, judged: 8}
watch: {every: 1, patches: 2, cubes: 8, pictures: 1, thresholds: [0.5]}
debug: {lungs: true, first_batches: 1}
score: {bootstrap: 20}
engine: {backend: here}
"""
FEW = ("--set", "engine.backend=here", "--set", "infer.limit=4")
CHAIN = ("--recipe", "ct-nodule-two-stage")


@pytest.fixture(scope="module")
def trained(chests, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two-stage")
    given = ("--set", f"screen.model={model}", "--set", "screen.most=20")
    with run_on(chests, folder, "ct-nodule-two-stage", TINY, *given) as said:
        yield folder, said


def test_a_run_leaves_one_file_with_the_whole_chain_and_a_scored_page(trained):
    folder, _ = trained
    header = read_header(folder / "run/model.safetensors")
    assert header["kind"] == "Chain"
    net, card = json.loads(header["net"]), json.loads(header["card"])
    assert len(net["cubes"]) == 2
    assert len(net["join"]["coefficients"]) == 3
    assert (card["recipe"], card["training_cases"]) == ("ct-nodule-two-stage", 4)
    assert (folder / "run/report.html").is_file()
    assert json.loads((folder / "run/score/score.json").read_text())["counts"]["lesions"] == 2


def test_its_stages_are_kept_so_that_an_interrupted_run_goes_on(trained):
    folder, _ = trained
    stages = json.loads((folder / "run/run.json").read_text())["stages"]
    assert [name for name in stages if name in ("draw", "mine", "judge 1", "judge 2", "join", "train")] == [
        *("train", "draw", "mine", "judge 1", "judge 2", "join")
    ]
    assert {stage["state"] for stage in stages.values()} == {"done"}


def test_its_networks_are_looked_at_while_they_learn(trained):
    folder, _ = trained
    looks = {}
    for name in ("mask", "judge 1", "judge 2"):
        table = csv.DictReader((folder / f"run/parts/{name}/metrics/metrics.csv").read_text().splitlines())
        looks[name] = [row for row in table if any(row[column] for column in row if column.startswith("watched/"))]
    assert {name: [row["step"] for row in rows] for name, rows in looks.items()} == {name: ["1", "2"] for name in looks}
    assert {"watched/dice", "watched/precision 0.5", "watched/sensitivity below 10 mm"} <= looks["mask"][0].keys()
    assert {"watched/loss", "watched/right", "watched/auc"} <= looks["judge 1"][0].keys()
    events = EventAccumulator(str(folder / "run/parts/mask/tensorboard"), {"images": 0}).Reload()
    assert len(events.Images("watched/patch 1 in three slices")) == 2


def test_the_page_shows_how_the_networks_came_to_be(trained):
    folder, _ = trained
    page = (folder / "run/report.html").read_text()
    for words in ("Learning curves", "watched: recall", "Seen while learning", "patch 1 in sixteen slices"):
        assert words in page


def test_what_is_asked_for_to_try_a_training_is_shown_in_the_run_folder(trained):
    folder, _ = trained
    assert (folder / "run/lungs.html").is_file()
    shown = sorted(file.relative_to(folder / "run/parts").as_posix() for file in (folder / "run").rglob("batch *.png"))
    assert shown == [f"{name}/first batches/batch 1.png" for name in ("judge 1", "judge 2", "mask")]


def test_its_networks_are_exported_with_how_they_are_joined(trained):
    folder, _ = trained
    pytest.importorskip("onnxruntime")
    lesionkit("export", folder / "run", "--to", "onnx", "--out", folder / "onnx")
    names = [f"model-{name}" for name in ("draws", "judges-1", "judges-2")]
    assert sorted(file.name for file in (folder / "onnx").iterdir()) == sorted(
        f"{name}.{suffix}" for name in names for suffix in ("json", "onnx")
    )
    told = {name: json.loads((folder / f"onnx/{name}.json").read_text()) for name in names}
    assert all(one["largest difference to PyTorch"] < 1e-4 for one in told.values())
    joined = json.loads((folder / "run/parts/join.json").read_text())
    assert told["model-judges-2"]["postprocessing"]["coefficients"] == joined["join"]["coefficients"]
    assert told["model-judges-2"]["postprocessing"]["judge"] == 2


def test_its_settings_are_searched(trained):
    folder, _ = trained
    few = ("watch.every=0", "debug.lungs=false", "debug.first_batches=0", "classify.nets=[]")
    lesionkit(
        *("sweep", "ct-nodule-two-stage", folder / "data", "--out", folder / "sweep", "--trials", 1),
        *("--search", "learn.rate=0.001,0.002", "--config", folder / "tiny.yaml"),
        *(word for text in few for word in ("--set", text)),
    )
    (row,) = csv.DictReader((folder / "sweep/trials.csv").read_text().splitlines())
    assert row["state"] == "complete"
    assert 0 <= float(row["value"]) <= 1
    assert not list((folder / "sweep").rglob("watched"))


def test_find_searches_with_the_chain_and_writes_candidates(trained):
    folder, _ = trained
    data = folder / "data"
    lesionkit(
        *("find", data / f"scans/{NAMES[2]}.mha", "--recipe", "ct-nodule-two-stage", "--model", folder / "run"),
        *("--out", folder / "found", "--set", "engine.backend=here"),
    )
    rows = list(csv.DictReader((folder / "found/candidates.csv").read_text().splitlines()))
    assert len(rows) <= 8


def test_a_chain_is_refused_by_the_recipe_of_one_network_with_the_name_of_its_own(trained):
    folder, _ = trained
    scan = folder / f"data/scans/{NAMES[2]}.mha"
    said = refusal("find", scan, "--model", folder / "run", "--out", folder / "other", "--recipe", "ct-nodule")
    assert "ct-nodule-two-stage" in said


def test_findings_of_a_run_are_measured_as_the_chain_draws_them(trained):
    folder, _ = trained
    lesionkit("measure", folder / "run", "--out", folder / "measured")
    document = json.loads((folder / "measured/measurements.json").read_text())
    assert document["facts"]["run"] == "run"
    assert {row["seriesuid"] for row in document["nodules"]} <= {NAMES[2]}
    assert (folder / f"measured/masks/{NAMES[2]}.nii.gz").is_file()


def test_findings_of_a_run_of_places_are_measured_as_the_shipped_model_draws_them(trained, model):
    folder, _ = trained
    scan = folder / f"data/scans/{NAMES[2]}.mha"
    lesionkit("find", scan, "--model", model, "--out", folder / "places", *FEW)
    lesionkit("measure", folder / "places")
    page = (folder / "places/measured/measured.html").read_text(encoding="utf-8")
    assert "ct-nodule-slices" in page


def test_a_chain_learns_from_what_a_faster_model_found_wrongly(trained):
    folder, _ = trained
    mined = json.loads((folder / "run/hard_negatives.json").read_text())
    assert sum(map(len, mined.values())) > 0
    # A model of no skill finds no lesion of the validation scan, so that there is nothing to rank by.
    assert json.loads(read_header(folder / "run/model.safetensors")["net"])["rerank"] is None


def test_with_a_screen_a_chain_that_ranks_again_keeps_the_places(trained, model, tmp_path):
    folder, _ = trained
    chain, card = load_net(folder / "run/model.safetensors", Chain)
    again = JoinSettings(coefficients=(1.0, 0.0, 0.0, 0.0))
    ranking = chain_of(chain.mask, list(chain.cubes), chain.settings.side, chain.settings.join, again)
    file = save_model(tmp_path / "ranking.safetensors", ranking, card)
    scan = folder / f"data/scans/{NAMES[2]}.mha"
    rows = []
    for name, words in (("fast", ("--model", model)), ("both", (*CHAIN, "--model", file, "--screen", model))):
        given = ("--set", "engine.backend=here", "--set", "infer.threshold=0", "--set", "infer.limit=5")
        lesionkit("find", scan, "--out", tmp_path / name, *words, *given)
        rows.append(list(csv.DictReader((tmp_path / name / "candidates.csv").read_text().splitlines())))
    scores = [[float(row.pop("probability")) for row in some] for some in rows]
    assert scores[1] == pytest.approx(scores[0])
    assert rows[1] == rows[0]
    assert len(rows[0]) == 5


def test_scans_that_the_faster_model_wants_otherwise_are_refused(trained, model, tmp_path):
    said = refusal(
        *("train", "ct-nodule-two-stage", trained[0] / "data", "--out", tmp_path / "r"),
        *("--config", trained[0] / "tiny.yaml", "--set", f"screen.model={model}"),
        *("--set", "prepare.spacing_mm=[2,2,2]"),
    )
    assert "only in scans that are prepared alike" in said
