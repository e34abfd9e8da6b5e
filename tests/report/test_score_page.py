import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.score import Curve, Figure, OperatingPoint, Score
from lesionkit.report.score_page import write_score_page

X = np.linspace(0, 8, 30)


def score(protocol: str = "luna16 exact", **rest) -> Score:
    curve = Curve("FROC", "false positives per scan", "sensitivity", X, X / 10, -X)
    return Score(
        **{
            "protocol": protocol,
            "rule": "A mark hits within the radius.",
            "figures": {
                "CPM": Figure(0.775910364, 0.75, 0.80125, "mean over 7 rates"),
                "empty": Figure(float("nan"), note="no lesion"),
            },
            "counts": {"scans": 888, "lesions": 1186, "false_positives": 54321},
            "curves": (curve,),
            "operating_points": (OperatingPoint("1 false positive per scan", 0.123456, 1.0, 0.8),),
            "subgroups": ({"size": "3–6 mm", "lesions": 400, "CPM": 0.61},),
            "warnings": ("3 marks tie.",),
            "facts": {"seed": 1607},
        }
        | rest
    )


def test_protocol_rule_denominators_and_interval_are_on_the_page(tmp_path, open_page):
    page = open_page(write_score_page(tmp_path, [score()]))
    for said in (
        "luna16 exact",
        "A mark hits within the radius.",
        "888 scans",
        "1,186 lesions",
        "54,321 false positives",
    ):
        assert said in page.words
    assert ["CPM", "0.7759", "0.7500 – 0.8013", "mean over 7 rates"] in page.rows
    assert ["empty", "not defined", "–", "no lesion"] in page.rows
    assert "3 marks tie." in page.words
    assert "1607" in page.words


def test_thresholds_and_subgroups_are_listed(tmp_path, open_page):
    page = open_page(write_score_page(tmp_path, [score()]))
    assert ["1 false positive per scan", "0.123456", "1.0000", "0.8000"] in page.rows
    assert ["Operating point", "Threshold", "false positives per scan", "sensitivity"] in page.rows
    assert ["3–6 mm", "400", "0.61"] in page.rows


def test_several_scores_share_one_plot_with_names_that_tell_them_apart(tmp_path, open_page):
    page = open_page(write_score_page(tmp_path, [score("first"), score("second"), score("third", curves=())]))
    (plot,) = [a for a in page.of("svg") if a.get("class") == "plot"]
    assert (plot["aria-label"] or "").endswith("first: FROC, second: FROC")


def test_a_score_without_curves_has_no_plot(tmp_path, open_page):
    page = open_page(write_score_page(tmp_path, [score(curves=(), operating_points=(), subgroups=())]))
    assert not page.of("svg")


def test_the_page_is_self_contained_and_escaped(tmp_path, open_page):
    page = open_page(write_score_page(tmp_path, [score(rule="<script>alert(1)</script>")], title="<i>"))
    assert "http" not in page.html
    assert not page.of("script")
    assert not page.of("i")


def test_no_score_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match="at least one score"):
        write_score_page(tmp_path, [])
