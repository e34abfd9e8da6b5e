from pathlib import Path

import numpy as np
import pytest

from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Candidate
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.evaluate.camelyon16 import Camelyon16Settings
from lesionkit.recipes.base import Item
from lesionkit.recipes.slide.answer import Measured
from lesionkit.recipes.slide.score import lesion_settings
from lesionkit.recipes.slide.search import FoundSlide
from lesionkit.recipes.slide.show import as_shown

SQUARE = np.array([[600, 300], [700, 300], [700, 400], [600, 400]], float)


def found(um, marks=(), origin=(0, 0)):
    grid = Grid.upright((1000, 1000), (um / 1000, um / 1000), (um / 2000, um / 2000))
    return FoundSlide(Item("a", Path("a.tif")), grid, origin, grid, Measured({}, {}), marks)


def test_marks_are_in_pixels_of_the_finest_level_from_the_corner_of_the_file():
    mark = Candidate((0.25, 0.1), 0.9)
    assert found(0.5, (mark,)).rows == [(0.9, pytest.approx(500), pytest.approx(200))]
    assert found(0.5, (mark,), origin=(64, 32)).rows == [(0.9, pytest.approx(564), pytest.approx(232))]


@pytest.mark.parametrize(("um", "downsample"), [(0.243, 32), (0.25, 32), (0.5, 16), (1.0, 8)])
def test_growth_and_size_of_lesions_are_those_of_the_protocol_whatever_the_pixel(um, downsample):
    settings = lesion_settings([found(um)], [Outline((SQUARE,))], Camelyon16Settings())
    assert (settings.level_0_um, settings.downsample) == (pytest.approx(um), downsample)


def test_masks_are_counted_at_their_own_size_and_what_the_user_names_stays():
    mask = SlideMask(np.ones((2, 2), bool), 64.0)
    assert lesion_settings([found(0.5)], [mask], Camelyon16Settings()).downsample == 64
    assert lesion_settings([found(0.5)], [mask], Camelyon16Settings(level_0_um=0.3)).level_0_um == 0.3


def test_tumour_is_shown_from_the_corner_of_what_the_scanner_saw():
    shown = as_shown(Outline((SQUARE,)), (100, 200))
    assert shown.rings[0][0].tolist() == [500, 100]
    moved = as_shown(SlideMask(np.ones((2, 2), bool), 10.0, (30, 40)), (100, 200))
    assert moved.corner == (10, 30)
