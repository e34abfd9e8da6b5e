import json

from lesionkit.core.lesion import Candidate
from lesionkit.write.candidates import write_candidates_csv, write_candidates_json

FOUND = {
    "1.2": [Candidate((1, 2, 3), 0.25, 6.5), Candidate((-100.123456, 0, 0), 0.9, None)],
    "1.3": [],
}


def test_the_table_has_the_columns_of_luna16_and_a_diameter_strongest_first(tmp_path):
    path = write_candidates_csv(tmp_path / "candidates.csv", FOUND)
    assert path.read_text().splitlines() == [
        "seriesuid,coordX,coordY,coordZ,probability,diameter_mm,decided",
        "1.2,-100.1235,0.0,0.0,0.9,,",
        "1.2,1.0,2.0,3.0,0.25,6.5,",
    ]


def test_scores_keep_their_last_digit_so_that_no_tie_is_made(tmp_path):
    close = [Candidate((0, 0, 0), 0.1 + 0.2), Candidate((9, 9, 9), 0.3)]
    lines = write_candidates_csv(tmp_path / "c.csv", {"a": close}).read_text().splitlines()
    assert float(lines[1].split(",")[4]) == 0.1 + 0.2
    assert float(lines[2].split(",")[4]) == 0.3


def test_json_holds_ranks_facts_and_cases_without_candidates(tmp_path):
    content = json.loads(write_candidates_json(tmp_path / "c.json", FOUND, {"model": "m1"}).read_text())
    assert content["notice"] == "Research use only; not a medical device."
    assert content["facts"] == {"model": "m1"}
    assert content["cases"]["1.3"] == []
    assert content["cases"]["1.2"][0] == {
        "rank": 1,
        "world_mm": [-100.1235, 0.0, 0.0],
        "probability": 0.9,
        "diameter_mm": None,
        "decided": None,
    }


def test_what_lies_above_the_line_has_a_1(tmp_path):
    lines = write_candidates_csv(tmp_path / "c.csv", FOUND, lambda score: score >= 0.5).read_text().splitlines()
    assert [line.split(",")[-1] for line in lines] == ["decided", "1", "0"]
    content = json.loads(write_candidates_json(tmp_path / "c.json", FOUND, {}, lambda score: score >= 0.5).read_text())
    assert [row["decided"] for row in content["cases"]["1.2"]] == [True, False]
