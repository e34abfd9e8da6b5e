"""What was found on a slide is handed over with its regions, its map and, of a DICOM slide, its levels."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from tests.read.slide.dicom_levels import write_dicom_levels

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.handed import Maker
from lesionkit.infer.probability_map import ProbabilityMap
from lesionkit.recipes.base import Item
from lesionkit.recipes.slide.answer import Measured
from lesionkit.recipes.slide.hand import derive, hand
from lesionkit.recipes.slide.map import keep_map
from lesionkit.recipes.slide.search import FoundSlide, kept_map
from lesionkit.recipes.slide.settings import SlideMetastasis

GRID = Grid.upright((200, 256), (0.0005, 0.0005), (0.00025, 0.00025))
CELLS = Grid.upright((25, 32), (0.004, 0.004), (0.002, 0.002))
MAKER = Maker("slide-metastasis", "1", "", "", "", datetime(2026, 1, 1))


def found_on(path: Path, run: Path, grid: Grid = GRID) -> FoundSlide:
    """A slide on whose map 10 x 12 cells are tumour."""
    array = np.zeros(CELLS.shape, np.float32)
    array[4:14, 6:18] = 0.75
    kept = kept_map(run, "a")
    kept.parent.mkdir(parents=True, exist_ok=True)
    keep_map(kept, ProbabilityMap(CELLS, array, np.ones(CELLS.shape, bool)))
    return FoundSlide(Item("a", path), grid, (0, 0), CELLS, Measured({}, {}))


@pytest.fixture
def slide(tmp_path) -> Path:
    """A DICOM slide of two levels."""
    return write_dicom_levels(tmp_path / "slide", np.full((200, 256, 3), 200, np.uint8))


def test_regions_are_those_of_the_map_and_the_levels_those_of_the_slide(slide, tmp_path):
    handed = hand(found_on(slide, tmp_path / "run"), tmp_path / "run", SlideMetastasis(), MAKER)
    (region,) = handed.regions()
    assert region.area_mm2 == pytest.approx(120 * 16e-6)
    assert region.max_score == 0.75
    assert region.polygon_mm.ring.max(axis=0) == pytest.approx([18 * 0.004, 14 * 0.004])
    assert handed.heat().read(CELLS.whole).max() == 0.75
    assert [plane.shape for plane in handed.planes()] == [(200, 256), (100, 128)]
    assert handed.patient_id == "a"
    assert list(handed.above(0.8).regions()) == []


def test_the_slide_is_read_again(slide, tmp_path):
    handed = hand(found_on(slide, tmp_path / "run"), tmp_path / "run", SlideMetastasis(), MAKER)
    assert handed.case().image.grid == GRID


def test_a_slide_that_is_no_dicom_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "a.svs"
    path.write_bytes(b"pixels")
    handed = hand(found_on(path, tmp_path / "run"), tmp_path / "run", SlideMetastasis(), MAKER)
    assert handed.planes() == ()
    said = r"for DICOM slides alone, and this is a file of \.svs; convert it with wsidicomizer and search that, or "
    with pytest.raises(LesionkitError, match=said):
        derive(handed, tmp_path / "derived")
    assert not (tmp_path / "derived").exists()


def test_a_slide_that_is_gone_or_another_one_is_refused(slide, tmp_path):
    run = tmp_path / "run"
    gone = hand(found_on(tmp_path / "b.dcm", run), run, SlideMetastasis(), MAKER)
    another = hand(found_on(slide, run, Grid.upright((100, 256), (0.0005, 0.0005))), run, SlideMetastasis(), MAKER)
    for read in ("planes", "case"):
        with pytest.raises(LesionkitError, match="the slide is gone; put it back where it was"):
            getattr(gone, read)()
        with pytest.raises(LesionkitError, match="this is not the slide that was searched; put that back"):
            getattr(another, read)()
