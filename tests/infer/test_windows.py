import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.infer.windows import WindowRule, windows_over


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2000, 60_000))
def test_windows_hold_every_set_sample_once_and_stay_small(seed, largest):
    rng = np.random.default_rng(seed)
    mask = np.zeros((24, 30, 42), bool)
    for _ in range(rng.integers(1, 4)):
        low = rng.integers(0, 20, 3)
        mask[tuple(slice(a, a + s) for a, s in zip(low, rng.integers(1, 16, 3), strict=True))] = True
    count = np.zeros(mask.shape, int)
    rule = WindowRule(largest, halo=4, multiple=4)
    boxes = windows_over(mask, rule)
    for box in boxes:
        count[box] += 1
    assert count[mask].min() == 1
    assert count.max() == 1
    assert all(math.prod(rule.grown(box)[1]) <= largest for box in boxes)


def test_an_empty_mask_needs_no_window():
    assert windows_over(np.zeros((8, 8, 8), bool), WindowRule(1000)) == []


def test_a_window_grows_by_its_halo_and_up_to_a_multiple():
    rule = WindowRule(largest=10**6, halo=8, multiple=16)
    assert rule.grown((slice(10, 30), slice(0, 16), slice(5, 6))) == ((2, -8, -3), (48, 32, 32))


def test_a_block_that_no_cut_makes_cheaper_stays_whole():
    assert len(windows_over(np.ones((64, 64, 64), bool), WindowRule(largest=10**7))) == 1


def test_flat_windows_have_no_context_along_z():
    rule = WindowRule(largest=10**6, halo=4, multiple=8, flat=True)
    assert rule.grown((slice(3, 8), slice(8, 16), slice(0, 12))) == ((3, 4, -4), (5, 16, 24))
