import numpy as np
import pytest

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.report.inside import inside_lungs, with_balls
from lesionkit.report.mip import overview
from lesionkit.report.scene import Scene

GRID = Grid.upright((40, 60, 60), spacing_mm=(2.0, 1.0, 1.0))
WALL_HU = 300


@pytest.fixture
def scene() -> Scene:
    """Lung at x 10 … 49 mm in bright wall; a generous mask that takes in 6 mm of wall; a vessel at x = 30 mm."""
    hu = np.full(GRID.shape, WALL_HU, dtype=np.int16)
    hu[8:32, 10:50, 10:50] = -850
    hu[8:32, 28:33, 28:33] = 50
    mask = np.zeros(GRID.shape, dtype=bool)
    mask[5:35, 4:56, 4:56] = True
    return Scene.of(ArrayImage(GRID, hu), ArrayImage(GRID, mask))


def test_vessels_are_inside_and_the_wall_is_not_though_the_mask_takes_it_in(scene):
    inside = inside_lungs(scene, GRID.whole)
    assert inside[20, 30, 30]
    assert inside[20, 11, 11]
    assert not (inside & (scene.image.array == WALL_HU)).any()


def test_in_a_box_the_same_samples_are_inside(scene):
    box = (slice(6, 34), slice(5, 55), slice(5, 55))
    assert (inside_lungs(scene, box) == inside_lungs(scene, GRID.whole)[box]).mean() > 0.99


def test_a_ball_is_added_whatever_it_holds():
    inside = np.zeros(GRID.shape, dtype=bool)
    with_balls(inside, GRID, [((30.0, 30.0, 40.0), 4.0), ((500.0, 0.0, 0.0), 3.0), ((10.0, 10.0, 10.0), 0.0)])
    assert inside[20, 30, 26:35].all()
    assert not inside[20, 30, 25]
    assert inside[18:23, 30, 30].all()  # 4 mm are two slices
    assert inside[5, 10, 10]
    assert inside.sum() == pytest.approx(4 / 3 * np.pi * 4**3 / 2, rel=0.2)


def test_the_overview_is_not_outshone_by_the_wall_but_shows_what_a_mark_holds(scene):
    bare = overview(scene, ())[1].layers[0].grey
    marked = overview(scene, [Candidate((30.0, 53.0, 40.0), 0.5, 6.0)])[1]  # in the wall behind the lung
    (mark,) = marked.marks
    assert bare[int(mark.y), int(mark.x)] < 100
    assert marked.layers[0].grey[int(mark.y), int(mark.x)] > 240
    assert (bare > 240).mean() < 0.05  # the vessel alone
