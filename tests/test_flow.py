"""One flow through all three kinds of image: the same verbs, the same files, whatever kind a recipe is for."""

import csv
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lesionkit.core.settings import Settings
from lesionkit.recipes import load_recipe
from lesionkit.recipes.base import FindRequest, Recipe, Summary
from lesionkit.runs.run_folder import open_run, read_run
from lesionkit.runs.settings_file import change

NOTICE = "Research use only; not a medical device."

HERE: dict[str, Any] = {"engine": {"backend": "here"}}
CT = HERE | {
    "net": {"channels": (16, 16, 16, 16), "blocks": (1, 1, 1, 1)},
    "sample": {"patch": 32},
    "learn": {"steps": 2, "batch": 2, "workers": 0, "validate_every": 2, "precision": "32-true"},
    "infer": {"threshold": 0.001, "precision": "fp32"},
    "score": {"bootstrap": 20},
}
SLIDE = HERE | {
    "net": {"channels": (32, 32), "blocks": (1, 1)},
    "learn": {"steps": 4, "batch": 8, "workers": 0, "validate_every": 4, "precision": "32-true"},
    "draw": {"per_epoch": 32, "validation": 8},
    "dense": {"tile": 256, "precision": "fp32"},
    "score": {"bootstrap": 20},
}


@dataclass(frozen=True)
class Kind:
    """What differs between kinds of image, as far as a user sees it.

    Attributes:
        one: an image of the test part, in the data set.
        tested: case ids of the test part; None for those that the run dealt.
        figure: a figure of the score, and the file that it is in.
    """

    recipe: str
    table: str
    names: str
    one: str
    tested: tuple[str, ...] | None
    figure: tuple[str, str]


KINDS = (
    Kind(
        *("ct-nodule", "candidates.csv", "seriesuid", "scans/ct-phantom-00003.mha"),
        *(("ct-phantom-00002", "ct-phantom-00003"), ("cpm", "score/score.json")),
    ),
    Kind("xray-pneumothorax", "predictions.csv", "case_id", "dicom/x00.dcm", None, ("dice", "score/score.json")),
    Kind(
        "slide-metastasis",
        "scores.csv",
        "slide",
        "slides/d.tif",
        tuple("cdgh"),
        ("slide AUC", "score/exact/score.json"),
    ),
)


@dataclass(frozen=True)
class Flow:
    """A finished run: phantoms were indexed, prepared, trained on, searched, scored and reported."""

    kind: Kind
    recipe: Recipe[Any]
    settings: Settings
    data: Path
    run: Path

    def again(self) -> Summary:
        """The same command once more."""
        with open_run(self.run, self.recipe.name, self.settings, {"data": self.data}) as run:
            return self.recipe.run(run, self.data, self.settings)

    def table(self, folder: Path) -> set[str]:
        """Names in the first column of the table of results."""
        rows = list(csv.reader((folder / self.kind.table).read_text().splitlines()))
        return {row[0] for row in rows if row[0] != self.kind.names}


def with_parts(source: Path, data: Path, parts: dict[str, list[str]]) -> Path:
    shutil.copytree(source, data)
    (data / "splits.json").write_text(json.dumps(parts))
    return data


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.recipe)
def flow(request, tmp_path_factory) -> Iterator[Flow]:
    kind, folder = request.param, tmp_path_factory.mktemp("flow")
    recipe = load_recipe(kind.recipe)
    if kind.recipe == "xray-pneumothorax":
        run, data = (request.getfixturevalue(name) for name in ("xray_run", "radiographs"))
        settings = change(recipe.settings(), request.getfixturevalue("tiny_xray"))
    elif kind.recipe == "ct-nodule":
        names = [f"ct-phantom-{number:05d}" for number in range(1, 7)]
        parts = {"train": [names[i] for i in (0, 3, 5)], "validation": [names[4]], "test": names[1:3]}
        data = with_parts(request.getfixturevalue("chests"), folder / "data", parts)
        run, settings = folder / "run", change(recipe.settings(), CT)
    else:
        parts = {"train": list("ae"), "validation": list("bf"), "test": list("cdgh")}
        data = with_parts(request.getfixturevalue("slides"), folder / "data", parts)
        run, settings = folder / "run", change(recipe.settings(), SLIDE)
    before = os.environ.get("LESIONKIT_CACHE")
    os.environ["LESIONKIT_CACHE"] = str(run.parent / "cache")
    flow = Flow(kind, recipe, settings, data, run)
    if not run.exists():
        flow.again()
    yield flow
    os.environ.pop("LESIONKIT_CACHE") if before is None else os.environ.update({"LESIONKIT_CACHE": before})


def test_a_run_finishes_every_stage_and_says_so_in_its_record(flow):
    record = read_run(flow.run).record
    assert record["recipe"] == flow.kind.recipe
    assert {stage["state"] for stage in record["stages"].values()} == {"done"}
    assert {"index", "prepare", "find"} <= record["stages"].keys()
    assert (flow.run / "settings.yaml").is_file()
    assert (flow.run / "catalogue.parquet").is_file()


def test_its_table_names_the_cases_of_the_test_part_only(flow):
    tested = flow.kind.tested or json.loads((flow.run / "splits.json").read_text())["test"]
    assert len(list((flow.run / "cases").glob("*.json"))) == len(tested)
    # A scan in which nothing was found has no row.
    assert flow.table(flow.run) <= set(tested)


def test_its_score_has_figures_with_intervals_on_the_test_part(flow):
    name, file = flow.kind.figure
    figure = json.loads((flow.run / file).read_text())["figures"][name]
    assert figure["lower"] <= figure["upper"]
    assert 0 <= figure["value"] <= 1


def test_its_page_carries_the_notice(flow):
    assert NOTICE in (flow.run / "report.html").read_text(encoding="utf-8")


def test_the_same_command_again_trains_and_searches_nothing_anew(flow):
    before = read_run(flow.run).record["stages"]
    table = (flow.run / flow.kind.table).read_bytes()
    flow.again()
    assert read_run(flow.run).record["stages"] == before
    assert (flow.run / flow.kind.table).read_bytes() == table


def test_what_was_trained_finds_and_reports_on_one_image(flow, tmp_path):
    recipe, image = flow.recipe, flow.data / flow.kind.one
    settings = change(recipe.model_settings(flow.run), HERE)
    with open_run(tmp_path / "found", recipe.name, settings, {"input": image, "model": flow.run}) as run:
        summary = recipe.find(run, FindRequest(image, flow.run), settings)
        assert (summary.cases, summary.failed) == (1, {})
        assert flow.table(run.path) <= {image.stem}
        (run.path / "report.html").unlink()
        recipe.report(run, settings)
        assert NOTICE in (run.path / "report.html").read_text(encoding="utf-8")
