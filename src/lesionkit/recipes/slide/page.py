"""What was found on slides -> tables, scores and page in the run folder."""

from collections.abc import Mapping

from lesionkit.recipes.kind import Pages, Shelf, View
from lesionkit.recipes.slide.score import slide_scores
from lesionkit.recipes.slide.search import MAPS, MARKS, OUTLINES, FoundSlide
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.recipes.slide.show import Shown
from lesionkit.report.headline import figure_text
from lesionkit.report.look import Look, slide_look
from lesionkit.report.slide_page import write_slide_report
from lesionkit.write.camelyon import write_slide_scores

SCORES = "scores.csv"


def show(shelf: Shelf[FoundSlide], settings: SlideMetastasis) -> View:
    """scores.csv and report.html; maps, marks and outlines lie there already. See `Kind.show`."""
    found, scored = shelf.found, shelf.scored
    scores = slide_scores(found, shelf.model, settings)
    decided = {name: shelf.about.decision.column(score) for name, score in scores.items()}
    table = write_slide_scores(shelf.folder / SCORES, scores, decided)
    shown = Shown(shelf.folder, found, scores, scored.known, settings)
    page = write_slide_report(shelf.folder, shown, shelf.facts, list(scored.scores.values()), about=shelf.about)
    return View((page, table, *(shelf.folder / name for name in (MARKS, MAPS, OUTLINES))), _told(shelf, scores))


def look(shelf: Shelf[FoundSlide], settings: SlideMetastasis) -> Look:
    """One slide in a box; see `Pages.look`."""
    scores = slide_scores(shelf.found, shelf.model, settings)
    (shown,) = Shown(shelf.folder, shelf.found, scores, shelf.scored.known, settings)
    return slide_look(shown, shelf.about.decision)


def _told(shelf: Shelf[FoundSlide], scores: Mapping[str, float]) -> dict[str, str | int | float]:
    told: dict[str, str | int | float] = {
        "marks": sum(len(one.marks) for one in shelf.found),
        "regions": sum(int(one.facts["regions"]) for one in shelf.found),
    }
    if len(scores) == 1:
        told["slide score"] = round(next(iter(scores.values())), 4)
    for name, score in shelf.scored.scores.items():
        if "cpm" in score.figures and score.counts["lesions"]:
            counts = f"{score.counts['slides']} slides, {score.counts['lesions']} lesions"
            told[f"lesion FROC, {name}"] = figure_text(score, "cpm", counts)
    first = next((score for score in shelf.scored.scores.values() if "slide AUC" in score.figures), None)
    if first is not None:
        told["slide AUC"] = figure_text(first, "slide AUC", f"{first.counts['slides']} slides")
    return told


PAGES = Pages(show, look)
