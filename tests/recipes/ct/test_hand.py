from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.handed import Maker
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.recipes.base import Item
from lesionkit.recipes.ct.hand import derive, hand
from lesionkit.recipes.ct.search import FoundScan
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.write.dicom import write_series
from lesionkit.write.volume import write_volume

GRID = Grid.upright((12, 20, 20), (2.5, 0.7, 0.7), (5.0, 6.0, 7.0))
MAKER = Maker("ct-nodule", "1", "", "", "", datetime(2026, 1, 1))


def image(grid: Grid) -> ArrayImage:
    return ArrayImage(grid, (np.arange(np.prod(grid.shape)).reshape(grid.shape) % 900 - 900).astype(np.int16))


def found_in(path: Path, grid: Grid = GRID) -> FoundScan:
    return FoundScan(Item("scan", path), "patient", grid, (Candidate((10.0, 11.0, 20.0), 0.9, 4.0),))


def test_the_slices_are_those_of_the_scan_in_its_order(tmp_path):
    write_series(Case("1.2.3", "p", image(GRID)), tmp_path / "s")
    handed = hand(found_in(tmp_path / "s"), tmp_path, CtNodule(), MAKER)
    assert [plane.position_mm[2] for plane in handed.planes()] == [7.0 + 2.5 * i for i in range(12)]
    assert handed.above(0.95).balls == ()


def test_a_volume_file_becomes_a_derived_series_at_the_same_place(tmp_path):
    path = write_volume(image(GRID), tmp_path / "a.nii.gz")
    handed = hand(found_in(path), tmp_path, CtNodule(), MAKER)
    assert handed.planes() == ()
    planes = derive(handed, tmp_path / "derived").planes()
    assert planes[3].position_mm == pytest.approx((5.0, 6.0, 14.5))
    assert len(planes) == 12


def test_another_scan_in_the_same_place_is_refused(tmp_path):
    write_series(Case("1.2.3", "p", image(GRID)), tmp_path / "s")
    elsewhere = Grid.upright((12, 20, 20), (2.5, 0.7, 0.7), (5.0, 6.0, 300.0))
    with pytest.raises(LesionkitError, match="these are not the images that were searched"):
        hand(found_in(tmp_path / "s", elsewhere), tmp_path, CtNodule(), MAKER).planes()


def test_a_scan_that_is_gone_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match="gone; put it back"):
        hand(found_in(tmp_path / "nothing"), tmp_path, CtNodule(), MAKER).planes()
