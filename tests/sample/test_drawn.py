import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Lesion
from lesionkit.sample.drawn import drawn

GRID = Grid.upright((32, 40, 48), (2.0, 1.0, 0.5), origin_mm=(-10.0, 5.0, 100.0))


def lesion(index=(16, 20, 24), diameter=10.0) -> Lesion:
    return Lesion(tuple(GRID.index_to_world(index)), diameter)


@given(st.floats(4, 16))
def test_a_sphere_has_the_volume_of_its_diameter_at_any_spacing(diameter):
    volume = drawn([lesion(diameter=diameter)], GRID, "sphere").sum() * GRID.voxel_mm
    assert volume == pytest.approx(np.pi / 6 * diameter**3, rel=0.25)


def test_a_cuboid_is_six_over_pi_of_a_sphere_and_a_radius_of_one_diameter_eight_spheres():
    counts = {form: drawn([lesion()], GRID, form).sum() for form in ("sphere", "cuboid", "radius = diameter")}
    assert counts["cuboid"] / counts["sphere"] == pytest.approx(6 / np.pi, rel=0.2)
    assert counts["radius = diameter"] / counts["sphere"] == pytest.approx(8, rel=0.1)


def test_an_outline_is_taken_where_it_is_known_and_a_sphere_elsewhere():
    def outline(one, grid):
        return np.full(grid.shape, 0.5, np.float32) if one.diameter_mm == 6 else None

    both = drawn([lesion(diameter=6.0), lesion()], GRID, "outline", outline)
    np.testing.assert_array_equal(both, np.maximum(0.5, drawn([lesion()], GRID, "sphere")))
    assert drawn([lesion(diameter=6.0)], GRID, "sphere", outline).min() == 0


def test_what_is_smaller_than_a_sample_is_the_sample_that_it_lies_in():
    whole = drawn([lesion((4.3, 5, 6), 0.1)], GRID, "sphere")
    assert np.argwhere(whole).tolist() == [[4, 5, 6]]
    assert drawn([lesion((-4, 5, 6), 0.1)], GRID, "sphere").sum() == 0


def test_a_part_that_reaches_in_from_outside_is_drawn():
    assert 0 < drawn([lesion((16, 20, -2))], GRID, "sphere").sum() < drawn([lesion()], GRID, "sphere").sum()


def test_of_nothing_nothing_is_drawn():
    assert drawn([], GRID, "outline").sum() == 0
