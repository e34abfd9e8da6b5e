import csv
from pathlib import Path

from lesionkit.recipes.base import Item
from lesionkit.recipes.xray.page import write_predictions
from lesionkit.recipes.xray.search import FoundRadiograph


def test_the_table_of_predictions_says_score_area_and_decision_of_each_radiograph(tmp_path):
    found = [
        FoundRadiograph(Item("a", Path("a.png")), "p", (4, 4), "0 4", 0.75, 0.75, 0.25),
        FoundRadiograph(Item("b", Path("b.png")), "q", (4, 4), "-1", 0.1, None, 0.0),
    ]
    rows = list(csv.DictReader(write_predictions(tmp_path / "p.csv", found).read_text().splitlines()))
    assert [(row["case_id"], row["decided"]) for row in rows] == [("a", "1"), ("b", "0")]
    assert [float(row["area"]) for row in rows] == [0.25, 0.0]
    assert [row["p_nonempty"] for row in rows] == ["0.75", ""]
