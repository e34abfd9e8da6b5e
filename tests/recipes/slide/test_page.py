from pathlib import Path

from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Candidate
from lesionkit.evaluate.slides import SlidesSettings, score_slides
from lesionkit.recipes.base import Item
from lesionkit.recipes.kind import Scored, Shelf
from lesionkit.recipes.slide.answer import Measured
from lesionkit.recipes.slide.page import _told
from lesionkit.recipes.slide.search import FoundSlide

GRID = Grid.upright((10, 10), (0.001, 0.001))


def shelf(names, scores=None):
    mark = Candidate((0.001, 0.001), 0.9)
    found = [FoundSlide(Item(n, Path(n)), GRID, (0, 0), GRID, Measured({}, {}), (mark,), {"regions": 2}) for n in names]
    return Shelf(Path("r"), found, Scored({}, scores or {}), {}, Path("m"), ())


def test_marks_and_regions_of_all_slides_are_counted_and_the_score_of_one_is_told():
    assert _told(shelf("a"), {"a": 0.12342}) == {"marks": 1, "regions": 2, "slide score": 0.1234}
    assert _told(shelf("ab"), {"a": 0.1, "b": 0.2}) == {"marks": 2, "regions": 4}


def test_the_area_is_told_with_its_denominator():
    truth, found = {"a": True, "b": False, "c": False}, {"a": 0.9, "b": 0.1, "c": 0.2}
    score = score_slides(truth, found, SlidesSettings(bootstrap=5))
    told = _told(shelf("abc", {"slides": score}), found)
    assert str(told["slide AUC"]).startswith("1.000")
    assert str(told["slide AUC"]).endswith("on 3 slides")
    assert "lesion FROC, slides" not in told
