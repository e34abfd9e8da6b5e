import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes import load_recipe
from lesionkit.recipes.base import FindRequest
from lesionkit.recipes.flow import told_apart
from lesionkit.recipes.xray import search as subject
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.recipes.xray.truth import items_of
from lesionkit.runs.models import chosen_model
from lesionkit.runs.run_folder import open_run, read_run

RECIPE = load_recipe("xray-pneumothorax")


@pytest.fixture
def go(tmp_path, xray_run):
    """go(input, model): find in the run folder `tmp_path/r`; the summary."""

    def find(given, model=xray_run, truth=None):
        settings = RECIPE.model_settings(model)
        inputs = {"input": given, "model": model, "truth": truth}
        with open_run(tmp_path / "r", RECIPE.name, settings, inputs) as run:
            return RECIPE.find(run, FindRequest(given, model, truth), settings)

    return find


@pytest.fixture
def pictures(radiographs, tmp_path) -> Path:
    """Two of the radiographs as PNG files with masks, one of them 64 × 48 pixels."""
    from lesionkit.core.mask import decode_rle_siim
    from lesionkit.read.picture import read_picture
    from lesionkit.read.truth.siim import read_siim_table

    folder = tmp_path / "pictures"
    (folder / "masks").mkdir(parents=True)
    codes = read_siim_table(radiographs / "train-rle.csv").set_index("image_id")["encoded"]
    for name, columns in (("x00", 64), ("x01", 48)):
        case = read_picture(radiographs / f"dicom/{name}.dcm")
        Image.fromarray(case.image.read(case.image.grid.whole)[:, :columns]).save(folder / f"{name}.png")
        mask = decode_rle_siim(codes[name], (64, 64))[:, :columns]
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"masks/{name}.png")
    return folder


def rows(out):
    return list(csv.DictReader((out / "predictions.csv").read_text().splitlines()))


def test_one_dicom_file_gives_a_mask_and_a_probability_at_its_own_size(go, radiographs, tmp_path):
    summary = go(radiographs / "dicom/x00.dcm")
    assert (summary.cases, summary.failed) == (1, {})
    for name in ("x00", "x00-probability"):
        with Image.open(tmp_path / f"r/masks/{name}.png") as picture:
            assert (picture.size, picture.mode) == ((64, 64), "L")
    assert "Research use only" in (tmp_path / "r/report.html").read_text()


def test_png_files_of_several_sizes_are_searched_and_scored_by_their_masks(go, pictures, tmp_path):
    summary = go(pictures)
    assert [row["case_id"] for row in rows(tmp_path / "r")] == ["x00", "x01"]
    assert "radiographs have 2 sizes; masks were compared at 1024 × 1024 pixels" in summary.warnings
    assert (tmp_path / "r/score/score.json").is_file()


def test_a_single_model_file_is_an_ensemble_of_one(go, radiographs, xray_run, tmp_path):
    go(radiographs / "dicom/x00.dcm", xray_run / "models/fold0-small.safetensors")
    assert len(rows(tmp_path / "r")) == 1


def test_a_table_of_masks_may_be_given(go, radiographs, tmp_path):
    go(radiographs / "dicom", truth=radiographs / "train-rle.csv")
    assert (tmp_path / "r/score/score.json").is_file()


def test_a_bad_file_is_named_and_the_rest_go_on(go, pictures):
    (pictures / "bad.png").write_bytes(b"no picture")
    (pictures / "masks").rename(pictures.parent / "elsewhere")
    summary = go(pictures)
    assert summary.cases == 3
    assert list(summary.failed) == ["bad"]
    assert "not a readable picture" in summary.failed["bad"]


def test_files_of_one_name_are_called_after_their_folders(pictures, tmp_path):
    for name in ("p1/x.png", "p2/x.png", "p2/y.png", "more/p1/z.png"):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pictures / "x00.png", tmp_path / "set" / name)
    items = items_of(tmp_path / "set", None, XrayPneumothorax()).items
    assert [item.case_id for item in told_apart(items, "radiograph")] == ["z", "p1-x", "p2-x", "y"]
    shutil.copy(pictures / "x00.png", tmp_path / "set/more/p1/x.png")
    with pytest.raises(LesionkitError, match="two radiographs are called 'p1-x'"):
        told_apart(items_of(tmp_path / "set", None, XrayPneumothorax()).items, "radiograph")


def test_an_interrupted_search_goes_on_with_what_is_left(go, pictures, tmp_path, monkeypatch):
    write, calls = subject.write_mask, []

    def interrupted(path, mask):
        calls.append(path.stem)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return write(path, mask)

    monkeypatch.setattr(subject, "write_mask", interrupted)
    with pytest.raises(KeyboardInterrupt, match="to resume"):
        go(pictures)
    with pytest.raises(LesionkitError, match="holds no finished search; repeat the command that began it"):
        RECIPE.report(read_run(tmp_path / "r"), RECIPE.settings())
    go(pictures)
    assert calls == ["x00", "x01", "x01"]


def test_the_page_can_be_written_again(go, pictures, tmp_path):
    go(pictures)
    (tmp_path / "r/report.html").unlink()
    run = read_run(tmp_path / "r")
    RECIPE.report(run, RECIPE.settings())
    assert (tmp_path / "r/report.html").is_file()


def test_models_that_are_none_are_refused_in_a_sentence(tmp_path, xray_run):
    with pytest.raises(LesionkitError, match=r"no model is shipped for xray-pneumothorax-5th .*; train one with"):
        chosen_model(None, "xray-pneumothorax-5th")
    with pytest.raises(LesionkitError, match="which holds no finished training; shipped: "):
        chosen_model(tmp_path, "xray-pneumothorax")
    shutil.copy(xray_run / "ensemble.json", tmp_path / "ensemble.json")
    (tmp_path / "ensemble.json").write_text("{}")
    with pytest.raises(LesionkitError, match="must describe an ensemble, but is damaged"):
        RECIPE.model_settings(tmp_path)
