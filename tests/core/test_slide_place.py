import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.grid import Grid
from lesionkit.core.slide_place import polygon_pixels, polygon_world, slide_pixels, slide_world
from lesionkit.core.trace import trace

FINEST = Grid.upright((4000, 8000), spacing_mm=(0.00025, 0.00025), origin_mm=(0.000125, 0.000125))
ORIGIN_XY = (1024, 512)


def test_the_top_left_corner_is_pixel_zero_in_qupath_and_the_bounds_in_the_file() -> None:
    assert slide_pixels([0.0, 0.0], FINEST) == pytest.approx([0, 0])
    assert slide_pixels([0.0, 0.0], FINEST, ORIGIN_XY) == pytest.approx([1024, 512])


def test_a_millimetre_is_four_thousand_pixels_of_a_quarter_micrometre() -> None:
    assert slide_pixels([[1.0, 0.5]], FINEST) == pytest.approx(np.array([[4000, 2000]]))


@given(
    st.tuples(st.floats(0, 2), st.floats(0, 1)),
    st.tuples(st.integers(0, 100_000), st.integers(0, 100_000)),
)
def test_pixels_and_world_are_inverse(place: tuple[float, float], origin_xy: tuple[int, int]) -> None:
    assert slide_world(slide_pixels(place, FINEST, origin_xy), FINEST, origin_xy) == pytest.approx(place, abs=1e-9)


def test_a_cell_of_a_map_becomes_its_square_of_pixels() -> None:
    # Cells of 16 pixels of 0.25 um; the cell in row 1, column 2 covers x 32 ... 48 and y 16 ... 32.
    cells = Grid.upright((3, 4), spacing_mm=(0.004, 0.004), origin_mm=(0.002, 0.002))
    mask = np.zeros((3, 4), dtype=bool)
    mask[1, 2] = True
    polygon = polygon_pixels(polygon_world(trace(mask)[0], cells), FINEST)
    assert polygon.ring == pytest.approx(np.array([[32, 16], [48, 16], [48, 32], [32, 32]]))


def test_holes_move_with_their_polygon() -> None:
    mask = np.ones((3, 3), dtype=bool)
    mask[1, 1] = False
    cells = Grid.upright((3, 3), spacing_mm=(0.004, 0.004), origin_mm=(0.002, 0.002))
    polygon = polygon_pixels(polygon_world(trace(mask)[0], cells), FINEST, ORIGIN_XY)
    assert len(polygon.holes) == 1
    assert polygon.holes[0].min(axis=0) == pytest.approx([1024 + 16, 512 + 16])
    assert polygon.holes[0].max(axis=0) == pytest.approx([1024 + 32, 512 + 32])
