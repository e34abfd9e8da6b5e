import re

import numpy as np
import pytest

from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.evaluate.froc import detections, froc
from lesionkit.evaluate.points import Decision
from lesionkit.evaluate.score import Figure, Score
from lesionkit.report.about import About
from lesionkit.report.model_card import card_panel
from lesionkit.report.page import write_find_report

BALL = ((30.0, 5.0, 10.0), 14.0)
FACTS = {
    "warnings": ["The slices are 2.5 mm apart."],
    "seconds": {"read": 0.5, "search": 2.0},
    "lung": {"volume_l": 3.2, "left_right_ratio": 0.9, "cover_ratio": 0.21, "preset": "fast", "failure": None},
    "searched": "Searched the whole scan.",
    "settings": {"find": {"nms_mm": 6.0}},
    "model": {"name": "ct-nodule"},
}


@pytest.fixture
def page_of(tmp_path, open_page):
    def write(*cases, facts=None, score=None, **rest):
        return open_page(write_find_report(tmp_path, cases, facts or {}, score, **rest))

    return write


def test_the_page_is_one_file_that_asks_the_network_for_nothing(page_of, chest, two_candidates):
    score = Score(
        "luna16 exact", "rule", {"CPM": Figure(0.5, 0.4, 0.6)}, {"scans": 1}, (froc(detections({}, {"a": []})),)
    )
    page = page_of(chest(BALL, candidates=two_candidates, truth=(Lesion(*BALL),), facts=FACTS), score=score)
    assert not re.search(r"https?://|@import|<script|<link|<iframe", page.html)
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            assert (attributes.get(name) or "#").startswith(("data:image/jpeg;base64,", "#"))
    assert not re.search(r"url\((?!#)", page.html)


def test_it_says_that_it_is_no_medical_device(page_of, chest):
    assert "Research use only; not a medical device." in page_of(chest()).words


def test_the_table_holds_the_candidates_in_order(page_of, chest, two_candidates):
    page = page_of(chest(candidates=two_candidates, facts=FACTS))
    rows = [row for row in page.rows if row and row[0] in ("1", "2")]
    assert rows == [
        ["1", "0.910", "30.5", "5.0", "10.0", "12.0", "25", "left", "20.5"],
        ["2", "0.432", "−28.0", "−7.5", "−20.0", "–", "13", "right", "19.0"],
    ]


def test_each_candidate_has_three_pictures_in_two_windows_that_say_what_they_show(page_of, chest, two_candidates):
    page = page_of(chest(candidates=two_candidates))
    labels = [a["aria-label"] or "" for a in page.of("svg")]
    assert len([x for x in labels if "cut through (30.5, 5.0, 10.0) mm, 60 mm wide" in x]) == 3
    assert all(len(label) > 20 for label in labels)
    assert page.html.count("L −600 W 1500</text>") >= 6
    assert page.html.count("L 40 W 400</text>") == 6


def test_marks_letters_and_bar_are_drawn(page_of, chest, two_candidates):
    page = page_of(chest(candidates=two_candidates))
    assert len([a for a in page.of("path") if a.get("class") == "mark candidate"]) == 2 * 3 + 2 * 2 + 2
    assert page.html.count(">10 mm</text>") == 6
    for letter in "RLAPHF":
        assert re.search(rf'class="letter[^>]*>{letter}</text>', page.html)


def test_warnings_times_settings_and_the_model_are_told(page_of, chest):
    words = page_of(
        chest(facts=FACTS), facts={"versions": {"lesionkit": "9.9"}, "warnings": ["The run was odd."]}
    ).words
    for said in ("The slices are 2.5 mm apart.", "The run was odd.", "2.5 s in all", "find.nms_mm", "ct-nodule", "9.9"):
        assert said in words
    assert "Searched the whole scan." in words
    assert "3.2 L · left/right 0.90 · cover ratio 0.21 · preset fast" in words


