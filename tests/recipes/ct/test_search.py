import json
import shutil

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import EngineSettings
from lesionkit.recipes.base import FindRequest
from lesionkit.recipes.ct import search as subject
from lesionkit.recipes.ct.nodule import RECIPE
from lesionkit.runs.run_folder import open_run, read_run


@pytest.fixture
def go(tmp_path, model, monkeypatch):
    """go(input, **request): find in the run folder `tmp_path/r` with the model of no skill."""
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))
    settings = RECIPE.model_settings(model).model_copy(update={"engine": EngineSettings(backend="here")})

    def run(scans, **request):
        with open_run(tmp_path / "r", "ct-nodule", settings, {"input": scans, "model": model, **request}) as opened:
            return RECIPE.find(opened, FindRequest(scans, model, **request), settings)

    return run


@pytest.fixture
def two(chests, tmp_path):
    """Two scans of one name in two folders."""
    for folder, number in (("p1", 1), ("p2", 2)):
        (tmp_path / "two" / folder).mkdir(parents=True)
        shutil.copy(chests / f"scans/ct-phantom-{number:05d}.mha", tmp_path / "two" / folder / "ct.mha")
    return tmp_path / "two"


def test_scans_of_one_name_are_called_after_their_folders(go, two, tmp_path):
    go(two)
    assert list(json.loads((tmp_path / "r/candidates.json").read_text())["cases"]) == ["p1-ct", "p2-ct"]


def test_an_interrupted_search_goes_on_with_the_scans_that_are_left(go, two, tmp_path, monkeypatch):
    prepare, calls = subject.prepare_ct, []

    def interrupted(case, settings):
        calls.append(case.case_id)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return prepare(case, settings)

    monkeypatch.setattr(subject, "prepare_ct", interrupted)
    with pytest.raises(KeyboardInterrupt, match="to resume, run the same command with --out"):
        go(two)
    record = next((tmp_path / "r/cases").iterdir())
    before = record.stat().st_mtime_ns
    with pytest.raises(LesionkitError, match="holds no finished search; repeat the command that began it"):
        RECIPE.report(read_run(tmp_path / "r"), RECIPE.settings())
    assert go(two).facts["scans searched"] == 2
    assert record.stat().st_mtime_ns == before


def test_a_scan_that_failed_is_tried_again_by_the_same_command(go, two, monkeypatch):
    prepare = subject.prepare_ct

    def failing(case, settings):
        if "p2" in case.facts["path"]:
            raise LesionkitError("the disk is full")
        return prepare(case, settings)

    monkeypatch.setattr(subject, "prepare_ct", failing)
    first = go(two)
    assert (first.failed, first.cases) == ({"p2-ct": "the disk is full"}, 2)
    monkeypatch.setattr(subject, "prepare_ct", prepare)
    assert go(two).failed == {}


def test_warnings_of_a_search_are_kept_for_status(go, chests, tmp_path):
    summary = go(chests / "scans/ct-phantom-00004.mha")
    assert "no searched scan has a known lesion, so there is nothing to score" in summary.warnings
    assert read_run(tmp_path / "r").warnings == summary.warnings
