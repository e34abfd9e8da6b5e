import re
from dataclasses import replace

import numpy as np
import pytest

from lesionkit.evaluate.points import Decision
from lesionkit.evaluate.score import Curve, Figure, OperatingPoint, Score
from lesionkit.report.about import About
from lesionkit.report.found_radiograph import FoundRadiograph
from lesionkit.report.radiograph_page import Room, write_radiograph_report
from lesionkit.report.radiograph_picture import FoundPixels

SHAPE = (32, 48)
ROC = Curve("ROC", "1 - specificity", "sensitivity", np.array([0.0, 1.0]), np.array([0.5, 1.0]), np.array([0.9, 0.1]))
SCORE = Score(
    "siim",
    "Mean Dice per image.",
    {"dice": Figure(0.81, 0.75, 0.86, "mean over 4 images")},
    {"images": 4},
    (ROC,),
    (OperatingPoint("best", 0.5, 0.1, 0.9),),
    ({"group": "3 % or more", "images": 2, "dice": 0.6},),
)


def square(left, right):
    mask = np.zeros(SHAPE, bool)
    mask[8:24, left:right] = True
    return mask


def radiograph(case_id, score, found=None, truth=None, truth_known=True, **rest):
    """Held to be positive if something was found; Dice is counted by the page."""
    mask = square(*found) if found else np.zeros(SHAPE, bool)
    true = None if not truth_known else square(*truth) if truth else np.zeros(SHAPE, bool)
    film = np.full(SHAPE, 90, np.uint8)
    pixels = FoundPixels(film, mask.astype(np.float32) * 0.9, mask, true)
    return FoundRadiograph(case_id, lambda: pixels, score, score, bool(found), mask.mean(), truth_known, **rest)


HIT = radiograph("hit", 0.9, found=(10, 20), truth=(10, 20))
HALF = radiograph("half", 0.8, found=(10, 20), truth=(15, 25))
MISS = radiograph("miss", 0.3, truth=(10, 20), dice=0.0)
ALARM = radiograph("alarm", 0.7, found=(10, 20))
EMPTY = radiograph("empty", 0.1)
ALL = (EMPTY, MISS, ALARM, HIT, HALF)


@pytest.fixture
def page_of(tmp_path, open_page):
    def write(*cases, facts=None, score=None, **rest):
        return open_page(write_radiograph_report(tmp_path, cases, facts or {}, score, **rest))

    return write


def test_the_page_is_one_file_that_asks_the_network_for_nothing(page_of):
    page = page_of(*ALL, score=SCORE)
    assert not re.search(r"https?://|@import|<script|<link|<iframe", page.html)
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            assert (attributes.get(name) or "#").startswith(("data:image/jpeg;base64,", "data:image/png;base64,", "#"))


def test_it_says_that_it_is_no_medical_device(page_of):
    assert "Research use only; not a medical device." in page_of(HIT).words


def test_the_highest_score_comes_first_and_one_threshold_of_it_decides(page_of):
    rows = [row for row in page_of(*ALL).rows if row and row[0] in {case.case_id for case in ALL}]
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("hit", "positive found", "1.00"),
        ("half", "positive found", "0.50"),
        ("alarm", "positive false alarm", "0.00"),
        ("miss", "negative missed", "0.00"),
        ("empty", "negative rightly empty", "1.00"),
    ]


def test_what_lies_beside_the_truth_is_found_elsewhere(page_of):
    assert "found elsewhere" in page_of(radiograph("a", 0.9, found=(0, 8), truth=(30, 40))).words


def test_each_radiograph_is_shown_alone_and_with_what_was_found(page_of):
    page = page_of(*ALL)
    labels = [a["aria-label"] for a in page.of("svg") if (a["aria-label"] or "").startswith("Radiograph hit")]
    assert labels[-2:] == [
        "Radiograph hit, held to be positive, found, score 0.90, the film alone",
        "Radiograph hit, held to be positive, found, score 0.90, with the probability and outlines",
    ]


def test_a_film_is_in_the_file_once_however_often_it_is_shown(page_of):
    page = page_of(*ALL)
    assert page.html.count("data:image/jpeg") == len(ALL)
    anchors = [a["id"] for _, a in page.tags if "id" in a]
    assert len(anchors) == len(set(anchors))
    used = {a["href"] for tag in ("a", "use") for a in page.of(tag)}
    assert used <= {f"#{anchor}" for anchor in anchors}


def test_misses_false_alarms_and_least_overlap_have_galleries(page_of):
    words = page_of(*ALL).words
    order = [words.index(title) for title in ("Misses (1)", "False alarms (1)", "Least overlap (2)")]
    assert order == sorted(order)
    assert "No known finding was missed." in page_of(HIT, EMPTY).words
    assert "There is no false alarm." in page_of(HIT, EMPTY).words


def test_the_legend_tells_found_from_truth_and_lets_each_be_hidden(page_of):
    names = [a["id"] for a in page_of(*ALL).of("input")]
    assert names == ["heat", "found", "truth"]


