import numpy as np

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.recipes.slide.show import as_shown, crop

GRID = Grid.upright((300, 400), (0.001, 0.001), (0.0005, 0.0005))


def test_a_crop_has_its_mark_in_the_middle():
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[150, 200] = 7
    cut = crop(ArrayImage(GRID, pixels), Candidate((0.2005, 0.1505), 0.9))
    assert cut.shape == (192, 192, 3)
    assert cut[96, 96].tolist() == [7, 7, 7]


def test_beyond_the_slide_a_crop_is_white():
    cut = crop(ArrayImage(GRID, np.zeros((300, 400, 3), np.uint8)), Candidate((0.0005, 0.0005), 0.9))
    assert (cut[:96] == 255).all()
    assert (cut[96:, 96:] == 0).all()


def test_an_outline_from_the_files_corner_is_moved_to_the_corner_of_what_is_shown():
    square = np.array([[600, 300], [700, 300], [700, 400], [600, 400]], float)
    shown = as_shown(Outline((square,)), (100, 50))
    assert shown.rings[0][0].tolist() == [500, 250]
    mask = as_shown(SlideMask(np.ones((2, 2), bool), 16.0), (160, 32))
    assert mask.corner == (-2, -10)


def test_where_all_of_a_file_is_shown_nothing_is_moved():
    outline = Outline((np.array([[1, 1], [2, 1], [2, 2]], float),))
    assert as_shown(outline, (0, 0)) is outline
