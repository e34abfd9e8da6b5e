import numpy as np

from lesionkit.recipes.ct.two_stage_train import encode_mask
from lesionkit.sample.patch import Patch


def test_what_is_drawn_is_learned_and_findings_that_count_neither_way_are_not():
    drawn = np.zeros((16, 16, 16), np.float32)
    drawn[4:8, 4:8, 4:8] = 1
    patch = Patch(np.zeros((16, 16, 16), np.float32), np.zeros((0, 4)), np.array([[12.0, 12, 12, 4]]), drawn)
    arrays = encode_mask(patch)
    assert arrays["drawn"].sum() == 64
    # A ball of 2 + 1 samples has 123 of them on the lattice.
    assert arrays["ignored"].sum() == 123
    assert arrays["ignored"].shape == arrays["drawn"].shape == (1, 16, 16, 16)


def test_a_patch_that_nothing_was_drawn_in_is_empty():
    arrays = encode_mask(Patch(np.zeros((4, 4, 4), np.float32), np.zeros((0, 4)), np.zeros((0, 4))))
    assert (arrays["drawn"].sum(), arrays["ignored"].sum()) == (0, 0)
