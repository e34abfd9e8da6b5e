"""One flow through everything a user does, on a data set so small that it takes seconds: the files must agree."""

import csv
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lesionkit.cli.main import app

TINY = """
net: {channels: [16, 16, 16, 16], blocks: [1, 1, 1, 1]}
sample: {patch: 32}
learn: {steps: 4, batch: 2, workers: 0, validate_every: 2, precision: 32-true}
infer: {threshold: 0.001, precision: fp32}
score: {bootstrap: 20}
engine: {backend: here}
"""

PARTS = {
    "train": ["ct-phantom-00001", "ct-phantom-00004", "ct-phantom-00005", "ct-phantom-00006"],
    "validation": ["ct-phantom-00002"],
    "test": ["ct-phantom-00003"],
}


# In 32 bits: what bf16 makes of a net that has hardly learned are plateaus, not peaks.
HERE = ("--set", "engine.backend=here", "--set", "infer.precision=fp32")


def lesionkit(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder where a user has made phantoms, trained on them and searched them: data, trained, found, score."""
    folder = tmp_path_factory.mktemp("flow")
    before = {name: os.environ.get(name) for name in ("LESIONKIT_CACHE", "COLUMNS")}
    os.environ.update({"LESIONKIT_CACHE": str(folder / "cache"), "COLUMNS": "300"})
    (folder / "tiny.yaml").write_text(TINY)
    data = folder / "data"
    two = "phantom.nodule_count=[2, 2]"
    lesionkit("phantom", "ct", "--out", data, "--size", "small", "--count", 6, "--seed", 1, "--set", two)
    (data / "splits.json").write_text(json.dumps(PARTS))
    trained, found = folder / "trained", folder / "found"
    said = {
        "run": lesionkit("run", "ct-nodule", data, "--out", trained, "--config", folder / "tiny.yaml"),
        "find": lesionkit("find", data, "--model", trained, "--out", found, *HERE),
        "evaluate": lesionkit(
            *("evaluate", "luna16", "--truth", data / "annotations.csv", "--series", data / "seriesuids.csv"),
            *("--excluded", data / "annotations_excluded.csv", "--protocol", "exact"),
            *("--marks", found, "--out", folder / "score"),
        ),
    }
    yield folder, said
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


def table(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text().splitlines()))


def record(run: Path) -> dict:
    return json.loads((run / "run.json").read_text())


def test_a_run_leaves_model_candidates_page_catalogue_and_splits(place):
    folder, said = place
    trained = folder / "trained"
    assert {p.name for p in trained.iterdir()} >= {
        *("run.json", "settings.yaml", "log.txt", "catalogue.parquet", "splits.json", "model.safetensors"),
        *("candidates.csv", "candidates.json", "report.html", "score", "checkpoints", "tensorboard"),
    }
    assert json.loads((trained / "splits.json").read_text()) == PARTS
    stages = record(trained)["stages"]
    assert {name: stage["state"] for name, stage in stages.items()} == dict.fromkeys(
        ["index", "prepare", "train", "foreign", "points", "find"], "done"
    )
    assert ["scans", "searched", "1"] in [line.split() for line in said["run"].splitlines()]


def test_the_run_searches_the_test_split_only(place):
    folder, _ = place
    cases = json.loads((folder / "trained/candidates.json").read_text())["cases"]
    assert list(cases) == PARTS["test"]
    assert json.loads((folder / "trained/score/score.json").read_text())["counts"]["lesions"] == 2


def test_both_tables_of_candidates_say_the_same(place):
    folder, _ = place
    rows = table(folder / "found/candidates.csv")
    cases = json.loads((folder / "found/candidates.json").read_text())["cases"]
    assert rows
    assert [(r["seriesuid"], float(r["probability"])) for r in rows] == [
        (case_id, mark["probability"]) for case_id, marks in cases.items() for mark in marks
    ]


def test_find_takes_the_weights_of_the_run_and_its_settings_but_for_those_of_the_machine(place):
    folder, _ = place
    first, second = record(folder / "trained"), record(folder / "found")
    assert second["settings"]["infer"] == first["settings"]["infer"]
    assert (first["settings"]["learn"]["workers"], second["settings"]["learn"]["workers"]) == (0, 1)
    assert second["inputs"]["model"]["files"] == 1


def test_find_and_evaluate_give_the_same_score(place):
    folder, _ = place
    own, other = (json.loads((f / "score.json").read_text()) for f in (folder / "found/score", folder / "score"))
    assert own["counts"] == other["counts"]
    assert own["figures"]["cpm"]["value"] == other["figures"]["cpm"]["value"]
    assert own["counts"]["scans"] == 6
    assert own["counts"]["lesions"] == len(table(folder / "data/annotations.csv"))


def test_the_page_shows_every_scan_and_the_score(place):
    folder, _ = place
    page = (folder / "found/report.html").read_text()
    assert all(f"ct-phantom-{number:05d}" in page for number in range(1, 7))
    assert "Research use only; not a medical device." in page
    assert "FROC" in page


def test_the_report_is_written_again_the_same(place):
    folder, said = place
    before = [(folder / "found" / name).read_bytes() for name in ("candidates.csv", "candidates.json", "report.html")]
    again = lesionkit("report", folder / "found")
    assert [(folder / "found" / n).read_bytes() for n in ("candidates.csv", "candidates.json", "report.html")] == before
    assert again.splitlines()[1:4] == said["find"].splitlines()[1:4]


def test_the_same_commands_again_find_everything_done(place):
    folder, _ = place
    lesionkit("run", "ct-nodule", folder / "data", "--out", folder / "trained", "--config", folder / "tiny.yaml")
    lesionkit("find", folder / "data", "--model", folder / "trained", "--out", folder / "found", *HERE)
    for run, stage in (("trained", "train"), ("trained", "find"), ("found", "find")):
        assert f"{stage}: finished before, skipped" in (folder / run / "log.txt").read_text()


def test_status_tells_each_stage_and_the_measured_figures(place):
    folder, _ = place
    lines = lesionkit("status", folder / "trained").splitlines()
    stages = ("index", "prepare", "train", "foreign", "points", "find")
    assert [line.split()[0] for line in lines[2:] if line.split()[1:2] == ["done"]] == list(stages)
    assert any("latest:" in line and "validation_cpm" in line for line in lines)


def test_the_settings_of_the_run_are_a_config_and_its_model_can_be_tuned(place):
    folder, _ = place
    lesionkit(
        *("train", "ct-nodule", folder / "data", "--from", folder / "trained", "--out", folder / "tuned"),
        *("--config", folder / "trained/settings.yaml", "--set", "learn.steps=2"),
    )
    facts = record(folder / "tuned")["stages"]["train"]["facts"]
    assert facts["steps"] == 2
    assert record(folder / "tuned")["inputs"]["start_from"]["files"] == 1
