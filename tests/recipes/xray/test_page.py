import csv
from pathlib import Path

from lesionkit.evaluate.points import Decision
from lesionkit.recipes.base import Item
from lesionkit.recipes.xray.page import write_predictions
from lesionkit.recipes.xray.search import FoundRadiograph

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
