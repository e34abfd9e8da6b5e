import csv
import json
import shutil
from pathlib import Path

import pytest

from lesionkit.core.lesion import Candidate
from lesionkit.recipes.base import Item
from lesionkit.recipes.ct.page import PAGES, show
from lesionkit.recipes.ct.prepare import open_native
from lesionkit.recipes.ct.search import FoundScan
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.recipes.kind import Scored, Shelf


@pytest.fixture
def shelf(chests, tmp_path, monkeypatch):
    """One searched scan with two candidates, its pixels read again from disk."""
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))
    scan = Path(shutil.copy(chests / "scans/ct-phantom-00004.mha", tmp_path / "a.mha"))
    grid = open_native(scan, CtNodule()).image.grid
    middle = tuple(grid.index_to_world([n / 2 for n in grid.shape]).tolist())
    found = FoundScan(Item("a", scan), "p", grid, (Candidate(middle, 0.9, 8.0), Candidate(middle, 0.2, 4.0)))
    facts = {"settings": {"steps": 3}, "versions": {}, "run": "2026-01-01", "failed": {"b": "no lungs"}}
    return Shelf(tmp_path / "r", [found], Scored({}, {}), facts, tmp_path / "m", ())


def test_tables_and_page_say_what_was_found_and_what_failed(shelf):
    view = show(shelf, CtNodule())
    assert view.told == {"candidates": 2}
    rows = list(csv.DictReader((shelf.folder / "candidates.csv").read_text().splitlines()))
    assert [(row["seriesuid"], float(row["probability"])) for row in rows] == [("a", 0.9), ("a", 0.2)]
    page = view.paths[0].read_text(encoding="utf-8")
    assert "no lungs" in page
    assert "Research use only; not a medical device." in page


def test_the_table_for_programs_keeps_what_made_the_result_and_not_when(shelf):
    show(shelf, CtNodule())
    document = json.loads((shelf.folder / "candidates.json").read_text())
    assert list(document["cases"]) == ["a"]
    assert "2026-01-01" not in json.dumps(document)
    assert "no lungs" not in json.dumps(document)


def test_one_scan_alone_is_a_small_box_or_a_volume_with_what_was_found(shelf):
    look = PAGES.look(shelf, CtNodule())
    assert look.lines == ("2 findings",)
    assert str(look.picture).count("<svg") == 3
    case = PAGES.volume(shelf, CtNodule())
    assert case.candidates == shelf.found[0].candidates
    assert case.image.grid.spacing_mm == (1.0, 1.0, 1.0)