def test_where_nobody_looked_there_is_no_word_of_truth(page_of):
    page = page_of(radiograph("a", 0.9, found=(0, 8), truth_known=False), radiograph("b", 0.2, truth_known=False))
    assert [a["id"] for a in page.of("input")] == ["heat", "found"]
    assert not re.search("Misses|False alarms|True area|Dice", page.words)


def test_a_model_of_projections_says_so_plainly(page_of):
    assert "has never seen a radiograph of a patient" in page_of(HIT, facts={"projections_only": True}).words
    assert "has never seen a radiograph of a patient" in page_of(HIT, facts={"model": {"projections_only": True}}).words
    assert "has never seen" not in page_of(HIT, facts={"model": {"name": "other"}}).words


def test_scores_have_intervals_a_curve_operating_points_and_subgroups(page_of):
    page = page_of(*ALL, score=SCORE)
    assert ["dice", "0.8100", "0.7500 – 0.8600", "mean over 4 images"] in page.rows
    assert ["best", "0.5", "0.1000", "0.9000"] in page.rows
    assert ["3 % or more", "2", "0.6"] in page.rows
    assert "Plot of sensitivity against 1 - specificity: ROC" in [a["aria-label"] for a in page.of("svg")]


def test_the_search_of_the_rule_is_a_table_and_says_how_it_flatters_itself(page_of):
    told = {"rows": [{"rule": "Triplet", "top": 0.75, "dice": 0.8}], "score": 0.8, "nested_score": 0.77, "images": 160}
    page = page_of(HIT, EMPTY, facts={"rule_search": told})
    assert ["Triplet", "0.75", "0.8"] in page.rows
    assert "the search flatters itself by 0.0300" in page.words
    assert "160" in page.words


def test_a_bare_list_of_rules_is_a_table_too(page_of):
    rows = [{"rule": "Plain", "pixel": n / 100} for n in range(50)]
    page = page_of(HIT, facts={"rule_search": rows})
    assert ["Plain", "0.39"] in page.rows
    assert ["Plain", "0.4"] not in page.rows
    assert "The first 40 of 50 rules are listed." in page.words


def test_files_that_failed_warnings_and_facts_are_listed(page_of):
    facts = {"failed": {"b.dcm": "The file is cut off."}, "warnings": ["Slow."], "model": {"name": "xray-pneumothorax"}}
    page = page_of(HIT, facts=facts)
    for text in ("b.dcm The file is cut off.", "Slow.", "xray-pneumothorax"):
        assert text in page.words


def test_without_any_radiograph_the_page_says_so(page_of):
    assert "No radiograph was searched." in page_of().words


def test_names_are_escaped(page_of):
    page = page_of(radiograph("<b>&amp;", 0.5, truth_known=False))
    assert "<b>&amp;" not in page.html.replace("&lt;b&gt;&amp;amp;", "")
    assert "<b>&amp;" in page.words


# The second is what images that all hold a lesion give.
@pytest.mark.parametrize(("x", "y"), [([np.nan], [np.nan]), ([0.0, np.nan, np.nan], [0.0, 0.5, 1.0])])
def test_a_curve_without_a_line_is_not_drawn(page_of, x, y):
    nothing = Curve("ROC", "x", "y", np.array(x), np.array(y), np.full(len(x), np.nan))
    page = page_of(HIT, score=Score("siim", "rule", {"dice": Figure(1.0)}, {"images": 1}, (nothing,)))
    assert not [a for a in page.of("svg") if a.get("class") == "plot"]


def test_the_more_radiographs_the_smaller_the_pictures():
    assert [Room.among(n).side for n in (1, 24, 25, 120, 121, 900)] == [512, 512, 384, 384, 256, 256]


def test_of_very_many_radiographs_the_first_400_are_pictured_and_the_others_listed(tmp_path):
    small = FoundPixels(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.float32), np.zeros((4, 4), bool))
    cases = (FoundRadiograph(f"r{n:03}", lambda: small, 0.1, None, False, 0.0, False) for n in range(403))
    text = write_radiograph_report(tmp_path, cases, {}).read_text(encoding="utf-8")
    assert "Pictures are shown of the first 400." in text
    assert text.count("data:image/jpeg") == 400
    assert all(f"r{n:03}" in text for n in range(403))


def test_where_nothing_decides_radiographs_are_ranked_and_say_whether_something_is_outlined(page_of):
    ranked = [replace(case, decided=None) for case in (EMPTY, HIT, MISS)]
    rows = [row for row in page_of(*ranked).rows if row and row[0] in {"hit", "miss", "empty"}]
    assert [row[:2] for row in rows] == [
        ["hit", "outlined found"],
        ["miss", "not outlined missed"],
        ["empty", "not outlined rightly empty"],
    ]


def test_what_is_below_the_line_is_folded(tmp_path):
    about = About(Decision(0.5, "sensitivity 95 %"), "3 positive radiographs at sensitivity 95 %; 2 weaker below")
    html = write_radiograph_report(tmp_path, ALL, {}, about=about).read_text(encoding="utf-8")
    assert "3 positive radiographs at sensitivity 95 %; 2 weaker below." in html
    folded = html.index('<details class="facts weaker">')
    places = {number: html.index(f'<article class="film" id="radiograph-{number}"') for number in range(1, 6)}
    assert [number for number, place in places.items() if place > folded] == [4, 5]
