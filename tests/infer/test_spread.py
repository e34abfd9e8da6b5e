import numpy as np
import pytest

from lesionkit.infer.spread import Spread


def test_the_stronger_of_two_close_cells_is_taken_and_of_equals_the_one_with_more_around() -> None:
    score, around = np.array([0.5, 0.9, 0.7, 0.7], np.float32), np.array([0.9, 0.1, 0.2, 0.3], np.float32)
    taken = Spread((1, 10), (1.0, 1.0), radius_mm=2, limit=9)(np.array([0, 1, 5, 6]), score, around)
    assert taken.tolist() == [[0, 1], [0, 6]]


def test_no_cell_gives_none_and_equals_come_in_reading_order() -> None:
    spread = Spread((2, 3), (1.0, 1.0), radius_mm=0, limit=4)
    none, ones = np.zeros(0, np.float32), np.ones(6, np.float32)
    assert spread(np.arange(0), none, none).shape == (0, 2)
    assert spread(np.arange(6), ones, ones).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0]]


@pytest.mark.parametrize(("spacing_mm", "radius_mm"), [(1.0, 3.0), (0.1, 0.3), (0.7, 2.1)])
def test_cells_just_a_radius_apart_are_both_taken_and_closer_ones_are_not(spacing_mm, radius_mm) -> None:
    # 3 x 0.7 is a little less than 2.1 in floating point, and 3 x 0.1 a little more than 0.3.
    spread = Spread((1, 4), (spacing_mm, spacing_mm), radius_mm, limit=9)
    ones = np.ones(2, np.float32)
    assert spread(np.array([0, 3]), ones, ones).tolist() == [[0, 0], [0, 3]]
    assert spread(np.array([0, 2]), ones, ones).tolist() == [[0, 0]]
