import json
from pathlib import Path

import pytest

from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Candidate
from lesionkit.recipes.base import Item
from lesionkit.recipes.slide.answer import Measured
from lesionkit.recipes.slide.search import FoundSlide, adopt, kept_map
from lesionkit.runs.records import record_file

GRID = Grid.upright((1000, 1000), (0.0005, 0.0005), (0.00025, 0.00025))
FOUND = FoundSlide(
    Item("a", Path("a.tif")),
    GRID,
    (64, 32),
    Grid.upright((10, 10), (0.05, 0.05)),
    Measured({"maximum": 0.9}, {"area": 2.0}),
    (Candidate((0.25, 0.1), 0.9), Candidate((0.1, 0.1), 0.4)),
    {"regions": 2, "seconds": {"total": 1.5}},
    {"net a": Measured({"maximum": 0.8}, {})},
)


def test_what_was_found_is_the_same_after_it_was_a_record():
    document = json.loads(json.dumps(FOUND.document()))
    assert FoundSlide.parse(FOUND.item, document) == FOUND


def test_marks_are_in_pixels_from_the_corner_of_the_file_strongest_first():
    assert FOUND.rows == [(0.9, pytest.approx(564), pytest.approx(232)), (0.4, pytest.approx(264), pytest.approx(232))]


def test_what_another_search_of_the_run_found_is_taken_over_once(tmp_path):
    source, out = tmp_path / "validation", tmp_path
    assert not adopt("a", source, out)
    places = ["maps/a.tif", "marks/a.csv", "geojson/a.geojson", "cases/a.map", "cases/a.json"]
    for place in places:
        (source / place).parent.mkdir(parents=True, exist_ok=True)
        (source / place).write_text(place)
    assert adopt("a", source, out)
    assert [(out / place).read_text() for place in places] == places
    (source / "maps/a.tif").unlink()
    assert adopt("a", source, out)


def test_a_map_lies_beside_its_record():
    assert kept_map(Path("r"), "a b") == record_file(Path("r"), "a b").with_suffix(".map")
