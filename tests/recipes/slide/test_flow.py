"""One flow through everything a user does with slides, on slides so small that it takes seconds."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from lesionkit.cli.main import app
from lesionkit.nets.model_file import read_card
from lesionkit.read.slide.whole import open_slide
from lesionkit.read.truth.camelyon import read_mark_folder, read_slide_scores

TINY = """
net: {channels: [32, 32], blocks: [1, 1]}
learn: {steps: 24, batch: 8, rate: 0.01, average: 0.5, workers: 0, validate_every: 24, precision: 32-true}
draw: {per_epoch: 64, validation: 24}
infer: {tile: 256, precision: fp32}
score: {bootstrap: 20}
engine: {backend: here}
"""

PARTS = {"train": list("abef"), "validation": list("cg"), "test": list("dh")}


def call(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def lesionkit(*words: object) -> str:
    result = call(*words)
    assert result.exit_code == 0, result.output
    return result.output


def rows(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text().splitlines()))


@pytest.fixture(scope="module", autouse=True)
def _wide():
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "300"
    yield
    os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)


@pytest.fixture(scope="module")
def place(slides, tmp_path_factory):
    """A folder where a user has trained on slides and searched one: tiny.yaml, data, trained, found."""
    folder = tmp_path_factory.mktemp("slide-flow")
    (folder / "tiny.yaml").write_text(TINY)
    data = shutil.copytree(slides, folder / "data")
    (data / "splits.json").write_text(json.dumps(PARTS))
    said = {
        "run": lesionkit(
            "run", "slide-metastasis", data, "--out", folder / "trained", "--config", folder / "tiny.yaml"
        ),
        "find": lesionkit(
            *("find", data / "slides" / "d.tif", "--recipe", "slide-metastasis"),
            *("--model", folder / "trained", "--out", folder / "found"),
        ),
    }
    return folder, said


def test_a_run_trains_searches_the_test_slides_and_scores_them(place):
    folder, said = place
    run = folder / "trained"
    assert set(read_slide_scores(run / "scores.csv")) == {"d", "h"}
    assert "2 slides of the test part" in said["run"]
    assert "lesion FROC, exact" in said["run"]
    for protocol in ("official", "exact"):
        document = json.loads((run / "score" / protocol / "score.json").read_text())
        assert (document["counts"]["slides"], document["counts"]["lesions"]) == (2, 1)
    assert "not a medical device" in (run / "report.html").read_text()
    assert (run / "statistics.html").is_file()


def test_the_model_finds_the_tumour_that_it_was_shown_the_like_of(place):
    run = place[0] / "trained"
    scores = read_slide_scores(run / "scores.csv")
    assert scores["d"] > scores["h"]
    document = json.loads((run / "score" / "exact" / "score.json").read_text())
    assert document["figures"]["cpm"]["value"] == 1.0


def test_the_card_says_what_the_model_learned_from_and_holds_no_path(place):
    card = read_card(place[0] / "trained" / "model.safetensors")
    assert (card["recipe"], card["training_slides"], card["training_slides_with_tumour"]) == ("slide-metastasis", 4, 2)
    assert card["answer"]["rule"] == "top area"
    assert str(place[0]) not in json.dumps(card)


def test_marks_map_and_outline_of_a_slide_agree_with_its_mask(place):
    folder, _ = place
    with Image.open(folder / "data" / "masks" / "d.png") as picture:
        mask = np.kron(np.asarray(picture) > 0, np.ones((16, 16), bool))
    marks = read_mark_folder(folder / "found" / "marks")["d"]
    confidence, x, y = marks[0]
    assert confidence > 0.5
    assert mask[int(y), int(x)]
    shown = open_slide(folder / "found" / "maps" / "d.tif")
    assert shown.grid.spacing_mm[0] * 1000 == pytest.approx(8.0)
    probability = shown.read(shown.grid.whole)[..., 0] / 255
    assert probability.shape == (48, 48)
    assert probability[mask[4::8, 4::8]].mean() > probability[~mask[4::8, 4::8]].mean() + 0.3
    outlines = json.loads((folder / "found" / "geojson" / "d.geojson").read_text())
    ring = np.array(outlines["features"][0]["geometry"]["coordinates"][0])
    assert (ring[0] == ring[-1]).all()
    assert ring.min() >= 0
    assert ring.max() <= 384


def test_one_slide_of_a_data_set_is_scored_against_the_mask_beside_it(place):
    folder, said = place
    assert "slide score" in said["find"]
    assert (folder / "found" / "score" / "exact" / "score.json").is_file()


def test_a_finished_search_is_not_done_again_and_its_page_can_be_written_again(place):
    folder, _ = place
    page, record = folder / "found" / "report.html", folder / "found" / "cases" / "d.json"
    before = record.stat().st_mtime_ns
    lesionkit(
        *("find", folder / "data" / "slides" / "d.tif", "--recipe", "slide-metastasis"),
        *("--model", folder / "trained", "--out", folder / "found"),
    )
    page.unlink()
    lesionkit("report", folder / "found")
    assert page.is_file()
    assert record.stat().st_mtime_ns == before


def test_a_run_that_was_interrupted_goes_on_where_it_stopped(place):
    folder, _ = place
    run = folder / "trained"
    record = json.loads((run / "run.json").read_text())
    ended = record["stages"]["train"]["ended"]
    del record["stages"]["find"]
    (run / "run.json").write_text(json.dumps(record))
    (run / "cases" / "h.json").unlink()
    lesionkit("run", "slide-metastasis", folder / "data", "--out", run, "--config", folder / "tiny.yaml")
    again = json.loads((run / "run.json").read_text())
    assert again["stages"]["train"]["ended"] == ended
    assert again["stages"]["find"]["state"] == "done"


def test_of_a_folder_one_bad_slide_is_named_and_the_others_are_searched(place, tmp_path):
    folder, _ = place
    some = tmp_path / "some"
    some.mkdir()
    shutil.copy(folder / "data" / "slides" / "d.tif", some / "good.tif")
    (some / "bad.tif").write_bytes(b"no slide")
    result = call(
        *("find", some, "--recipe", "slide-metastasis", "--model", folder / "trained", "--out", tmp_path / "out"),
        *("--workers", 1),
    )
    assert result.exit_code == 3
    assert "bad.tif" in result.output
    assert set(read_slide_scores(tmp_path / "out" / "scores.csv")) == {"good"}


def test_a_slide_without_pixel_size_is_refused_in_one_sentence_and_found_with_one(place, tmp_path):
    folder, _ = place
    bare = tmp_path / "bare.tif"
    write_without_mpp(bare)
    asked = ("find", bare, "--recipe", "slide-metastasis", "--model", folder / "trained", "--out", tmp_path / "out")
    refused = call(*asked)
    assert refused.exit_code == 2
    assert "must say how large its pixels are" in refused.output
    assert "slides searched" in lesionkit(*asked, "--mpp", 1.0)


def test_another_magnification_than_the_model_learned_at_is_refused_unless_insisted_on(place, tmp_path):
    folder, _ = place
    words = ("find", folder / "data/slides/d.tif", "--recipe", "slide-metastasis", "--model", folder / "trained")
    refused = call(*words, "--out", tmp_path / "a", "--set", "um=4")
    assert refused.exit_code == 2
    assert "the 1 µm per pixel that the model learned at, got um 4; leave um out, and where a slide is wrong" in (
        refused.output
    )
    assert "--mpp" in refused.output
    assert not (tmp_path / "a" / "scores.csv").exists()
    lesionkit(*words, "--out", tmp_path / "b", "--set", "um=4", "--set", "infer.foreign=allow")


def test_a_slide_of_which_no_tile_can_be_read_fails_and_gets_no_score(place, tmp_path):
    home, folder = place[0], tmp_path / "slides"
    folder.mkdir()
    shutil.copy(home / "data/slides/d.tif", folder)
    broken = bytearray((folder / "d.tif").read_bytes())
    with tifffile.TiffFile(folder / "d.tif") as file:
        for page in file.pages:
            for start, length in zip(page.dataoffsets, page.databytecounts, strict=True):
                broken[start : start + length] = bytes(length)
    (folder / "broken.tif").write_bytes(broken)
    words = ("--recipe", "slide-metastasis", "--model", home / "trained", "--out", tmp_path / "out")
    result = call("find", folder, *words)
    assert result.exit_code == 3
    assert "could be decoded, so nothing was looked at" in result.output
    assert set(read_slide_scores(tmp_path / "out" / "scores.csv")) == {"d"}


def test_tiles_that_cannot_be_read_are_skipped_counted_and_reported(place, tmp_path):
    folder, _ = place
    slide = bytearray((folder / "data" / "slides" / "d.tif").read_bytes())
    middle = len(slide) // 4
    slide[middle : middle + 4000] = bytes(4000)
    (tmp_path / "d.tif").write_bytes(slide)
    asked = ("find", tmp_path / "d.tif", "--recipe", "slide-metastasis", "--model", folder / "trained")
    said = lesionkit(*asked, "--out", tmp_path / "out")
    assert "could not be read and were taken for white" in said
    assert json.loads((tmp_path / "out" / "cases" / "d.json").read_text())["facts"]["unreadable_tiles"] >= 1
    (tmp_path / "d.tif").write_bytes(slide[: len(slide) // 2])
    refused = call(*asked, "--out", tmp_path / "other")
    assert refused.exit_code in (0, 2)
    assert "truncated" in refused.output


def test_an_empty_slide_of_one_level_scores_0_and_says_why(place, tmp_path):
    folder, _ = place
    bare = tmp_path / "empty.tif"
    write_without_mpp(bare, 243)
    said = lesionkit(
        *("find", bare, "--recipe", "slide-metastasis", "--model", folder / "trained", "--out", tmp_path / "out"),
        *("--set", "read.mpp=1.0"),
    )
    assert "no tissue was found" in said
    assert "has one level only" in said
    assert read_slide_scores(tmp_path / "out" / "scores.csv") == {"empty": 0.0}
    assert (tmp_path / "out" / "marks" / "empty.csv").read_text() == ""


def test_the_fast_mode_searches_a_sample_of_patches(place, tmp_path):
    folder, _ = place
    lesionkit(
        *("find", folder / "data" / "slides", "--recipe", "slide-metastasis", "--model", folder / "trained"),
        *("--out", tmp_path / "out", "--set", "infer.mode=sampled", "--set", "infer.sampled.patch=64"),
        *("--set", "infer.sampled.centre=32", "--set", "infer.sampled.most=20", "--workers", 1),
    )
    scores = read_slide_scores(tmp_path / "out" / "scores.csv")
    assert scores["a"] > scores["e"]


def test_without_a_model_the_user_is_told_which_there_are(slides, tmp_path, monkeypatch):
    monkeypatch.setattr("lesionkit.runs.models.MODELS", tmp_path)
    result = call("find", slides / "slides" / "a.tif", "--recipe", "slide-metastasis", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "no model is shipped for slide-metastasis (shipped: none); train one with" in result.output
    result = call("find", slides, "--recipe", "slide-metastasis", "--model", "nothing", "--out", tmp_path / "out")
    assert (
        "--model must name a run folder, a .safetensors file or a MONAI bundle, got nothing; shipped: none"
        in result.output
    )


def write_without_mpp(path: Path, grey: int | None = None) -> None:
    """A tiled TIFF of one level that does not say how large its pixels are: tissue, or one grey."""
    import tifffile

    rng = np.random.default_rng(0)
    colours = np.full((384, 384, 3), grey or 243, np.uint8)
    if grey is None:
        colours[32:352, 32:352] = (214, 150, 196)
        colours = np.clip(colours + rng.normal(0, 6, colours.shape), 0, 250).astype(np.uint8)
    tifffile.imwrite(path, colours, tile=(128, 128), photometric="rgb", compression="deflate")
