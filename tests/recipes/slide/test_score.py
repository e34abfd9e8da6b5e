from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Candidate
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.recipes.base import Item
from lesionkit.recipes.slide.answer import Measured
from lesionkit.recipes.slide.metastasis import RECIPE
from lesionkit.recipes.slide.score import KnownSlide, score_slides_found
from lesionkit.recipes.slide.search import FoundSlide
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.recipes.slide.show import as_shown

SQUARE = np.array([[600, 300], [700, 300], [700, 400], [600, 400]], float)


def found(um, marks=(), origin=(0, 0)):
    grid = Grid.upright((1000, 1000), (um / 1000, um / 1000), (um / 2000, um / 2000))
    return FoundSlide(Item("a", Path("a.tif")), grid, origin, grid, Measured({}, {}), marks)


def test_marks_are_in_pixels_of_the_finest_level_from_the_corner_of_the_file():
    mark = Candidate((0.25, 0.1), 0.9)
    assert found(0.5, (mark,)).rows == [(0.9, pytest.approx(500), pytest.approx(200))]
    assert found(0.5, (mark,), origin=(64, 32)).rows == [(0.9, pytest.approx(564), pytest.approx(232))]


def square_of(um, side_um):
    """An outline whose sides are so long on a slide of that pixel size."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float) * side_um / um + 50 / um
    return Outline((corners,))


def lesions_of(ums, settings=None):
    """Counts of lesions and of isolated tumour cells on healthy and on drawn slides of these pixel sizes."""
    slides, known = [], {}
    for number, um in enumerate(ums):
        slides.append(replace(found(um), item=Item(f"s{number}", Path(f"s{number}.tif"))))
        known[f"s{number}"] = KnownSlide(True, square_of(um, 200.0))
    scores = score_slides_found(slides, dict.fromkeys(known, 0.5), known, settings or SlideMetastasis())
    score = scores["exact"]
    return score.counts["lesions"], score.counts["isolated_tumour_cells"], score.facts["level_0_um"]


@pytest.mark.parametrize("um", [0.12, 0.243, 0.5, 1.0, 2.0])
def test_growth_and_size_of_lesions_are_those_of_the_protocol_whatever_the_pixel(um):
    # A square of 200 um grows to one of 275 um, whose major axis (2 / sqrt 3 of a side) is 318 um.
    assert lesions_of([um])[:2] == (1, 0)


def test_every_slide_has_its_own_pixel_size():
    assert lesions_of([0.5, 0.25]) == (2, 0, {"s0": pytest.approx(0.5), "s1": pytest.approx(0.25)})


def test_a_pixel_size_set_by_hand_is_that_of_all_slides():
    by_hand = SlideMetastasis.parse({"score": {"level_0_um": 0.25}})
    assert lesions_of([0.5, 0.25], by_hand) == (1, 1, {"s0": 0.25, "s1": 0.25})


def test_the_shipped_model_names_no_pixel_size_of_the_slides_it_was_scored_on():
    score = RECIPE.model_settings(None).score
    assert (score.level_0_um, score.downsample) == (None, None)


def test_tumour_is_shown_from_the_corner_of_what_the_scanner_saw():
    shown = as_shown(Outline((SQUARE,)), (100, 200))
    assert shown.rings[0][0].tolist() == [500, 100]
    moved = as_shown(SlideMask(np.ones((2, 2), bool), 10.0, (30, 40)), (100, 200))
    assert moved.corner == (10, 30)
