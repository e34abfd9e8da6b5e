import numpy as np

from lesionkit.evaluate.score import Curve
from lesionkit.report.sweep_page import write_sweep_page


def test_trials_are_listed_in_order_with_every_setting(tmp_path, open_page):
    rows = [
        {"trial": 3, "learn.rate": 0.001, "CPM": 0.8},
        {"trial": 1, "learn.rate": 0.1, "CPM": 0.7, "state": "pruned"},
    ]
    curves = [Curve(f"trial {i}", "step", "CPM", np.arange(5.0), np.arange(5.0) / 6, np.zeros(5)) for i in (3, 1)]
    page = open_page(write_sweep_page(tmp_path, rows, curves))
    assert page.rows == [
        ["trial", "learn.rate", "CPM", "state"],
        ["3", "0.001", "0.8", "–"],
        ["1", "0.1", "0.7", "pruned"],
    ]
    assert [a["aria-label"] for a in page.of("svg")] == ["Plot of CPM against step: trial 3, trial 1"]


def test_a_sweep_that_has_just_begun_says_so(tmp_path, open_page):
    assert "No trial has finished yet." in open_page(write_sweep_page(tmp_path, [])).words
