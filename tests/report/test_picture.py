import base64
import io

import numpy as np
import pytest
from PIL import Image as Pillow

from lesionkit.report.picture import LUNG, SOFT_TISSUE, Layer, Letters, Mark, Picture


def test_the_soft_tissue_window_runs_from_minus_160_to_240_hu():
    assert SOFT_TISSUE.grey(np.array([-161.0, -160.0, 0.0, 240.0, 300.0])).tolist() == [0, 0, 102, 255, 255]
    assert SOFT_TISSUE.label == "L 40 W 400"


def test_corner_ticks_point_at_a_place_and_leave_it_free():
    mark = Mark(100.0, 50.0, reach=20.0)
    points = np.array([point for corner in mark.corners for point in corner])
    np.testing.assert_allclose(points.mean(axis=0), (100, 50))
    assert (np.abs(points - (100, 50)).max(axis=1) == 20).all()  # all on the square, none inside


def test_a_layer_travels_inside_its_address():
    grey = np.tile(np.arange(0, 240, dtype=np.uint8), (32, 1))
    kind, _, data = Layer("lung", "", grey).uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    shown = np.asarray(Pillow.open(io.BytesIO(base64.b64decode(data))), dtype=int)
    assert np.abs(shown - grey).max() <= 4


def test_a_scale_bar_is_as_long_as_it_says():
    letters = Letters("R", "L", "A", "P")
    picture = Picture((Layer("lung", LUNG.label, np.zeros((10, 20), np.uint8)),), 0.25, letters, "axial", "alt")
    assert (picture.width, picture.height) == (20, 10)
    assert picture.bar == pytest.approx(40)  # 10 mm