def test_a_failed_lung_segmentation_is_a_warning_said_once(page_of, chest):
    failed = {"lung": {"failure": "no air in view"}}
    assert page_of(chest(lung=None, facts=failed)).words.count("no air in view") == 2  # as warning and as fact
    told = {**failed, "warnings": ["the lungs were not found: no air in view"]}
    assert page_of(chest(lung=None, facts=told)).words.count("no air in view") == 2


def test_a_scan_without_candidates_is_said_plainly_and_still_shown(page_of, chest):
    page = page_of(chest(facts=FACTS))
    assert "No candidate was found in this scan." in page.words
    assert "That does not mean that it is free of nodules" in page.words
    assert page.of("svg")


def test_the_overview_marks_the_first_twenty_and_says_of_how_many(page_of, chest):
    crowd = tuple(Candidate((-28.0 + 2 * i, float(i), 0.0), 0.9 - 0.01 * i, 5.0) for i in range(25))
    page = page_of(chest(candidates=crowd))
    assert "Yellow corners are the first 20 of 25 candidates" in page.words
    assert "with 20 numbered marks" in page.html
    assert "with 25 numbered marks" not in page.html


def test_a_page_without_any_scan_says_so(page_of):
    page = page_of(facts={"failed": {"a.nii": "the file ends early"}})
    assert "No scan was searched." in page.words
    assert "the file ends early" in page.words


def test_names_and_sentences_are_escaped(page_of, chest):
    evil = "<img src=x onerror=alert(1)>"
    page = page_of(chest(case_id=evil, facts={"warnings": [evil], "model": {evil: evil}}), title=evil)
    assert not page.of("img")
    assert evil in page.words


def test_without_lungs_there_are_no_lung_columns(page_of, chest, two_candidates):
    page = page_of(chest(lung=None, candidates=two_candidates))
    header = next(row for row in page.rows if row[0] == "Rank")
    assert header == ["Rank", "Score", "x", "y", "z", "Diameter", "Slice"]


def test_with_truth_hits_misses_and_false_positives_are_shown(page_of, chest):
    far = Lesion((-30.0, 0.0, 0.0), 6.0, lesion_id="n2")
    candidates = (Candidate((31.0, 5.0, 10.0), 0.9, 13.0), Candidate((-30.0, 20.0, -30.0), 0.3, 5.0))
    page = page_of(chest(BALL, candidates=candidates, truth=(Lesion(*BALL), far)))
    assert "1 of 2 known lesions found" in page.words
    rows = [row for row in page.rows if row and row[0] in ("1", "2", "n2")]
    assert [row[-1].strip() for row in rows] == ["hit", "false positive", "found at rank 1", "missed"]
    for caption in ("missed, 6.0 mm", "score 0.90, rank 1, 14.0 mm", "score 0.30, rank 2"):
        assert caption in page.words


def test_a_score_brings_its_curve_and_figures(page_of, chest):
    found = detections({"scan-1": [Candidate(BALL[0], 0.9)]}, {"scan-1": [Lesion(*BALL)]})
    figures = {"CPM": Figure(0.75, 0.5, 0.9, "mean of seven rates")}
    score = Score("luna16 exact", "The rule.", figures, {"scans": 1}, (froc(found),), warnings=("Ties were split.",))
    page = page_of(chest(BALL, candidates=(Candidate(BALL[0], 0.9),), truth=(Lesion(*BALL),)), score=score)
    for said in ("0.7500 CPM 95 % interval 0.5000 – 0.9000", "luna16 exact.", "The rule.", "Ties were split."):
        assert said in page.words
    assert [a for a in page.of("svg") if a.get("class") == "plot"]


