import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage, upright
from lesionkit.report.picture import Letters
from lesionkit.report.planes import AXIAL, CORONAL, PLANES, SAGITTAL, View, direction_letters, letters

GRID = Grid.upright((10, 20, 30), spacing_mm=(4.0, 1.0, 0.5))


def test_the_patients_right_is_on_the_left_and_the_head_on_top():
    assert letters(GRID, AXIAL) == Letters(left="R", right="L", top="A", bottom="P")
    assert letters(GRID, CORONAL) == Letters(left="R", right="L", top="H", bottom="F")
    assert letters(GRID, SAGITTAL) == Letters(left="A", right="P", top="H", bottom="F")


def test_a_flipped_and_transposed_grid_gets_the_same_letters_once_upright():
    flipped = Grid((30, 10, 20), (0.5, 4.0, 1.0), (0, 0, 0), ((-1, 0, 0), (0, 0, -1), (0, -1, 0)))
    turned = upright(ArrayImage(flipped, np.zeros(flipped.shape))).grid
    assert [letters(turned, plane) for plane in PLANES] == [letters(GRID, plane) for plane in PLANES]


def test_an_oblique_grid_says_with_a_second_letter_where_it_leans():
    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    leaning = Grid(GRID.shape, GRID.spacing_mm, (0, 0, 0), ((0, 0, 1), (-s, c, 0), (c, s, 0)))  # z axis leans to A
    assert letters(leaning, CORONAL) == Letters(left="R", right="L", top="HA", bottom="FP")
    assert letters(leaning, AXIAL) == Letters(left="R", right="L", top="AF", bottom="PH")


def test_a_lean_of_a_few_degrees_gets_no_second_letter():
    assert direction_letters([np.cos(0.1), np.sin(0.1), 0]) == "L"


@pytest.mark.parametrize("plane", PLANES)
def test_the_middle_of_a_view_is_where_it_was_asked_for(plane):
    view = View.around(plane, GRID, (4.3, 7.8, 11.1), field_mm=20.0, pixels=100)
    np.testing.assert_allclose(view.place((4.3, 7.8, 11.1)), (50, 50))
    assert view.mm_per_pixel == pytest.approx(0.2)


def test_a_millimetre_is_as_long_down_as_across_whatever_the_voxels():
    view = View.around(CORONAL, GRID, (5, 10, 15), field_mm=20.0, pixels=100)
    x, y = np.subtract(view.place((4, 10, 23)), view.place((5, 10, 15)))
    assert (x, y) == pytest.approx((8 * 0.5 / 0.2, 1 * 4.0 / 0.2))  # one slice to the feet is 4 mm down


def test_a_bright_sample_is_shown_where_its_index_is_placed():
    samples = np.zeros(GRID.shape, dtype=np.int16)
    samples[6, 12, 20] = 1000
    for plane in PLANES:
        view = View.around(plane, GRID, (5.0, 11.0, 17.0), field_mm=16.0, pixels=160)
        shown = view.show(samples.take((6, 12, 20)[plane.across], axis=plane.across), fill=0)
        rows, columns = np.nonzero(shown > 900)
        x, y = view.place((6, 12, 20))
        assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((x, y), abs=0.51)


def test_beyond_the_image_there_is_only_the_fill():
    view = View.around(AXIAL, GRID, (0, -100, -100), field_mm=10.0, pixels=20)
    assert (view.show(np.zeros((20, 30)), fill=-1024) == -1024).all()


def test_the_whole_plane_keeps_its_aspect():
    assert View.whole(SAGITTAL, GRID, mm_per_pixel=0.5).shape == (80, 40)  # 40 mm high, 20 mm deep


@given(st.tuples(*[st.floats(-50, 50)] * 3), st.tuples(*[st.floats(-50, 50)] * 3))
def test_places_are_as_far_apart_as_their_samples(a, b):
    view = View.around(AXIAL, GRID, (5, 10, 15), field_mm=60.0, pixels=240)
    apart = np.subtract(view.place(b), view.place(a)) * view.mm_per_pixel
    np.testing.assert_allclose(apart, [(b[2] - a[2]) * 0.5, (b[1] - a[1]) * 1.0], atol=1e-9)
