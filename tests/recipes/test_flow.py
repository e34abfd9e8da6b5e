"""The flow, on a kind of image that is as small as one can be; the real kinds have theirs in `tests/test_flow.py`."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.base import FindRequest, Item
from lesionkit.recipes.flow import told_apart
from lesionkit.runs.run_folder import open_run, read_run


def the_example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("discs", Path(__file__).with_name("discs.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["discs"] = module
    spec.loader.exec_module(module)
    return module


discs = the_example()
RECIPE, DISC = discs.RECIPE, discs.DISC


@pytest.fixture
def data(tmp_path) -> Path:
    """Twelve pictures of 32 × 32; p0, p2, … hold a disc of radius 3 at (row 10, column 20)."""
    y, x = np.mgrid[:32, :32]
    rng, lines = np.random.default_rng(0), ["name,discs"]
    (tmp_path / "data").mkdir()
    for number in range(12):
        disc = (np.hypot(y - 10, x - 20) <= 3) & (number % 2 == 0)
        grey = np.where(disc, 200, 60) + rng.integers(0, 9, (32, 32))
        Image.fromarray(grey.astype(np.uint8)).save(tmp_path / f"data/p{number}.png")
        lines.append(f"p{number},{int(number % 2 == 0)}")
    (tmp_path / "data/labels.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "data"


@pytest.fixture
def trained(data, tmp_path) -> Path:
    settings = discs.Discs()
    with open_run(tmp_path / "run", RECIPE.name, settings, {"data": data}) as run:
        RECIPE.run(run, data, settings)
    return tmp_path / "run"


def find(given: Path, model: Path, out: Path, truth: Path | None = None):
    settings = RECIPE.model_settings(model)
    with open_run(out, RECIPE.name, settings, {"input": given, "model": model, "truth": truth}) as run:
        return RECIPE.find(run, FindRequest(given, model, truth), settings)


def test_a_run_trains_searches_what_was_kept_out_and_scores_it(trained, data):
    record = read_run(trained).record
    assert [name for name, stage in record["stages"].items() if stage["state"] == "done"] == [
        *("index", "prepare", "train", "points", "find")
    ]
    tested = json.loads((trained / "splits.json").read_text())["test"]
    assert {file.stem for file in (trained / "cases").glob("*.json")} == set(tested)


def test_the_same_command_does_nothing_anew(trained, data):
    before = {file: file.stat().st_mtime_ns for file in (trained / "cases").iterdir()}
    with open_run(trained, RECIPE.name, discs.Discs(), {"data": data}) as run:
        RECIPE.run(run, data, discs.Discs())
    assert {file: file.stat().st_mtime_ns for file in (trained / "cases").iterdir()} == before


def test_find_scores_what_is_known_and_says_what_is_not(trained, data, tmp_path):
    (data / "labels.csv").write_text("name,discs\np0,1\np1,0\np2,1\np3,0\nx,1\n")
    summary = find(data, trained, tmp_path / "found")
    assert summary.facts["pictures searched"] == 12
    assert summary.facts["discs"] == 6
    assert summary.facts["AUC"].startswith("1.000")
    assert f"{data / 'labels.csv'} names 1 pictures that are not there, first 'x'" in summary.warnings
    assert "8 of 12 pictures have no known truth and are not scored" in summary.warnings
    (line,) = [line for line in (tmp_path / "found/discs.csv").read_text().splitlines() if line.startswith("p0")]
    assert [float(part) for part in line.split(",")[1:]] == pytest.approx([10, 20], abs=0.5)


def test_a_picture_that_cannot_be_read_fails_alone_and_is_tried_again(trained, data, tmp_path):
    (data / "p3.png").write_bytes(b"no picture")
    summary = find(data, trained, tmp_path / "found")
    assert list(summary.failed) == ["p3"]
    assert "not a readable picture" in summary.failed["p3"]
    assert summary.cases == 12


def test_where_every_picture_fails_the_first_reason_is_the_error(trained, tmp_path):
    for number in (1, 2):
        (tmp_path / f"bad/b{number}.png").parent.mkdir(exist_ok=True)
        (tmp_path / f"bad/b{number}.png").write_bytes(b"no picture")
    with pytest.raises(LesionkitError, match=r"none of 2 pictures can be searched; the first.*not a readable picture"):
        find(tmp_path / "bad", trained, tmp_path / "found")
    with pytest.raises(LesionkitError, match=r"b1\.png.*not a readable picture"):
        find(tmp_path / "bad/b1.png", trained, tmp_path / "one")


def test_report_needs_no_data_set_that_says_what_is_known(trained, data, tmp_path):
    find(data, trained, tmp_path / "found")
    before = (tmp_path / "found/score.html").read_bytes()
    (data / "labels.csv").unlink()
    (tmp_path / "found/score.html").unlink()
    summary = RECIPE.report(read_run(tmp_path / "found"), discs.Discs())
    assert (tmp_path / "found/score.html").read_bytes() == before
    assert summary.facts["AUC"].startswith("1.000")


def test_an_unfinished_search_has_no_report(data, trained, tmp_path, monkeypatch):
    label, calls = discs.ndimage.label, []

    def interrupted(mask):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return label(mask)

    monkeypatch.setattr(discs.ndimage, "label", interrupted)
    with pytest.raises(KeyboardInterrupt):
        find(data, trained, tmp_path / "found")
    with pytest.raises(LesionkitError, match="holds no finished search; repeat the command that began it"):
        RECIPE.report(read_run(tmp_path / "found"), discs.Discs())
    find(data, trained, tmp_path / "found")
    assert len(calls) == 13


def test_a_damaged_record_is_named(data, trained, tmp_path):
    find(data, trained, tmp_path / "found")
    (tmp_path / "found/cases/p0.json").write_text('{"item": {}}')
    with pytest.raises(LesionkitError, match=r"p0\.json is damaged .*; delete it and run the same command again"):
        RECIPE.report(read_run(tmp_path / "found"), discs.Discs())


def test_images_of_one_name_are_called_after_their_folders_or_refused():
    items = [Item("a", Path("p1/a.png"), "a"), Item("a", Path("p2/a.png"), "Ann"), Item("b", Path("p2/b.png"))]
    apart = told_apart(items, "picture")
    assert [(one.case_id, one.patient_id) for one in apart] == [("p1-a", "p1-a"), ("p2-a", "Ann"), ("b", "")]
    with pytest.raises(LesionkitError, match=r"two pictures are called 'p1-a': x/p1/a.png and y/p1/a.png; search"):
        told_apart([Item("a", Path("x/p1/a.png")), Item("a", Path("y/p1/a.png"))], "picture")


def test_a_run_that_could_score_nothing_is_refused_before_it_trains(data, tmp_path):
    (data / "labels.csv").write_text("name,discs\np0,1\np1,0\n")
    with (
        pytest.raises(
            LesionkitError, match=r"a run scores pictures that are kept out of training, but all of .* learn"
        ),
        open_run(tmp_path / "run", RECIPE.name, discs.Discs(), {"data": data}) as run,
    ):
        RECIPE.run(run, data, discs.Discs())
    assert not (tmp_path / "run/ensemble.json").exists()


def test_a_sweep_gets_the_value_of_a_training_and_refuses_a_sentence(data, tmp_path):
    told = RECIPE.objective(data, tmp_path / "trial", discs.Discs(), lambda step, value: None)
    assert 60 < told < 200
    silent = replace(DISC, learn=lambda *args: replace(DISC.learn(*args), value="no picture validates"))
    other = discs.recipe("disc-silent", "", discs.Discs, silent)
    with pytest.raises(LesionkitError, match="needs validation pictures to measure a trial on, got no picture"):
        other.objective(data, tmp_path / "other", discs.Discs(), lambda step, value: None)


def test_a_kind_that_lacks_a_function_is_named_when_it_is_made():
    with pytest.raises(LesionkitError, match=r"needs a function for each of search, items, .*, but score is none"):
        replace(DISC, score=None)


def test_a_model_of_another_kind_is_refused(trained, tmp_path):
    card = json.loads((trained / "ensemble.json").read_text())
    (tmp_path / "ensemble.json").write_text(json.dumps({**card, "recipe": "ct-nodule"}))
    with pytest.raises(LesionkitError, match="must be a model of disc-finder, got one of ct-nodule"):
        RECIPE.model_settings(tmp_path)
