"""What every kind of image owes, whatever its recipe: one flow, the same verbs, the same files, the same promises."""

import csv
import importlib.util
import json
import os
import pickle
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markupsafe import escape
from typer.testing import CliRunner

from lesionkit.cli.main import app
from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings
from lesionkit.nets.model_file import read_card
from lesionkit.recipes import RECIPES, attempts, foreign, load_recipe, searching
from lesionkit.recipes import flow as flows
from lesionkit.recipes.base import FindRequest, Recipe, Summary
from lesionkit.recipes.ensemble import complete_model, model_card
from lesionkit.recipes.foreign import familiar_of
from lesionkit.runs.hold import LOCK_FILE, held
from lesionkit.runs.models import model_of_run
from lesionkit.runs.records import write_record
from lesionkit.runs.run_folder import open_run, read_run, reopen_run
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
    "infer": {"tile": 256, "precision": "fp32"},
    "score": {"bootstrap": 20},
}


@dataclass(frozen=True)
class Kind:
    """What differs between kinds of image, as far as a user sees it.

    Attributes:
        one: an image of the test part with a lesion, in the data set.
        own: the last file that the search of an image writes, beside its record; "" where there is none.
        tested: case ids of the test part; None for those that the run dealt.
        figure: a figure of the score, and the file that it is in.
    """

    recipe: str
    table: str
    names: str
    one: str
    own: str
    tested: tuple[str, ...] | None
    figure: tuple[str, str]


