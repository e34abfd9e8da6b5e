import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.prepare.intensity import clip_hu, to_unit


def test_padding_outside_the_circle_is_clipped_and_the_type_stays():
    clipped = clip_hu(np.array([-3024, -1024, 3071], dtype=np.int16), (-1024, 2000))
    assert clipped.tolist() == [-1024, -1024, 2000]
    assert clipped.dtype == np.int16


def test_the_range_is_stretched_to_zero_and_one():
    unit = to_unit(np.array([-1200, -300, 600, 9000], dtype=np.int16), (-1200, 600))
    assert unit.tolist() == [0.0, 0.5, 1.0, 1.0]
    assert unit.dtype == np.float32


def test_a_range_wider_than_the_type_clips_nothing():
    assert clip_hu(np.array([-32768, 32767], dtype=np.int16), (-100_000, 100_000)).tolist() == [-32768, 32767]


def test_a_range_upside_down_is_refused():
    with pytest.raises(LesionkitError, match=r"hu_range must be \(lowest, highest\), got \(400, -1000\)"):
        to_unit(np.zeros(3), (400, -1000))
