import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.lung_crop import LungCropSettings, lung_box, scaled_box


def lungs(*boxes, shape=(1024, 1024)):
    probability = np.zeros(shape)
    for top, bottom, left, right in boxes:
        probability[top:bottom, left:right] = 0.9
    return probability


TWO_LUNGS = ((200, 800, 152, 448), (220, 848, 600, 900))


def test_the_box_holds_both_lungs_and_40_pixels_on_each_side():
    assert lung_box(lungs(*TWO_LUNGS)) == (slice(160, 888), slice(112, 940))


def test_at_another_size_all_lengths_scale():
    small = lungs(*TWO_LUNGS)[::4, ::4]
    assert lung_box(small) == (slice(40, 222), slice(28, 235))


def test_the_box_ends_at_the_image_s_edge():
    assert lung_box(lungs((0, 1000, 10, 1024))) == (slice(0, 1024), slice(0, 1024))


def test_a_region_of_fewer_than_2000_pixels_is_no_lung():
    speck = (980, 1020, 980, 1020)  # 1600
    assert lung_box(lungs(*TWO_LUNGS, speck)) == lung_box(lungs(*TWO_LUNGS))
    assert lung_box(lungs(*TWO_LUNGS, (970, 1020, 980, 1020))) != lung_box(lungs(*TWO_LUNGS))  # exactly 2000


def test_a_padded_box_smaller_than_300_by_300_is_held_for_a_failure():
    assert lung_box(lungs((400, 619, 400, 620))) is None  # 299 × 300
    assert lung_box(lungs((400, 620, 400, 620))) == (slice(360, 660), slice(360, 660))


def test_without_any_lung_the_whole_image_is_used():
    assert lung_box(np.full((64, 64), 0.5)) is None  # not above the threshold
    assert lung_box(np.full((64, 64), 0.51)) == (slice(0, 64), slice(0, 64))


def test_settings_change_what_a_lung_is():
    settings = LungCropSettings(threshold=0.95, padding=0, least_side=0, min_pixels=0)
    probability = lungs(*TWO_LUNGS)
    probability[5, 7] = 1.0
    assert lung_box(probability, settings) == (slice(5, 6), slice(7, 8))


@given(st.data())
def test_a_scaled_box_covers_the_same_part_and_stays_inside(data):
    small, large = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 90))
    start = data.draw(st.integers(0, small - 1))
    stop = data.draw(st.integers(start + 1, small))
    ((side),) = scaled_box((slice(start, stop),), (small,), (large,))
    assert 0 <= side.start < side.stop <= large
    assert side.start / large <= start / small < (side.start + 1) / large + 1e-12
    assert (side.stop - 1) / large - 1e-12 < stop / small <= side.stop / large


@pytest.mark.parametrize("shape", [(0, 3), (3,), (1, 3, 3)])
def test_a_map_has_two_axes(shape):
    with pytest.raises(LesionkitError, match="a lung crop needs a probability map"):
        lung_box(np.zeros(shape))


@pytest.mark.parametrize("value", [-0.5, 3.0, np.nan])
def test_logits_are_refused(value):
    with pytest.raises(LesionkitError, match=r"must lie in 0\.\.1.*are these logits"):
        lung_box(np.array([[0.0, value]]))
