import numpy as np
import pytest
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.report.scene import Scene

GRID = Grid.upright((40, 40, 60), spacing_mm=(2.0, 1.0, 1.0))


def two_boxes() -> np.ndarray:
    """Right lung x 5 … 24, left lung x 35 … 54, y 5 … 34, z 10 … 70 mm."""
    mask = np.zeros(GRID.shape, dtype=bool)
    mask[5:36, 5:35, 5:25] = mask[5:36, 5:35, 35:55] = True
    return mask


@pytest.fixture
def scene() -> Scene:
    return Scene.of(ArrayImage(GRID, np.zeros(GRID.shape, np.int16)), ArrayImage(GRID, two_boxes()))


def test_the_side_is_the_patients_and_the_midline_lies_between_the_lungs(scene):
    assert scene.midline == pytest.approx(29.5)
    assert scene.side((12.0, 20.0, 40.0)) == "right"
    assert scene.side((45.0, 20.0, 40.0)) == "left"


def test_the_distance_to_the_pleura_is_to_the_nearest_sample_outside(scene):
    assert scene.pleura_mm((10.0, 20.0, 40.0)) == pytest.approx(6.0)  # x = 4 is outside
    assert scene.pleura_mm((14.0, 20.0, 12.0)) == pytest.approx(4.0)  # the slice at z = 8 is outside


def test_outside_the_mask_the_distance_is_zero(scene):
    assert scene.pleura_mm((29.0, 20.0, 40.0)) == 0.0
    assert scene.pleura_mm((-500.0, 0.0, 0.0)) == 0.0


def test_without_a_mask_there_is_no_side_and_no_distance():
    scene = Scene.of(ArrayImage(GRID, np.zeros(GRID.shape, np.int16)), None)
    assert (scene.side((12.0, 20.0, 40.0)), scene.pleura_mm((12.0, 20.0, 40.0))) == (None, None)
    assert scene.box_around_lungs(10.0) == GRID.whole


def test_an_empty_mask_is_like_none(scene):
    empty = Scene(scene.image, np.zeros(GRID.shape, dtype=bool))
    assert not empty.has_lung
    assert empty.side((12.0, 20.0, 40.0)) is None


def test_a_mask_on_a_coarser_cropped_and_flipped_grid_is_brought_onto_the_images():
    mask = two_boxes()[:, ::2, ::2][4:38, ::-1]
    start = GRID.index_to_world((4, 38, 0))
    direction = ((0, 0, 1), (0, -1, 0), (1, 0, 0))
    coarse = Grid(mask.shape, (2.0, 2.0, 2.0), tuple(start), direction)
    scene = Scene.of(ArrayImage(GRID, np.zeros(GRID.shape, np.int16)), ArrayImage(coarse, mask))
    assert scene.lung is not None
    assert (scene.lung != two_boxes()).mean() < 0.05


def test_a_mask_on_an_oblique_grid_is_brought_onto_the_images(scene):
    c, s = np.cos(0.1), np.sin(0.1)
    leaning = Grid(GRID.shape, GRID.spacing_mm, (0, 0, 0), ((0, 0, 1), (-s, c, 0), (c, s, 0)))
    back = Scene.of(ArrayImage(leaning, np.zeros(leaning.shape, np.int16)), ArrayImage(GRID, two_boxes()))
    assert back.lung is not None
    inside = leaning.world_to_index((14.0, 20.0, 40.0)).round().astype(int)
    outside = leaning.world_to_index((29.0, 20.0, 40.0)).round().astype(int)
    assert back.lung[tuple(inside)]
    assert not back.lung[tuple(outside)]


def test_a_flat_image_is_refused():
    flat = ArrayImage(Grid.upright((4, 4), (1, 1)), np.zeros((4, 4)))
    with pytest.raises(LesionkitError, match=r"needs images with 3 axes, got shape \(4, 4\)"):
        Scene.of(flat, None)


def test_the_pleura_is_that_of_the_lungs_and_not_of_the_mask_that_was_grown():
    lungs = two_boxes()
    grown = ndimage.binary_dilation(lungs, iterations=2)
    image = ArrayImage(GRID, np.zeros(GRID.shape, np.int16))
    scene = Scene.of(image, ArrayImage(GRID, grown), ArrayImage(GRID, lungs))
    assert scene.pleura_mm((10.0, 20.0, 40.0)) == pytest.approx(6.0)
