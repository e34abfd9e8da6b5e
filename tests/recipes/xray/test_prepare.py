from itertools import pairwise

import numpy as np
import pytest

from lesionkit.read.chest_rows import ImageRow
from lesionkit.recipes.xray.prepare import ChosenPictures, _hidden
from lesionkit.sample.pictures import Entry

ROWS = [ImageRow(f"i{n}", f"p{n // 2}", f"{n}.png", area=0.1 if n % 4 == 0 else 0.0) for n in range(32)]
"""Sixteen patients of two images; of every other patient one image is positive."""
POSITIVE = {f"p{n}" for n in range(0, 16, 2)}


def test_the_masks_of_a_share_of_positive_and_of_healthy_patients_are_kept_and_of_whole_patients():
    hidden = _hidden(ROWS, 0.75, seed=0)
    assert (len(hidden & POSITIVE), len(hidden - POSITIVE)) == (2, 2)
    assert _hidden(ROWS, 1.0, seed=0) == set()


def test_of_each_kind_at_least_one_patient_keeps_the_masks():
    hidden = _hidden(ROWS, 0.001, seed=0)
    assert (len(hidden & POSITIVE), len(hidden - POSITIVE)) == (7, 7)


def test_who_keeps_the_masks_with_few_keeps_them_with_more():
    several = [_hidden(ROWS, share, seed=3) for share in (0.125, 0.25, 0.5, 0.75, 0.875)]
    assert all(more < fewer for fewer, more in pairwise(several))


def test_the_seed_alone_says_who():
    assert _hidden(ROWS, 0.5, 0) == _hidden(list(reversed(ROWS)), 0.5, 0)
    assert len({frozenset(_hidden(ROWS, 0.5, seed)) for seed in range(8)}) > 1
    # The first patient is hidden by some seeds and kept by others.
    assert {"p0" in _hidden(ROWS, 0.5, seed) for seed in range(8)} == {True, False}


class Three:
    def image(self, number):
        return np.full((2, 2), number, np.uint8)

    def mask(self, number):
        pytest.fail("nobody may look")


def test_pictures_that_count_as_unlabelled_show_no_mask():
    chosen = ChosenPictures([Entry(Three(), 2), Entry(Three(), 0)])
    assert len(chosen) == 2
    assert chosen.image(0).max() == 2
    assert not chosen.mask(0).any()
    assert chosen.mask(1).shape == (2, 2)
