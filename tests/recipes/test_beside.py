"""Several runs on one page, on the smallest kind of image there is."""

import importlib.util
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes import alone, beside
from lesionkit.recipes.base import FindRequest
from lesionkit.runs.run_folder import open_run, read_run

_SPEC = importlib.util.spec_from_file_location("discs_beside", Path(__file__).with_name("discs.py"))
discs = importlib.util.module_from_spec(_SPEC)
sys.modules["discs_beside"] = discs
_SPEC.loader.exec_module(discs)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Twelve pictures, those of even numbers with a disc; a model; runs a and b of two settings."""
    folder = tmp_path_factory.mktemp("beside")
    y, x = np.mgrid[:32, :32]
    (folder / "data").mkdir()
    for number in range(12):
        disc = (np.hypot(y - 10, x - 20) <= 3) & (number % 2 == 0)
        grey = np.where(disc, 200, 60) + np.random.default_rng(number).integers(0, 9, (32, 32))
        Image.fromarray(grey.astype(np.uint8)).save(folder / f"data/p{number}.png")
    labels = "".join(f"p{number},{int(number % 2 == 0)}\n" for number in range(12))
    (folder / "data/labels.csv").write_text("name,discs\n" + labels)
    with open_run(folder / "model", discs.RECIPE.name, discs.Discs(), {"data": folder / "data"}) as run:
        discs.RECIPE.run(run, folder / "data", discs.Discs())
    for name, smooth in (("a", 1.0), ("b", 2.0)):
        settings = discs.Discs(smooth_px=smooth)
        with open_run(folder / name, discs.RECIPE.name, settings, {"input": folder / "data"}) as run:
            discs.RECIPE.find(run, FindRequest(folder / "data", folder / "model", None), settings)
            # What the model says of itself is not asked for here.
            run.record["inputs"]["model"] = {"path": str(folder / "model"), "sha256": "0" * 64}
            run.note()
    return folder


class Rows(HTMLParser):
    """The cells of every row of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.is_in_cell = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.is_in_cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.is_in_cell = False

    def handle_data(self, data):
        if self.is_in_cell:
            self.rows[-1][-1] = (self.rows[-1][-1] + data).strip()


@pytest.fixture
def of_discs(monkeypatch):
    monkeypatch.setattr(beside, "load_recipe", lambda name: discs.RECIPE)


def test_two_runs_are_shown_with_their_figures_and_the_setting_that_differs(made, of_discs, tmp_path):
    before = {file: file.read_bytes() for name in "ab" for file in (made / name).rglob("*") if file.is_file()}
    summary = beside.compare_runs([made / "a", made / "b"], tmp_path / "out")
    assert summary.facts == {"runs": 2, "pictures in all of them": 12}
    assert [path.name for path in summary.paths] == ["compared.html", "figures.csv", "images.csv"]
    rows = Rows(summary.paths[0].read_text()).rows
    assert ["smooth_px", "1.0", "2.0"] in rows
    assert any(row[0] == "slide AUC" and len(row) == 5 for row in rows)
    assert {file: file.read_bytes() for file in before} == before  # no run is written to


def test_runs_of_another_kind_or_protocol_are_refused_in_a_sentence(made, of_discs, tmp_path, monkeypatch):
    other = read_run(made / "b")
    other.record["recipe"] = "slide-metastasis"
    monkeypatch.setattr(beside, "read_run", lambda path: other if path.name == "b" else read_run(path))
    with pytest.raises(
        LesionkitError, match=r"must be of one kind of image, but .*a is of disc-finder and .*b of slide"
    ):
        beside.compare_runs([made / "a", made / "b"], tmp_path / "out")


def test_runs_scored_by_two_protocols_are_refused_in_a_sentence(made, of_discs, tmp_path, monkeypatch):
    honest = beside._of_run

    def of_run(run):
        one = honest(run)
        renamed = {name: replace(score, protocol=f"by {run.path.name}") for name, score in one.scores.items()}
        return replace(one, scores=renamed)

    monkeypatch.setattr(beside, "_of_run", of_run)
    with pytest.raises(LesionkitError, match="scored by one protocol, but a is by 'by a' and b by 'by b'"):
        beside.compare_runs([made / "a", made / "b"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_more_runs_than_colours_and_a_folder_of_other_things_are_refused(made, of_discs, tmp_path):
    with pytest.raises(LesionkitError, match="at most 6 runs fit beside each other, got 7"):
        beside.compare_runs([tmp_path / str(number) for number in range(7)], tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    with pytest.raises(LesionkitError, match="is not empty and holds no comparison"):
        beside.compare_runs([made / "a", made / "b"], tmp_path / "full")


def test_runs_of_one_folder_name_are_told_apart_by_their_parents():
    assert beside._names([Path("x/run"), Path("y/run")]) == ["x/run", "y/run"]
    assert beside._names([Path("x/a"), Path("y/b")]) == ["a", "b"]


def test_flat_images_have_no_page_of_three_planes(made):
    with pytest.raises(LesionkitError, match=r"a page of three planes needs scans, but .*a holds pictures"):
        alone.write_volume(read_run(made / "a"), discs.Discs(), "p0", discs.DISC, "disc-finder")
