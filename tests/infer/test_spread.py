import numpy as np

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
