import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.phantoms.xray.bones import Frame
from lesionkit.phantoms.xray.curve import Canvas, pipe, rod, spline
from lesionkit.phantoms.xray.film import Film, expose


def drawn(profile, reach, curve=((10.0, -5.0), (10.0, 45.0)), pixel_mm=0.5):
    image = np.zeros((80, 80), np.float32)
    Canvas(80, pixel_mm).add(image, np.array(curve), reach, profile)
    return image


def test_a_rod_adds_twice_its_radius_in_its_middle_and_nothing_beside_it():
    image = drawn(rod(4.0, 2.0, 0.5), 4.0)
    # The curve runs at x = 10 mm, the edge of pixels 19 and 20.
    assert image[40, 19] == pytest.approx(16, rel=0.01)
    assert image[40, :11].max() == image[40, 29:].max() == 0


@given(radius=st.floats(0.1, 0.7))
def test_a_thin_wire_keeps_its_mass(radius):
    image = drawn(rod(radius, 3.0, 0.6), 5.0)
    assert image[40].sum() * 0.5 == pytest.approx(np.pi * radius**2 * 3.0, rel=0.05)


def test_a_pipe_is_brightest_at_its_walls():
    row = drawn(pipe(6.0, 1.0, 2.0, 0.1), 6.0)[40]
    assert row[9:12].max() > 2 * row[19]
    assert row[19] == pytest.approx(2 * 2.0 * 1.0 + 2 * 0.1 * 5.0, rel=0.05)


def test_a_curve_outside_the_image_draws_nothing():
    assert not drawn(rod(2.0, 1.0, 0.5), 2.0, curve=((90.0, 0.0), (90.0, 40.0))).any()


def test_a_spline_passes_its_points():
    points = np.array([[0.0, 0.0], [10.0, 5.0], [20.0, 0.0]])
    curve = spline(points, 201)
    for point in points:
        assert np.linalg.norm(curve - point, axis=1).min() < 0.1


def test_a_frame_tells_the_outer_edges_of_the_lungs():
    lungs = np.zeros((40, 40), bool)
    lungs[10:30, 5:15] = lungs[10:30, 25:35] = True
    frame = Frame.of(lungs, 2.0)
    assert (frame.top, frame.bottom, frame.middle) == (20, 58, 39)
    assert (frame.outer(-1, 40.0), frame.outer(1, 40.0)) == (10, 68)
    assert frame.outer(1, 0.0) == 68


def test_below_its_widest_part_a_lung_stays_as_wide():
    lungs = np.zeros((40, 40), bool)
    lungs[10:20, 2:38] = lungs[20:30, 15:25] = True
    frame = Frame.of(lungs, 1.0)
    assert (frame.outer(-1, 25.0), frame.outer(1, 39.0)) == (2, 37)


def test_dense_tissue_is_white_and_air_black():
    line = np.tile(np.linspace(0, 300, 64, dtype=np.float32), (64, 1))
    film = Film(scatter=0.2, noise=1e-4, blur_mm=0.2, evening=0.0, sharpening=0.0, low=1.0, high=99.0, gamma=1.0)
    picture = expose(np.random.default_rng(0), line, 4.0, film)
    assert picture.dtype == np.uint8
    assert picture[:, 0].max() < 20
    assert picture[:, -1].min() > 235
    assert (np.diff(picture.mean(axis=0)) > -1).all()


def test_dense_tissue_is_noisier():
    line = np.full((64, 128), 30, np.float32)
    line[:, 64:] = 200
    film = Film(scatter=0.0, noise=0.02, blur_mm=0.0, evening=0.0, sharpening=0.0, low=0.0, high=100.0, gamma=1.0)
    picture = expose(np.random.default_rng(0), np.concatenate([line, line]), 4.0, film).astype(float)
    assert picture[:, 80:].std() > 1.5 * picture[:, :48].std()