KINDS = (
    Kind(
        *("ct-nodule", "candidates.csv", "seriesuid", "scans/ct-phantom-00003.mha", ""),
        *(("ct-phantom-00002", "ct-phantom-00003"), ("cpm", "score/score.json")),
    ),
    Kind(
        *("xray-pneumothorax", "predictions.csv", "case_id", "dicom/x00.dcm", "masks/{}-probability.png"),
        *(None, ("dice", "score/score.json")),
    ),
    Kind(
        "slide-metastasis",
        "scores.csv",
        "slide",
        "slides/d.tif",
        "geojson/{}.geojson",
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

    def find(
        self, given: Path, out: Path, truth: Path | None = None, engine: Any = HERE["engine"], at: Any = None
    ) -> Summary:
        """Search with what was trained."""
        settings = change(self.recipe.model_settings(self.run), {"engine": engine, "decide": {"at": at}})
        with open_run(out, self.recipe.name, settings, {"input": given, "model": self.run, "truth": truth}) as run:
            return self.recipe.find(run, FindRequest(given, self.run, truth), settings)

    def report(self, out: Path) -> Summary:
        """Write the page again, by the settings of the run."""
        with reopen_run(out) as run:
            return self.recipe.report(run, self.recipe.settings.parse(run.record["settings"]))

    def copies(self, folder: Path, *places: str) -> Path:
        """A folder that holds one image several times."""
        one = self.data / self.kind.one
        for place in places:
            target = folder / place / one.name
            target.parent.mkdir(parents=True)
            shutil.copy(one, target)
        return folder

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
        parts = {"train": names[3:5], "validation": [names[0], names[5]], "test": names[1:3]}
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


def test_a_run_finishes_every_stage_and_its_page_carries_the_notice(flow):
    record = read_run(flow.run).record
    assert record["recipe"] == flow.kind.recipe
    assert {stage["state"] for stage in record["stages"].values()} == {"done"}
    assert {"index", "prepare", "find"} <= record["stages"].keys()
    assert (flow.run / "settings.yaml").is_file()
    assert (flow.run / "catalogue.parquet").is_file()
    assert NOTICE in (flow.run / "report.html").read_text(encoding="utf-8")


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


def test_the_same_command_again_trains_and_searches_nothing_anew(flow):
    before = read_run(flow.run).record["stages"]
    table = (flow.run / flow.kind.table).read_bytes()
    flow.again()
    assert read_run(flow.run).record["stages"] == before
    assert (flow.run / flow.kind.table).read_bytes() == table


def test_two_images_of_one_name_are_told_apart_by_their_folders_before_anything_is_searched(flow, tmp_path):
    twice = flow.copies(tmp_path / "twice", "a/p1", "b/p1")
    stem = Path(flow.kind.one).stem
    with pytest.raises(LesionkitError, match=rf"two \w+s are called 'p1-{stem}': .*; search them one by one"):
        flow.find(twice, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_an_interrupted_search_keeps_what_it_finished_and_goes_on_with_the_rest(flow, tmp_path, monkeypatch):
    stem, written, interrupt = Path(flow.kind.one).stem, [], True

    def write(folder, case_id, document):
        if interrupt and written:
            raise KeyboardInterrupt
        # A record means that the image is done: what else the search writes is there already.
        assert not flow.kind.own or (folder / flow.kind.own.format(case_id)).is_file()
        written.append(case_id)
        return write_record(folder, case_id, document)

    monkeypatch.setattr(searching, "write_record", write)
    some = flow.copies(tmp_path / "some", "p1", "p2")
    with pytest.raises(KeyboardInterrupt, match="to resume, run the same command with --out"):
        flow.find(some, tmp_path / "r")
    with pytest.raises(LesionkitError, match="holds no finished search; repeat the command that began it"):
        flow.report(tmp_path / "r")
    interrupt = False
    summary = flow.find(some, tmp_path / "r")
    assert (written, summary.cases, summary.failed) == ([f"p1-{stem}", f"p2-{stem}"], 2, {})
    flow.find(some, tmp_path / "r")
    assert len(written) == 2


def test_one_image_gives_figures_without_intervals(flow, tmp_path):
    table = flow.data / "train-rle.csv"
    summary = flow.find(flow.data / flow.kind.one, tmp_path / "r", truth=table if table.is_file() else None)
    files = list((tmp_path / "r" / "score").rglob("score.json"))
    figures = [(n, f) for file in files for n, f in json.loads(file.read_text())["figures"].items()]
    assert figures
    assert [name for name, figure in figures if (figure["lower"], figure["upper"]) != (None, None)] == []
    assert not [fact for fact in summary.facts.values() if "interval " in str(fact)]


def test_workers_are_as_many_as_asked_for(flow, tmp_path, monkeypatch):
    asked, real = [], attempts.map_cases

    def here(work, items, engine, label, *told):
        asked.append((engine.backend, engine.workers))
        # A worker gets the work and gives its value back as bytes.
        pickle.dumps(work)
        return real(work, items, EngineSettings(backend="here"), label)

    monkeypatch.setattr(attempts, "map_cases", here)
    flow.find(flow.copies(tmp_path / "some", "p1", "p2"), tmp_path / "r", engine={"backend": "processes", "workers": 2})
    assert asked == [("processes", 2)]
    assert len(list((tmp_path / "r" / "cases").glob("*.json"))) == 2


def test_what_was_trained_says_nothing_of_the_machine_and_the_place(flow):
    cards = [read_card(file) for file in flow.run.rglob("*.safetensors")]
    cards += [json.loads(file.read_text()) for file in flow.run.glob("ensemble.json")]
    assert cards
    plain = flow.recipe.settings().model_dump(mode="json")
    for card in (card for card in cards if "settings" in card):
        assert [card["settings"].get(name) for name in ("engine", "read")] == [plain.get(n) for n in ("engine", "read")]
        assert card["settings"]["learn"]["workers"] == plain["learn"]["workers"]
        assert card["recipe"] == flow.recipe.name
        assert str(flow.run.parent) not in json.dumps(card)
        assert str(flow.data) not in json.dumps(card)


def test_a_folder_that_another_works_in_is_refused_by_every_verb(flow, tmp_path):
    begun, data, one = flow.run, flow.data, flow.data / flow.kind.one
    verbs = {
        "prepare": (data, "--recipe", flow.recipe.name),
        "train": (flow.recipe.name, data),
        "run": (flow.recipe.name, data),
        "find": (one, "--recipe", flow.recipe.name, "--model", begun),
        "sweep": (flow.recipe.name, data, "--search", "split.seed=1,2", "--trials", 1),
    }
    with held(tmp_path / "r", lambda: "process 7 is at stage 'train'"):
        for verb, words in verbs.items():
            result = CliRunner().invoke(app, [verb, *map(str, words), "--out", str(tmp_path / "r")])
            assert (result.exit_code, "is in use: another process begins a run there" in result.output) == (2, True)
        assert [file.name for file in (tmp_path / "r").iterdir()] == [LOCK_FILE]
    with held(begun, str):
        result = CliRunner().invoke(app, ["report", str(begun)])
    assert (result.exit_code, "is in use: " in result.output) == (2, True)


@pytest.mark.parametrize("several", [False, True], ids=["of one image", "of a run"])
def test_the_page_that_is_written_again_is_the_same(flow, tmp_path, several):
    folder = flow.run
    if not several:
        folder = tmp_path / "r"
        flow.find(flow.data / flow.kind.one, folder)
    names = ["report.html", flow.kind.table, *(f.relative_to(folder) for f in (folder / "score").rglob("*.json"))]
    before = {name: (folder / name).read_bytes() for name in names}
    for name in names:
        (folder / name).unlink()
    flow.report(folder)
    assert [str(name) for name in names if (folder / name).read_bytes() != before[name]] == []


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_goes_through_the_one_flow(name):
    recipe = load_recipe(name)
    verbs = ("find", "report", "objective")
    assert [getattr(recipe, verb).func for verb in verbs] == [getattr(flows, verb) for verb in verbs]


def test_a_model_carries_points_of_its_validation_and_every_page_shows_its_card(flow):
    card = read_card(flow.run / "model.safetensors") if (flow.run / "model.safetensors").is_file() else {}
    card = card or json.loads((flow.run / "ensemble.json").read_text())
    points = card["operating_points"]
    assert points["default"] in [point["name"] for point in points["points"]]
    for point in points["points"]:
        for figure in point["figures"].values():
            # Denominators stand in the note.
            assert re.match(r"\d+ (of|in) \d+ ", figure["note"])
    page = (flow.run / "report.html").read_text(encoding="utf-8")
    for words in ("Model card", "Learned from", card["command"], "leakage", points["default"], "command"):
        assert escape(words) in page
    assert any(name.endswith("patients") for name in [*card, *(card.get("learned from") or {})])


def test_what_a_search_found_ends_in_one_line_and_the_page_and_the_table_agree(flow, tmp_path):
    summary = flow.find(flow.data / flow.kind.one, tmp_path / "r", at=0.0)
    above, below = map(int, re.match(r"(\d+) [\w ]+ at threshold 0; (\d+) weaker below$", summary.conclusion).groups())
    rows = list(csv.DictReader((tmp_path / "r" / flow.kind.table).read_text().splitlines()))
    assert (above, below) == (len(rows), 0)
    assert {row["decided"] for row in rows} <= {"1"}
    assert summary.conclusion in (tmp_path / "r/report.html").read_text(encoding="utf-8")
    summary = flow.find(flow.data / flow.kind.one, tmp_path / "none", at=1.0)
    assert summary.conclusion.startswith("0 ")
    rows = list(csv.DictReader((tmp_path / "none" / flow.kind.table).read_text().splitlines()))
    assert {row["decided"] for row in rows} <= {"0"}


def test_a_point_that_the_model_does_not_have_is_refused_before_anything_is_searched(flow, tmp_path):
    with pytest.raises(LesionkitError, match=r"no operating point 'best'; decide\.at must be one of '"):
        flow.find(flow.data / flow.kind.one, tmp_path / "r", at="best")
    assert not (tmp_path / "r").exists()


def test_a_threshold_outside_0_to_1_is_one_sentence_and_exit_code_2(flow, tmp_path):
    words = ["find", str(flow.data / flow.kind.one), "--recipe", flow.recipe.name, "--model", str(flow.run)]
    result = CliRunner().invoke(app, [*words, "--at", "1.5", "--out", str(tmp_path / "r")])
    assert result.exit_code == 2
    assert "must be the name of an operating point or a threshold in [0, 1], got 1.5" in result.output


def test_a_model_without_points_says_so_and_shows_the_ranked_list(flow, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(flow.run, bare)
    model = model_of_run(bare)
    complete_model(model, {"operating_points": None, "calibration": None})
    settings = change(flow.recipe.model_settings(bare), HERE)
    one, table = flow.data / flow.kind.one, flow.data / "train-rle.csv"
    truth = table if table.is_file() else None
    with open_run(tmp_path / "r", flow.recipe.name, settings, {"input": one, "model": bare, "truth": truth}) as run:
        summary = flow.recipe.find(run, FindRequest(one, bare, truth), settings)
    assert summary.conclusion.startswith("the model has no operating points: what was found is ranked")
    assert summary.conclusion in (tmp_path / "r/report.html").read_text(encoding="utf-8")
    rows = list(csv.DictReader((tmp_path / "r" / flow.kind.table).read_text().splitlines()))
    assert {row["decided"] for row in rows} <= {""}
    completed = flow.recipe.complete(model, [tmp_path / "r"], {"limits": ["It never saw a child."]})
    assert completed.keys() >= {"operating_points", "calibration", "measured"}
    assert model_card(model)["limits"] == ["It never saw a child."]


@pytest.fixture(scope="module")
def contents():
    """What the files of a run folder hold, times apart."""
    file = Path(__file__).parents[2] / "benchmarks" / "kills.py"
    spec = importlib.util.spec_from_file_location("benchmarks_kills", file)
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look themselves up there.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.contents


def test_the_same_seed_gives_the_same_weights_and_page_twice(flow, tmp_path, monkeypatch, contents):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))
    out = tmp_path / flow.run.name
    with open_run(out, flow.recipe.name, flow.settings, {"data": flow.data}) as run:
        flow.recipe.run(run, flow.data, flow.settings)
    first, second = contents(flow.run), contents(out)
    assert any(name.endswith(".safetensors") for name in second)
    assert [name for name in sorted(first | second) if first.get(name) != second.get(name)] == []


HOSTILE = "<script>alert(1)<b onclick=alert(1)>&\"'<img src=x onerror=alert(1)>"
SECRETS = ("MUSTERMANN", "ERIKA", "ID-4711", "19640812", "DOKTOR")


def _named(tags: Any) -> Any:
    tags.PatientName, tags.PatientID, tags.PatientBirthDate = "MUSTERMANN^ERIKA", "ID-4711", "19640812"
    tags.ReferringPhysicianName, tags.OperatorsName = "DOKTOR^A", "DOKTOR^B"
    tags.SeriesDescription = tags.StudyDescription = tags.Manufacturer = HOSTILE[:64]
    tags.ConvolutionKernel, tags.BodyPartExamined = "<b>&\"'", "<B>"
    return tags


def hostile(flow: Flow, folder: Path) -> tuple[Path, str]:
    """An image of the test part whose names are code and whose header names a patient; and how its case is called."""
    one = flow.data / flow.kind.one
    folder.mkdir()
    if flow.kind.recipe == "slide-metastasis":
        shutil.copy(one, folder / f"{HOSTILE}{one.suffix}")
        return folder / f"{HOSTILE}{one.suffix}", HOSTILE
    import pydicom

    if one.suffix == ".mha":
        from lesionkit.read.scan import open_scan
        from lesionkit.write.dicom import write_series

        write_series(open_scan(one), folder / HOSTILE)
    else:
        (folder / HOSTILE).mkdir()
        shutil.copy(one, folder / HOSTILE / f"{HOSTILE}.dcm")
    for file in (folder / HOSTILE).iterdir():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what no scanner would write
            tags = _named(pydicom.dcmread(file))
            tags.save_as(file)
    # Radiographs are called after their files, CTs by their series.
    return (folder / HOSTILE, str(tags.SeriesInstanceUID)) if one.suffix == ".mha" else (file, HOSTILE)


class Elements(HTMLParser):
    """The elements of a page, and the attributes that would run something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.running: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.running += [f"{tag} {name}" for name, value in attrs if name.startswith("on")]
        self.running += [f"{tag} {value}" for _, value in attrs if str(value).strip().lower().startswith("javascript:")]


def test_a_page_escapes_every_name_that_came_from_a_file_and_names_no_patient_unless_asked(flow, tmp_path):
    image, case = hostile(flow, tmp_path / "in")
    flow.find(image, tmp_path / "r")
    page = (tmp_path / "r/report.html").read_text(encoding="utf-8")
    assert str(escape(case)) in page
    elements = Elements(page)
    # The slider of a slide's heat map is ours.
    assert set(elements.running) <= {"input oninput"}
    assert elements.names & {"script", "iframe", "object", "embed", "link"} == set()
    # Records keep the id, for splits are dealt by patient; nothing that people read does.
    for file in (tmp_path / "r").rglob("*"):
        if file.is_file() and "cases" not in file.parts:
            content = file.read_bytes()
            assert [secret for secret in SECRETS if secret.encode() in content] == [], file
    patient = json.loads(next((tmp_path / "r/cases").iterdir()).read_text())
    patient = patient.get("patient_id") or patient["item"]["patient_id"]
    result = CliRunner().invoke(app, ["report", str(tmp_path / "r"), "--with-identifiers"])
    assert result.exit_code == 0, result.output
    again = (tmp_path / "r/report.html").read_text(encoding="utf-8")
    assert f'<td class="word id">{escape(case)}</td><td class="word id">{escape(patient) or "–"}</td>' in again
    rows = list(csv.reader((tmp_path / "r/identifiers.csv").read_text().splitlines()))
    assert rows == [["case_id", "patient_id"], [case, patient]]
    flow.report(tmp_path / "r")
    assert (tmp_path / "r/report.html").read_text(encoding="utf-8") == page
    assert not (tmp_path / "r/identifiers.csv").exists()


class Unlike:
    """What every image is far from."""

    def unlikeness(self, rows):
        assert np.isfinite(rows).all()
        return 9.0


def test_what_a_model_has_seen_survives_in_its_file_and_its_own_images_are_near(flow, tmp_path):
    summary = flow.find(flow.data / flow.kind.one, tmp_path / "r")
    (record,) = [json.loads(file.read_text()) for file in (tmp_path / "r" / "cases").glob("*.json")]
    told = record["facts"]["foreign"]
    reason = read_run(flow.run).record["stages"]["foreign"]["facts"].get("reason")
    if reason is not None:
        # Slides of two patients, of which some validate, are too few to remember.
        assert re.search("3 or more that the model learned from are needed, got [12]$", reason)
        assert (told, summary.facts["foreign images"]) == ({"unlikeness": None}, "this model cannot tell")
        return
    first = next(file for file in flow.run.rglob("*.safetensors") if read_card(file).get("foreign"))
    assert read_card(first)["foreign"]["images"] >= 3
    familiar_of.cache_clear()
    assert np.isfinite(familiar_of(first).limit)
    assert told["unlikeness"] < told["refused from"] == 2.5
    assert summary.facts["foreign images"] == f"{int(told['unlikeness'] > 1)} of 1"


def test_a_foreign_image_is_refused_and_told_of_on_page_and_record_where_it_is_allowed(flow, tmp_path, monkeypatch):
    monkeypatch.setattr(foreign, "familiar_of", lambda model: Unlike())
    one = flow.data / flow.kind.one
    with pytest.raises(LesionkitError, match=r"9\.0 times as far .*insist with --set infer\.foreign=allow"):
        flow.find(one, tmp_path / "r")
    some = flow.copies(tmp_path / "some", "p1", "p2")
    with pytest.raises(LesionkitError, match="infer\\.foreign=allow"):
        flow.find(some, tmp_path / "s")
    settings = change(flow.recipe.model_settings(flow.run), {"engine": HERE["engine"], "infer": {"foreign": "allow"}})
    with open_run(tmp_path / "t", flow.recipe.name, settings, {"input": one, "model": flow.run}) as run:
        summary = flow.recipe.find(run, FindRequest(one, flow.run), settings)
    assert any("unlike what the model knows" in sentence for sentence in summary.warnings)
    assert "unlike what the model knows" in (tmp_path / "t" / "report.html").read_text(encoding="utf-8")
    assert summary.facts["foreign images"] == "1 of 1"


def test_a_run_scores_its_own_images_however_foreign(flow):
    assert read_run(flow.run).record["stages"]["find"]["facts"]["failed"] == {}
