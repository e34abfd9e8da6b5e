import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.infer.windows import grown, volume, windows_over


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(200, 5000))
def test_windows_hold_every_set_sample_once_and_stay_small(seed, largest):
    rng = np.random.default_rng(seed)
    mask = np.zeros((24, 30, 40), bool)
    for _ in range(rng.integers(1, 4)):
        low = rng.integers(0, 20, 3)
        mask[tuple(slice(a, a + s) for a, s in zip(low, rng.integers(1, 16, 3), strict=True))] = True
    count = np.zeros(mask.shape, int)
    boxes = windows_over(mask, largest, least=2)
    for box in boxes:
        count[box] += 1
    assert count[mask].min() == 1
    assert count.max() == 1
    assert all(volume(box) <= largest for box in boxes)


def test_an_empty_mask_needs_no_window():
    assert windows_over(np.zeros((8, 8, 8), bool), 100) == []


def test_a_window_grows_by_its_halo_and_up_to_a_multiple():
    assert grown((slice(10, 30), slice(0, 16), slice(5, 6)), halo=8, multiple=16) == ((2, -8, -3), (48, 32, 32))
