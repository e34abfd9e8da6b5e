import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.core.outline import Outline
from lesionkit.core.region import Region
from lesionkit.core.trace import Polygon
from lesionkit.evaluate.points import Decision
from lesionkit.evaluate.score import Figure, Score
from lesionkit.evaluate.slides import score_slides
from lesionkit.report.about import About
from lesionkit.report.found_slide import FoundSlide, SlideTruth
from lesionkit.report.look import slide_look
from lesionkit.report.model_card import card_panel
from lesionkit.report.slide_page import write_slide_report

FINEST = Grid.upright((4000, 4000), (0.001, 0.001), (0.0005, 0.0005))
CELLS = Grid.upright((40, 40), (0.1, 0.1), (0.05, 0.05))
LESION = np.array([[500.0, 500], [1100, 500], [1100, 1100], [500, 1100]])
Open = Callable[[Path], Any]


class Map:
    grid = CELLS

    def __init__(self, has_tissue: bool = True) -> None:
        self.array = np.zeros((40, 40), dtype=np.float16)
        self.array[5:11, 5:11] = 0.9
        self.computed = np.full((40, 40), has_tissue)


def crop(mark: Candidate) -> np.ndarray:
    return np.full((64, 64, 3), 200, dtype=np.uint8)


def slide(case_id: str = "slide-1", **changes: Any) -> FoundSlide:
    overview = ArrayImage(CELLS, np.full((40, 40, 3), 230, dtype=np.uint8))
    marks = [Candidate((0.8, 0.8), 0.93, 0.6), Candidate((3.0, 2.0), 0.41)]
    return dataclasses.replace(FoundSlide(case_id, FINEST, lambda: overview, Map(), 0.93, marks, crop=crop), **changes)


KNOWN = SlideTruth(True, Outline((LESION,)))


def test_one_slide_shows_its_score_its_marks_and_where_they_are(tmp_path: Path, open_page: Open) -> None:
    page = open_page(write_slide_report(tmp_path, [slide()], {}))
    assert "0.930 slide score 2 marks" in page.words
    assert "600 µm · x 800, y 800" in page.words
    assert ["2", "0.410", "3000", "2000", "–"] in page.rows
    assert "Research use only; not a medical device." in page.words


def test_the_page_loads_nothing_from_outside(tmp_path: Path, open_page: Open) -> None:
    page = open_page(write_slide_report(tmp_path, [slide(truth=KNOWN)], {}))
    links = [value for _, tag in page.tags for name, value in tag.items() if name in ("href", "src")]
    assert links
    assert all(link.startswith(("data:image/", "#")) for link in links)
    assert not page.of("script")


def test_a_slide_in_a_small_box_says_what_was_decided_and_what_of_it_is_known() -> None:
    look = slide_look(slide(truth=KNOWN), Decision(0.5, "threshold 0.5"))
    assert look.lines == ("positive", "score 0.930", "2 marks", "1 of 1 known lesions")
    assert str(look.picture).count("<svg") == 1
    assert slide_look(slide(), Decision()).lines == ("score 0.930", "2 marks")


def test_layers_can_be_switched_off_and_the_heat_map_faded(tmp_path: Path, open_page: Open) -> None:
    page = open_page(write_slide_report(tmp_path, [slide(truth=KNOWN)], {}))
    boxes = [tag["id"] for tag in page.of("input") if tag.get("type") == "checkbox"]
    assert boxes == ["show-heat", "show-tissue", "show-regions", "show-truth", "show-pins"]
    assert all(f"#{box}:not(:checked)" in page.html for box in boxes)
    assert [tag["type"] for tag in page.of("input")].count("range") == 1


def test_without_truth_nothing_speaks_of_hits(tmp_path: Path, open_page: Open) -> None:
    page = open_page(write_slide_report(tmp_path, [slide()], {}))
    assert "false alarm" not in page.words
    assert "show-truth" not in [tag.get("id") for tag in page.of("input")]


def test_with_truth_hits_misses_and_false_alarms_are_told_apart(tmp_path: Path, open_page: Open) -> None:
    other = LESION + 2000
    page = open_page(write_slide_report(tmp_path, [slide(truth=SlideTruth(True, Outline((LESION, other))))], {}))
    assert "1 of 2 lesions found" in page.words
    assert "1 false alarms" in page.words
    results = [row[-1] for row in page.rows if "by mark 1" in row[-1] or row[-1] == "missed"]
    assert sorted(results) == ["found by mark 1", "missed"]
    assert page.html.count('class="pin miss"') == 1


def test_regions_and_truth_are_drawn(tmp_path: Path, open_page: Open) -> None:
    ring = np.array([[0.5, 0.5], [1.1, 0.5], [1.1, 1.1], [0.5, 1.1]])
    region = Region(Polygon(ring, (), 1), (0.8, 0.8), 0.93, 0.9, 0.36, 0.69)
    page = open_page(write_slide_report(tmp_path, [slide(regions=[region], truth=KNOWN)], {}))
    kinds = [tag["class"] for tag in page.of("path") if (tag.get("class") or "").startswith("edge")]
    assert {"edge region", "edge truth"} <= set(kinds)
    assert "0.36 mm² in regions" in page.words


def test_tissue_and_what_was_excluded_are_tabled(tmp_path: Path, open_page: Open) -> None:
    areas = {"glass": 8.0, "tissue": 6.0, "pen": 1.5, "blurred": 0.5, "unscanned": 0.0}
    page = open_page(write_slide_report(tmp_path, [slide(facts={"areas_mm2": areas})], {}))
    assert ["Tissue", "6.00", "37.5%", ""] in page.rows
    assert ["Pen excluded", "1.50", "9.4%", ""] in page.rows