def test_many_scans_get_an_index_distributions_and_the_oddest_lungs_first(page_of, chest, two_candidates):
    odd = {**FACTS, "lung": {**FACTS["lung"], "volume_l": 1.0}}
    cases = [
        chest(case_id="plain", candidates=two_candidates, facts=FACTS),
        chest(case_id="odd", facts=odd, truth=(Lesion(*BALL),)),
    ]
    page = page_of(*cases, facts={"failed": {"c.nii": "The file ends after 3 MB."}})
    index = [row for row in page.rows if row and row[0] in ("plain", "odd")]
    assert index == [
        ["plain", "2", "0.910", "–", "3.2", "0.90", "0.21", "1", "2.5"],
        ["odd", "0", "none", "0 of 1", "1.0", "0.90", "0.21", "1", "2.5"],
    ]
    anchors = {a["id"] for _, a in page.tags if "id" in a}
    assert {a["href"] for a in page.of("a")} <= {f"#{anchor}" for anchor in anchors}
    assert "c.nii The file ends after 3 MB." in page.words
    plots = [a["aria-label"] or "" for a in page.of("svg") if a.get("class") == "plot"]
    assert [p.split(":")[0] for p in plots] == [
        "Histogram of lung cover ratio",
        "Histogram of diameter of known lesions, mm",
        "Histogram of diameter of candidates, mm",
    ]
    lungs = page.words[page.words.index("The oddest first") :]
    assert lungs.index("odd") < lungs.index("plain")


def test_of_more_than_twenty_scans_each_shows_fewer_pictures_and_says_so(page_of, chest):
    crowd = tuple(Candidate((30.0, float(i), 0.0), 0.9 - 0.05 * i, 5.0) for i in range(12))
    cases = [chest(case_id=f"case-{i}", candidates=crowd if i == 0 else ()) for i in range(21)]
    page = page_of(*cases)
    assert (
        "each shows pictures of its first 2 candidates and lists its first 10; candidates.csv holds all" in page.words
    )
    assert "The first 10 of 12 candidates are listed" in page.words
    assert len([a for a in page.of("svg") if "cut through (30.0" in (a["aria-label"] or "")]) == 2 * 3


def test_a_page_of_thirty_candidates_in_noise_stays_below_four_megabytes(tmp_path, chest):
    case = chest(candidates=tuple(Candidate((-28.0 + 2 * i, float(i), 0.0), 0.5, 6.0) for i in range(30)))
    noise = np.random.default_rng(0).normal(0, 60, case.image.grid.shape)
    noisy = ArrayImage(case.image.grid, (case.image.array + noise).astype(np.int16))
    path = write_find_report(tmp_path, [chest(image=noisy, candidates=case.candidates)], {})
    assert path.name == "report.html"
    assert path.stat().st_size < 4e6


LINE = About(Decision(0.5, "1 false positive a scan"), "1 finding at 1 false positive a scan; 1 weaker below")


def test_weaker_candidates_are_folded_and_the_sentence_says_how_many(page_of, chest, two_candidates):
    page = page_of(chest(candidates=two_candidates, facts=FACTS), about=LINE)
    assert "1 finding at 1 false positive a scan; 1 weaker below." in page.words
    assert "Weaker candidates, below 0.5" in page.words
    folded = page.html.index('<details class="facts weaker">')
    assert page.html.index('id="case-1-1"') < folded < page.html.index('id="case-1-2"')


def test_a_lesion_that_only_a_weaker_candidate_hits_is_no_found_one(page_of, chest, two_candidates):
    truth = (Lesion((-28.0, -7.5, -20.0), 10.0), Lesion((30.5, 5.0, 10.0), 10.0))
    page = page_of(chest(candidates=two_candidates, truth=truth, facts=FACTS), about=LINE)
    assert "1 of 2 known lesions found" in page.words
    assert "below the line at rank 2" in page.words
    assert "below the line, rank 2, 10.0 mm" in page.words


def test_without_a_line_the_ranked_list_is_as_it_was(page_of, chest, two_candidates):
    page = page_of(
        chest(candidates=two_candidates, facts=FACTS), about=About(sentence="the model has no operating points")
    )
    assert "the model has no operating points." in page.words
    assert "weaker" not in page.html.split("</style>")[1]


def test_of_many_scans_the_index_tells_findings_and_weaker_ones(page_of, chest, two_candidates):
    page = page_of(chest(candidates=two_candidates), chest(), about=LINE)
    assert ["1", "1"] in [row[1:3] for row in page.rows]
    assert "Findings" in page.words


def test_the_page_carries_the_card_of_the_model(page_of, chest):
    assert "Model card" in page_of(chest(), about=About(card=card_panel({"file": "small.safetensors"}))).words
