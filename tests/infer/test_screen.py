import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.infer.screen import ScreenSettings, screened

GRID = Grid.upright((20, 20, 20), (2.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def case(**regions):
    return Case("a", "a", ArrayImage(GRID, np.zeros(GRID.shape, np.int16)), regions=regions)


def test_boxes_around_the_first_candidates_are_searched():
    found = [Candidate((10.0, 10.0, 20.0), 0.9, 2.0), Candidate((3.0, 3.0, 3.0), 0.1)]
    region = screened(case(), found, ScreenSettings(most=1, around_mm=3)).regions["searched"].array
    # 1 mm of radius and 3 around: 4 samples along y and x, 2 along z.
    filled = np.argwhere(region)
    assert filled.min(axis=0).tolist() == [8, 6, 6]
    assert filled.max(axis=0).tolist() == [12, 14, 14]


def test_no_candidates_leave_nothing_to_search_and_lungs_bound_what_is():
    assert not screened(case(), [], ScreenSettings()).regions["searched"].array.any()
    lung = np.zeros(GRID.shape, bool)
    lung[:, :10] = True
    found = screened(case(lung=ArrayImage(GRID, lung)), [Candidate((10, 10, 20), 1.0)], ScreenSettings())
    assert found.regions["searched"].array[10, 9, 10]
    assert not found.regions["searched"].array[:, 10:].any()
