"""What was found goes to other programs, whatever the kind of image; what makes no sense is refused in a sentence."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import Balls, Mask, Outlines
from lesionkit.recipes import load_recipe
from lesionkit.recipes.base import ExportRequest
from lesionkit.recipes.formats import FORMATS, format_of
from lesionkit.recipes.xray.pneumothorax import RECIPE
from lesionkit.runs.records import write_record
from lesionkit.runs.run_folder import open_run, read_run


@pytest.fixture
def run(tmp_path) -> Path:
    """A finished search of two radiographs; a piece of 2 × 2 was found on the first."""
    settings = RECIPE.settings()
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    with open_run(tmp_path / "run", RECIPE.name, settings, {"input": pictures}) as opened:
        for name, code, score in (("a", "25 2 8 2", 0.9), ("b", "-1", 0.1)):
            Image.fromarray(np.arange(100, dtype=np.uint8).reshape(10, 10)).save(pictures / f"{name}.png")
            item = {"case_id": name, "path": str(pictures / f"{name}.png"), "patient_id": name, "known": None}
            facts = {"seconds": {"total": 1.0}, "warnings": [], "notes": []}
            found = {"patient_id": name, "shape": [10, 10], "encoded": code, "score": score}
            write_record(opened.path, name, {"item": item, **found, "p_nonempty": None, "area": 0.04, "facts": facts})
        opened.once("find", lambda: {"radiographs": 2, "failed": {}, "left out": {}})
    return tmp_path / "run"


def export(run: Path, to: str, out: Path | None = None, at: str | None = "all"):
    return RECIPE.export(read_run(run), ExportRequest(to, out, at), RECIPE.settings())


def test_what_lies_above_a_threshold_is_exported_and_lies_in_the_run_folder(run):
    (path,) = export(run, "coco", at="0").paths
    assert path == run / "export" / "coco" / "coco.json"
    assert len(json.loads(path.read_text())["annotations"]) == 1
    (none,) = export(run, "coco", run.parent / "none", at="1").paths
    assert json.loads(none.read_text())["annotations"] == []


def test_an_image_that_was_no_dicom_is_written_as_a_derived_one_first(run):
    summary = export(run, "dicom-seg")
    assert [path.name for path in summary.paths] == ["a.seg.dcm"]
    assert summary.failed == {}
    assert [sentence.split(",")[0] for sentence in summary.warnings] == ["b: nothing was found"]
    assert (run / "export" / "dicom-seg" / "derived" / "0001" / "0001.dcm").is_file()


def test_a_format_that_makes_no_sense_names_those_that_do(run):
    with pytest.raises(LesionkitError, match="luna16 holds nothing that is found on a radiograph; such findings go "):
        export(run, "luna16")
    with pytest.raises(LesionkitError, match="--to must name a format, got 'dicom'; findings of a radiograph go to "):
        export(run, "dicom")


def test_a_folder_that_holds_something_is_refused(run, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(LesionkitError, match="holds something already; name a new or an empty folder"):
        export(run, "coco", tmp_path)
    with pytest.raises(LesionkitError, match="--out must be a folder"):
        export(run, "coco", tmp_path / "file")


def test_a_radiograph_that_is_gone_is_named_and_the_others_go_on(run):
    (run.parent / "pictures" / "a.png").unlink()
    summary = export(run, "dicom-sr")
    assert list(summary.failed) == ["a"]
    assert "the radiograph is gone" in summary.failed["a"]
    assert [path.name for path in summary.paths] == ["b.sr.dcm"]


def test_a_run_without_a_finished_search_is_refused(tmp_path):
    with open_run(tmp_path / "run", RECIPE.name, RECIPE.settings(), {}):
        pass
    with pytest.raises(LesionkitError, match="holds no finished search"):
        export(tmp_path / "run", "coco")


@pytest.mark.parametrize("name", FORMATS)
def test_every_writer_of_every_format_is_there(name):
    format = FORMATS[name]
    for table in (format.each or {}, format.together or {}):
        for form, writer in table.items():
            assert form in (Balls, Mask, Outlines)
            module, attribute = writer.split(":")
            assert callable(getattr(importlib.import_module(module), attribute))
    assert format_of(name, format.forms[0], "scan") is format


@pytest.mark.parametrize("name", ["ct-nodule", "xray-pneumothorax", "slide-metastasis"])
def test_every_kind_hands_its_findings_over(name):
    assert load_recipe(name).export is not None


def test_the_help_names_every_format():
    from typer.testing import CliRunner

    from lesionkit.cli.main import app

    told = " ".join(CliRunner().invoke(app, ["export", "--help"]).output.split())
    # A terminal breaks names at their hyphens.
    assert [name for name in FORMATS if name not in told and name not in told.replace("- ", "-")] == []
