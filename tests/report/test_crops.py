import numpy as np
import pytest

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.report.crops import FIELD_MM, PIXELS, crops, slice_number
from lesionkit.report.picture import Letters
from lesionkit.report.planes import AXIAL
from lesionkit.report.scene import Scene

CENTRE = (10.0, -7.0, 15.0)


def ball(grid: Grid, centre_mm=CENTRE, diameter_mm=16.0) -> Scene:
    world = grid.index_to_world(np.stack(np.indices(grid.shape), axis=-1))
    inside = ((world - centre_mm) ** 2).sum(axis=-1) <= (diameter_mm / 2) ** 2
    return Scene.of(ArrayImage(grid, np.where(inside, 100, -850).astype(np.int16)), None)


def bright(picture) -> tuple[float, float, float, float]:
    """Middle (x, y) and width and height of what is bright, in pixels."""
    rows, columns = np.nonzero(picture.layers[0].grey > 150)
    return columns.mean() + 0.5, rows.mean() + 0.5, np.ptp(columns) + 1, np.ptp(rows) + 1


@pytest.fixture(params=["isotropic", "anisotropic", "flipped", "oblique"])
def grid(request) -> Grid:
    shape, origin = (60, 80, 90), (-35.0, -47.0, -45.0)
    if request.param == "isotropic":
        return Grid.upright((90, 80, 90), (1.0, 1.0, 1.0), origin)
    if request.param == "anisotropic":
        return Grid.upright(shape, (2.0, 1.0, 1.0), origin)
    if request.param == "flipped":
        return Grid(shape, (2.0, 1.0, 1.0), (54.0, 32.0, 73.0), ((0, 0, -1), (0, -1, 0), (-1, 0, 0)))
    c, s = np.cos(0.3), np.sin(0.3)
    return Grid(shape, (2.0, 1.0, 1.0), (-35.0, -47.0, -45.0), ((0, -s, c), (0, c, s), (1, 0, 0)))


def test_the_mark_lies_on_the_lesion_and_the_lesion_is_round(grid):
    for picture in crops(ball(grid), Candidate(CENTRE, 0.9, 16.0)):
        x, y, width, height = bright(picture)
        (mark,) = picture.marks
        assert (mark.x, mark.y) == pytest.approx((PIXELS / 2, PIXELS / 2))
        assert (x, y) == pytest.approx((mark.x, mark.y), abs=1.1 / picture.mm_per_pixel)  # a slice is 2 mm thick
        assert width * picture.mm_per_pixel == pytest.approx(16.0, abs=2.5)
        assert height * picture.mm_per_pixel == pytest.approx(16.0, abs=2.5)


def test_a_crop_is_60_mm_wide_and_the_ticks_lie_outside_the_lesion(grid):
    for picture in crops(ball(grid), Candidate(CENTRE, 0.9, 16.0)):
        assert picture.width * picture.mm_per_pixel == pytest.approx(FIELD_MM)
        assert picture.marks[0].reach * picture.mm_per_pixel > 8.0
        assert picture.bar == pytest.approx(10.0 / picture.mm_per_pixel)


def test_a_flipped_scan_looks_as_an_upright_one():
    upright_grid = Grid.upright((60, 80, 90), (2.0, 1.0, 1.0), (-35.0, -47.0, -45.0))
    flipped = Grid((60, 80, 90), (2.0, 1.0, 1.0), (54.0, 32.0, 73.0), ((0, 0, -1), (0, -1, 0), (-1, 0, 0)))
    candidate = Candidate((14.0, 0.0, 20.0), 0.5, 6.0)  # the ball lies towards the right, the front and the feet
    for one, other in zip(crops(ball(upright_grid), candidate), crops(ball(flipped), candidate), strict=True):
        np.testing.assert_array_equal(one.layers[0].grey, other.layers[0].grey)
        assert one.letters == other.letters
    axial, coronal, sagittal = crops(ball(flipped), candidate)
    assert axial.letters == Letters("R", "L", "A", "P")
    assert bright(axial)[0] < PIXELS / 2
    assert bright(axial)[1] < PIXELS / 2
    assert bright(coronal)[1] > PIXELS / 2
    assert bright(sagittal)[0] < PIXELS / 2


def test_the_same_cut_is_shown_in_lung_and_in_soft_tissue_window(grid):
    lung, soft = crops(ball(grid), Candidate(CENTRE, 0.9))[0].layers
    assert (lung.label, soft.label) == ("L −600 W 1500", "L 40 W 400")
    assert (np.median(lung.grey), np.median(soft.grey)) == (85, 0)  # -850 HU


def test_a_large_lesion_gets_a_larger_field():
    (picture,) = crops(ball(Grid.upright((90, 80, 90), (1, 1, 1))), Candidate(CENTRE, 0.9, 45.0), planes=(AXIAL,))
    assert picture.width * picture.mm_per_pixel == pytest.approx(90.0)


def test_known_lesions_are_circles_as_large_as_the_cut_through_them(grid):
    lesion = Lesion(CENTRE, 16.0)
    for picture in crops(ball(grid), Candidate(CENTRE, 0.9), rings=[(lesion, "lesion")]):
        circle, square = picture.marks
        assert (circle.kind, square.kind) == ("lesion", "candidate")
        assert circle.reach * picture.mm_per_pixel == pytest.approx(8.0, abs=0.2)


def test_a_lesion_that_the_plane_does_not_cut_is_not_drawn():
    above = Lesion((10.0, -7.0, 40.0), 16.0)
    scene = ball(Grid.upright((90, 80, 90), (1, 1, 1), (-35, -47, -45)))
    axial, coronal, _ = crops(scene, Candidate(CENTRE, 0.9), rings=[(above, "excluded")])
    assert [m.kind for m in axial.marks] == ["candidate"]
    assert [m.kind for m in coronal.marks] == ["excluded", "candidate"]


def test_slices_are_counted_from_the_feet_whatever_the_order_in_the_file():
    head_first = Grid((10, 4, 4), (3.0, 1.0, 1.0), (0.0, 0.0, 27.0), ((0, 0, 1), (0, 1, 0), (-1, 0, 0)))
    scene = Scene.of(ArrayImage(head_first, np.zeros(head_first.shape)), None)
    assert slice_number(scene, (0.0, 0.0, 0.0)) == 1
    assert slice_number(scene, (0.0, 0.0, 26.0)) == 10


def test_a_candidate_beyond_the_scan_gets_an_empty_picture():
    scene = ball(Grid.upright((20, 20, 20), (1, 1, 1)))
    for picture in crops(scene, Candidate((500.0, 500.0, 500.0), 0.1)):
        assert np.unique(picture.layers[0].grey).tolist() == [55]  # -1024 HU, air
