import numpy as np

from lesionkit.prepare.lung.air import find_air
from lesionkit.prepare.lung.settings import LungSettings

PLAIN = {
    "preset": "threshold",
    "clear_border": False,
    "min_area_mm2": 0,
}
SPACING = (2.0, 1.0, 1.0)


def plane(size=40):
    return np.full((1, size, size), 40, dtype=np.int16)


def test_air_lies_below_the_threshold():
    hu = plane()
    hu[0, 10, 10:13] = [-551, -550, -549]
    assert np.argwhere(find_air(hu, SPACING, LungSettings(**PLAIN))).tolist() == [[0, 10, 10]]


def test_air_at_the_border_of_a_slice_is_cleared():
    hu = plane()
    hu[0, :, :5] = hu[0, 15:25, 15:25] = -1000
    air = find_air(hu, SPACING, LungSettings(preset="threshold"))
    assert not air[0, 0, 0]
    assert air.sum() == 100


def test_lung_at_the_border_stays_where_air_is_cleared():
    hu = plane()
    hu[0, :10, 5:15], hu[0, :10, 25:35] = -850, -1000
    assert find_air(hu, SPACING, LungSettings(border_air_hu=-940))[0, 0].sum() == 10
    assert not find_air(hu, SPACING, LungSettings(border_air_hu=0)).any()


def test_small_pieces_are_dropped_by_their_area_in_the_plane():
    """30 mm2 are 30 samples of 1 mm, whatever the distance of slices (row 2.19 took y and z)."""
    hu = plane()
    hu[0, 5:10, 5:11] = hu[0, 20:25, 5:12] = -1000  # 30 and 35 mm2
    settings = LungSettings(preset="threshold", clear_border=False, min_area_mm2=30)
    assert find_air(hu, (5.0, 1.0, 1.0), settings).sum() == 35


def test_slits_are_dropped_by_their_eccentricity():
    hu = plane()
    hu[0, 5, 5:35] = hu[0, 15:25, 15:25] = -1000
    assert find_air(hu, SPACING, LungSettings(**PLAIN, max_eccentricity=0.99)).sum() == 100


def test_the_gaussian_reaches_two_sigmas():
    hu = np.full((1, 21, 21), -1000, dtype=np.int16)
    hu[0, 10, 10] = 3000
    air = find_air(hu, SPACING, LungSettings(**PLAIN, gaussian_sigma=1.0, threshold_hu=-999))
    assert np.argwhere(~air[0]).min(axis=0).tolist() == [8, 8]


def test_outside_the_circle_is_no_air_if_the_corner_is_constant():
    hu = np.full((1, 40, 40), -1000, dtype=np.int16)
    settings = LungSettings(**PLAIN, corner_patch=10)
    assert abs(int(find_air(hu, SPACING, settings).sum()) - np.pi * 20**2) < 20
    hu[0, 0, 0] = -999
    assert find_air(hu, SPACING, settings).all()
