import csv
from dataclasses import replace

import numpy as np
import pytest

from lesionkit.evaluate.score import Curve, Figure, Resamples, Score
from lesionkit.report.look import Look
from lesionkit.report.side_page import Column, Said, write_side_page


def score(value: float, key: str = "ten scans") -> Score:
    x = np.array([0.125, 1.0, 8.0])
    curve = Curve("exact", "false positives per scan", "sensitivity", x, x / 8, 1 - x / 8)
    drawn = Resamples(key, {"cpm": value + np.linspace(-0.1, 0.1, 21)})
    figures = {"cpm": Figure(value, value - 0.1, value + 0.1)}
    return Score("toy exact", "a rule", figures, {"scans": 10, "lesions": 20}, (curve,), resamples=drawn)


def column(name: str, value: float, said=None, key: str = "ten scans") -> Column:
    told = said or {"a": Said((0.9, 0.2), 1), "b": Said((), 0)}
    looks = {case: Look((f"{name} looked at {case}",)) for case in told}
    return Column(name, "ct-nodule", f"{name} found something", {"exact": score(value, key)}, told, looks.__getitem__)


def rows(page, title: str) -> list[list[str]]:
    return [[cell.strip() for cell in row] for row in page.rows if row and row[0].strip() == title]


def test_figures_stand_side_by_side_with_paired_differences_to_the_first(tmp_path, open_page):
    done = write_side_page(tmp_path, [column("A", 0.5), column("B", 0.75)], [], "scan")
    page = open_page(done.path)
    assert rows(page, "cpm") == [
        ["cpm", "0.5000 0.4000 – 0.6000", "0.7500 0.6500 – 0.8500", *["0.2500 0.2500 – 0.2500"], "0.091"]
    ]
    assert [row[1:] for row in rows(page, "lesions")] == [["20", "20"]]
    assert page.html.count('class="plot"') == 1
    table = list(csv.DictReader(done.tables[0].read_text().splitlines()))
    assert [(row["run"], row["value"], row["difference"]) for row in table] == [("A", "0.5", ""), ("B", "0.75", "0.25")]


def test_other_images_are_not_compared_in_pairs_and_that_is_said(tmp_path, open_page):
    done = write_side_page(tmp_path, [column("A", 0.5), column("B", 0.75, key="nine scans")], [], "scan")
    assert done.warnings == (
        "B is not compared in pairs with A: its images, its truth or its bootstrap draws are others",
    )
    page = open_page(done.path)
    assert done.warnings[0] in page.words
    assert rows(page, "cpm") == [["cpm", "0.5000 0.4000 – 0.6000", "0.7500 0.6500 – 0.8500"]]


def test_the_image_on_which_runs_differ_most_comes_first(tmp_path, open_page):
    first = column("A", 0.5, {"a": Said((0.9,), 1), "b": Said((0.9, 0.8), 2)})
    second = column("B", 0.5, {"a": Said((0.8,), 1), "b": Said((0.1,), 0), "c": Said((0.3,), None)})
    page = open_page(write_side_page(tmp_path, [first, second], [], "scan").path)
    assert page.words.index("A looked at b") < page.words.index("A looked at a")
    assert rows(page, "c") == [["c", "not searched", "0.300"]]
    assert rows(page, "b") == [["b", "2 above the line, strongest 0.900", "0.100, below the line"]]


def test_settings_that_differ_are_a_table_and_a_run_without_truth_is_told(tmp_path, open_page):
    columns = [column("A", 0.5), replace(column("B", 0.5), scores={})]
    differing = [{"setting": "infer.threshold", "A": "0.1", "B": "0.2"}]
    done = write_side_page(tmp_path, columns, differing, "scan")
    assert rows(open_page(done.path), "infer.threshold") == [["infer.threshold", "0.1", "0.2"]]
    assert done.warnings == ("B has no score: the truth of its scans is not known",)


@pytest.mark.parametrize("count", [2, 6])
def test_as_many_runs_as_there_are_colours_fit(tmp_path, open_page, count):
    columns = [column(f"run {i}", 0.5 + i / 20) for i in range(count)]
    page = open_page(write_side_page(tmp_path, columns, [], "scan").path)
    assert len(rows(page, "cpm")[0]) == 1 + count + 2 * (count - 1)
