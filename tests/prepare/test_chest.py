import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.prepare.chest import ChestSettings, find_chest


def test_a_chest_ct_is_searched_as_a_whole(body):
    chest = find_chest(body)
    assert chest.is_whole
    assert chest.box == body.grid.whole
    assert chest.note(body.grid) == "the whole scan is searched (z -140 to 140 mm, 70 of 70 slices)"


def test_a_whole_body_scan_is_cut_to_the_chest_and_says_so(shapes):
    body = shapes.make_body(length_mm=1000.0)
    chest = find_chest(body)
    assert not chest.is_whole
    # the lungs reach from -100 to 100 mm, the margin is 50 mm
    assert chest.z_mm[0] == pytest.approx(-146, abs=10)
    assert chest.z_mm[1] == pytest.approx(146, abs=10)
    assert "only the chest is searched (z -14" in chest.note(body.grid)
    assert "of 250 slices)" in chest.note(body.grid)


def test_the_box_is_in_the_array_order_of_the_image(shapes):
    body = shapes.make_body(length_mm=1000.0)
    grid = body.grid
    turned = Grid(
        (grid.shape[1], grid.shape[0], grid.shape[2]),
        (grid.spacing_mm[1], grid.spacing_mm[0], grid.spacing_mm[2]),
        tuple(grid.index_to_world([grid.shape[0] - 1, 0, 0])),
        ((0, 0, 1), (1, 0, 0), (0, -1, 0)),
    )
    image = ArrayImage(turned, np.ascontiguousarray(body.array[::-1].transpose(1, 0, 2)))
    chest = find_chest(image)
    part = turned.crop(chest.box)
    assert chest.box[0] == slice(0, grid.shape[1])
    z = sorted([part.index_to_world([0, 0, 0])[2], part.index_to_world([0, part.shape[1] - 1, 0])[2]])
    np.testing.assert_allclose(z, find_chest(body).z_mm, atol=2.1)


def test_a_scan_without_lungs_is_refused(shapes):
    with pytest.raises(LesionkitError, match=r"no lungs in view: .* has 0.00 L, at least 0.1 L are needed"):
        find_chest(shapes.make_body(lungs=()))


def test_gas_is_not_lung(shapes):
    body = shapes.make_body(lungs=())
    gas = body.array.copy()
    gas[shapes.ball(body.grid, (0, 0, 0), 60)] = -1000
    with pytest.raises(LesionkitError, match="no lungs in view"):
        find_chest(ArrayImage(body.grid, gas))


def test_a_water_phantom_and_values_that_are_no_hu_are_refused(body):
    noise = np.random.default_rng(0).normal(0, 20, body.array.shape).astype(np.int16)
    with pytest.raises(LesionkitError, match="no lungs in view"):
        find_chest(ArrayImage(body.grid, noise))
    with pytest.raises(LesionkitError, match="give a chest CT in Hounsfield units"):
        find_chest(ArrayImage(body.grid, (body.array + 1024) // 8))


def test_a_constant_volume_is_refused(body):
    with pytest.raises(LesionkitError, match="every value is 0; is this the right file"):
        find_chest(ArrayImage(body.grid, np.zeros(body.grid.shape, dtype=np.int16)))


def test_what_is_left_out_must_be_worth_it(shapes):
    body = shapes.make_body(length_mm=1000.0)
    assert find_chest(body, ChestSettings(min_rest_mm=800)).is_whole
