import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.prepare.lung.kmeans import find_by_kmeans, two_means
from lesionkit.prepare.lung.settings import LungSettings

SETTINGS = LungSettings(preset="kmeans")


def slice_with(*boxes, size=512):
    """Lungs of -850 in tissue of 40 HU, with noise: a slice's single lowest and highest value are not counted."""
    plane = np.full((size, size), 40, dtype=np.int16)
    for rows, columns in boxes:
        plane[rows, columns] = -850
    return (plane + np.random.default_rng(0).integers(-20, 20, plane.shape)).astype(np.int16)[None]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-1000, 400), min_size=2, max_size=40), st.integers(-1000, 400))
def test_the_threshold_is_a_fixed_point_of_two_means(values, extra):
    values = np.array([*values, extra, extra + 1], dtype=np.int16)
    threshold = two_means(values)
    low, high = values[values <= threshold], values[values > threshold]
    assert low.size
    assert high.size
    assert threshold == pytest.approx((low.mean() + high.mean()) / 2, abs=0.51)


def test_two_lungs_are_found_and_dilated_by_ten_samples_twice():
    plane = slice_with((slice(150, 350), slice(120, 220)), (slice(150, 350), slice(290, 390)))
    mask = find_by_kmeans(plane, SETTINGS)
    assert mask[0, 250, 120:220].all()
    # a square of 4 takes 3 samples off, one of 10 adds 9, twice
    assert np.count_nonzero(mask[0, 250]) == 2 * (100 - 3 + 9 + 9)


def test_pieces_outside_the_frame_are_dropped():
    lung, at_the_top = (slice(150, 350), slice(120, 220)), (slice(10, 60), slice(200, 260))
    mask = find_by_kmeans(slice_with(lung, at_the_top), SETTINGS)
    assert mask[0, 250, 170]
    assert not mask[0, 30, 230]


def test_limits_scale_with_the_height_of_the_slice():
    plane = slice_with((slice(75, 175), slice(60, 110)), size=256)
    assert find_by_kmeans(plane, SETTINGS)[0, 125, 80]


def test_a_slice_of_fat_and_muscle_holds_no_lung():
    plane = np.where(np.arange(512)[:, None] < 256, -90, 50).astype(np.int16) * np.ones((1, 512), dtype=np.int16)
    assert not find_by_kmeans(plane[None], SETTINGS).any()


def test_a_constant_slice_holds_no_lung():
    assert not find_by_kmeans(np.zeros((1, 64, 64), dtype=np.int16), SETTINGS).any()


def test_only_the_largest_island_is_kept_if_it_is_three_times_the_second():
    large, small = (slice(150, 350), slice(120, 220)), (slice(150, 170), slice(290, 320))
    plane = slice_with(large, small)
    kept = find_by_kmeans(plane, LungSettings(preset="kmeans", kmeans_island_ratio=3))
    assert not kept[0, 160, 300]
    assert find_by_kmeans(plane, SETTINGS)[0, 160, 300]