def test_unreadable_tiles_and_missing_tissue_are_warned_of(tmp_path: Path, open_page: Open) -> None:
    page = open_page(
        write_slide_report(tmp_path, [slide(map=Map(has_tissue=False), facts={"unreadable_tiles": 7})], {})
    )
    assert "7 tiles of the file could not be read" in page.words
    assert "No tissue was analysed on this slide; its score says nothing" in page.words


def test_a_slide_with_bounds_says_how_camelyon_counts(tmp_path: Path, open_page: Open) -> None:
    page = open_page(write_slide_report(tmp_path, [slide(origin_xy=(1024, 512))], {}))
    assert "1024 further right and 512 further down" in page.words


def test_a_slide_without_marks_is_not_called_healthy(tmp_path: Path, open_page: Open) -> None:
    page = open_page(write_slide_report(tmp_path, [slide(marks=())], {}))
    assert "That does not mean that it is free of tumour" in page.words


def test_many_slides_have_a_table_their_scores_and_a_gallery(tmp_path: Path, open_page: Open) -> None:
    slides = [
        slide("ill", truth=KNOWN),
        slide("well", truth=SlideTruth(False), score=0.1, marks=[Candidate((2.0, 2.0), 0.1)]),
    ]
    score = score_slides({"ill": True, "well": False}, {"ill": 0.93, "well": 0.1})
    page = open_page(write_slide_report(tmp_path, slides, {}, [score]))
    assert ["ill", "0.930", "tumour", "1 of 1", "1", "2", "–", "–", "–"] in page.rows
    assert ["well", "0.100", "no tumour", "–", "1", "1", "–", "–", "–"] in page.rows
    assert "slide AUC" in page.words
    assert page.words.count("score of slides with") >= 1
    assert "False alarms Marks outside every known lesion" in page.words


def test_slides_are_taken_one_after_the_other(tmp_path: Path) -> None:
    order: list[str] = []

    def made() -> Iterator[FoundSlide]:
        for number in range(4):
            found = slide(f"slide-{number}", crop=None)
            order.append(f"made {number}")
            overview = found.overview

            def read(number: int = number, overview: Callable[[], ArrayImage] = overview) -> ArrayImage:
                order.append(f"read {number}")
                return overview()

            yield dataclasses.replace(found, overview=read)

    write_slide_report(tmp_path, made(), {})
    assert order[-4:] == ["made 2", "read 2", "made 3", "read 3"]


def test_failed_slides_the_model_and_the_run_are_told(tmp_path: Path, open_page: Open) -> None:
    facts = {
        "failed": {"broken.svs": "broken.svs must be a slide, but its header is cut off"},
        "settings": {"tile": 1024},
        "warnings": ["Trained on phantoms"],
    }
    about = About(card=card_panel({"file": "small net"}))
    page = open_page(write_slide_report(tmp_path, [slide(), slide("slide-2")], facts, about=about))
    assert "broken.svs must be a slide, but its header is cut off" in page.words
    assert "Model card" in page.words
    assert "small net" in page.words
    assert "Trained on phantoms" in page.words


def test_a_page_without_slides_says_so(tmp_path: Path, open_page: Open) -> None:
    page = open_page(write_slide_report(tmp_path, [], {"failed": {"a.svs": "no such file"}}))
    assert "No slide was analysed." in page.words
    assert "no such file" in page.words


def test_names_from_files_are_escaped(tmp_path: Path) -> None:
    html = write_slide_report(tmp_path, [slide("<b>slide</b>")], {}).read_text(encoding="utf-8")
    assert "<b>slide</b>" not in html


@pytest.mark.parametrize("score", [0.0, 12.5])
def test_scores_of_any_scale_are_shown(tmp_path: Path, score: float, open_page: Open) -> None:
    page = open_page(write_slide_report(tmp_path, [slide(score=score), slide("slide-2", score=0.2)], {}))
    assert any(row[:1] == ["slide-1"] for row in page.rows)


def test_a_score_without_a_figure_is_one_sentence_and_no_empty_plot(tmp_path: Path) -> None:
    figures = {"cpm": Figure(float("nan"))}
    undefined = Score("camelyon16 exact", "a rule", figures, {}, warnings=("no lesion on 1 slide",))
    page = write_slide_report(tmp_path, [slide()], {}, [undefined]).read_text(encoding="utf-8")
    assert "no lesion on 1 slide" in page
    assert "Score: camelyon16 exact" not in page


def test_slides_below_the_line_are_folded_and_the_table_says_which(tmp_path: Path, open_page: Open) -> None:
    about = About(Decision(0.5, "sensitivity 95 %"), "1 positive slide at sensitivity 95 %; 1 weaker below")
    slides = [slide("low", score=0.2), slide("high", score=0.8)]
    path = write_slide_report(tmp_path, slides, {}, about=about)
    page = open_page(path)
    assert "1 positive slide at sensitivity 95 %; 1 weaker below." in page.words
    assert [row[:2] for row in page.rows if row[:1] in (["low"], ["high"])] == [
        ["low", "negative"],
        ["high", "positive"],
    ]
    html = path.read_text(encoding="utf-8")
    folded = html.index('<details class="facts weaker">')
    assert html.index('id="slide-2"') < folded < html.index('id="slide-1"')
