import csv
import json

from lesionkit.write.measurements import write_measurements


def test_both_tables_say_the_same_and_what_is_unknown_stays_empty(tmp_path):
    rows = [{"nodule": 1, "volume_mm3": 12.5, "solid_axis_mm": None}, {"nodule": 2, "volume_mm3": 3.0, "more": "x"}]
    table, document = write_measurements(tmp_path, rows, {"scan": "a"})
    assert list(csv.DictReader(table.read_text().splitlines())) == [
        {"nodule": "1", "volume_mm3": "12.5", "solid_axis_mm": "", "more": ""},
        {"nodule": "2", "volume_mm3": "3.0", "solid_axis_mm": "", "more": "x"},
    ]
    told = json.loads(document.read_text())
    assert told["nodules"] == rows
    assert told["facts"] == {"scan": "a"}
    assert told["notice"] == "Research use only; not a medical device."


def test_of_nothing_the_tables_are_empty(tmp_path):
    table, document = write_measurements(tmp_path, [], {})
    assert table.read_text().strip() == ""
    assert json.loads(document.read_text())["nodules"] == []
