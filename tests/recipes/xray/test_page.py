import csv
from pathlib import Path

import numpy as np
from PIL import Image

from lesionkit.evaluate.points import Decision
from lesionkit.recipes.base import Item
from lesionkit.recipes.kind import Scored, Shelf
from lesionkit.recipes.xray.page import PAGES, write_predictions
from lesionkit.recipes.xray.search import FoundRadiograph, probability_file
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.report.about import About

FOUND = [
    FoundRadiograph(Item("a", Path("a.png")), "p", (4, 4), "0 4", 0.75, 0.75, 0.25),
    FoundRadiograph(Item("b", Path("b.png")), "q", (4, 4), "-1", 0.1, None, 0.0),
]


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_the_table_of_predictions_says_score_area_and_decision_of_each_radiograph(tmp_path):
    rows = rows_of(write_predictions(tmp_path / "p.csv", FOUND, Decision(0.5, "threshold 0.5")))
    assert [(row["case_id"], row["decided"]) for row in rows] == [("a", "1"), ("b", "0")]
    assert [float(row["area"]) for row in rows] == [0.25, 0.0]
    assert [row["p_nonempty"] for row in rows] == ["0.75", ""]


def test_the_score_decides_and_not_the_mask_and_without_a_point_nothing_does(tmp_path):
    rows = rows_of(write_predictions(tmp_path / "p.csv", FOUND, Decision(0.8, "sensitivity 95 %")))
    assert [row["decided"] for row in rows] == ["0", "0"]
    rows = rows_of(write_predictions(tmp_path / "p.csv", FOUND, Decision()))
    assert [row["decided"] for row in rows] == ["", ""]


def test_a_positive_radiograph_is_outlined_by_the_rule_or_by_what_it_would_draw():
    empty = FoundRadiograph(Item("c", Path("c.png")), "r", (4, 4), "-1", 0.9, 0.9, 0.0, drawn="1 2")
    assert [empty.outline(decided) for decided in (True, False, None)] == ["1 2", "-1", "-1"]
    assert [FOUND[0].outline(decided) for decided in (True, False, None)] == ["0 4", "-1", "0 4"]


def test_one_radiograph_alone_is_a_film_with_what_was_found_and_what_is_known(tmp_path):
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(tmp_path / "a.png")
    probability = probability_file(tmp_path, "a")
    probability.parent.mkdir()
    Image.fromarray(np.full((16, 16), 30, np.uint8)).save(probability)
    one = FoundRadiograph(
        Item("a", tmp_path / "a.png"),
        "p",
        (16, 16),
        "0 32",
        0.75,
        0.75,
        0.25,
        {"warnings": (), "notes": (), "seconds": {}},
    )
    known = Scored({"a": "16 32"}, {})
    shelf = Shelf(tmp_path, [one], known, {}, tmp_path / "m", (), About(Decision(0.5, "threshold 0.5")))
    look = PAGES.look(shelf, XrayPneumothorax())
    assert look.lines == ("positive", "score 0.750", "a finding is known", "Dice 0.50")
    assert "lay-truth" in str(look.picture)
