import numpy as np
import pytest
import torch

from lesionkit.infer.look_again import LOOK_SIDE, LOOKS, looked_at_again

ENDS = np.array([[True, False], [False, False], [False, True]])
BALLS = np.array([[0.9, 60.0, 60, 60, 5], [0.8, 70, 60, 60, 5], [0.7, 80, 60, 60, 30], [0.6, 20, 60, 110, 5]])


def test_each_axis_is_seen_at_each_of_four_phases_and_mirrored_once():
    lattices = np.array([lattice for lattice, _ in LOOKS])
    assert [sorted(axis) for axis in lattices.T.tolist()] == [[0, 1, 2, 3]] * 3
    assert sorted(str(mirror) for _, mirror in LOOKS) == ["0", "1", "2", "None"]


def test_the_mean_logit_of_the_looks_ranks_the_first_and_the_large_and_the_rest_keep_their_scores():
    asked = []

    def look(start, shape, at_end, mirror):
        asked.append((tuple(start), at_end, mirror))
        assert tuple(shape) == (LOOK_SIDE,) * 3
        # The first place is not believed again, the second is.
        return torch.full((1, 12, 12, 12), -2.0 if start[0] < 42 else 3.0)

    ranked = looked_at_again(BALLS, (120, 120, 120), ENDS, 3, 4, look)
    assert ranked[:, 1].tolist() == [70, 80, 20, 60]
    assert ranked[:, 0] == pytest.approx([1 / (1 + np.exp(-3)), 0.7, 0.6, 1 / (1 + np.exp(2))])
    # The third is too large for its cube, the fourth is not asked.
    assert len(asked) == 2 * len(LOOKS)
    assert [mirror for _, _, mirror in asked[:4]] == [mirror for _, mirror in LOOKS]
    assert not any(at_end for _, at_end, _ in asked)


def test_only_ends_of_the_scan_count_as_such():
    told = []
    looked_at_again(
        BALLS[3:], (120, 120, 120), ENDS, 1, 4, lambda *given: told.append(given[2]) or torch.zeros(1, 12, 12, 12)
    )
    assert told == [True] * 4
    told.clear()
    looked_at_again(
        BALLS[3:],
        (120, 120, 120),
        np.zeros((3, 2), bool),
        1,
        4,
        lambda *given: told.append(given[2]) or torch.zeros(1, 12, 12, 12),
    )
    assert told == [False] * 4


def test_the_strongest_of_the_neighbouring_cells_and_of_all_maps_is_what_is_said():
    def look(start, *_):
        maps = torch.full((2, 12, 12, 12), -9.0)
        cell = [int((60 - s + 0.5) // 4) for s in start]
        maps[1, cell[0] + 1, cell[1] - 1, cell[2]] = 1.0
        maps[0, cell[0] + 2, cell[1], cell[2]] = 5.0
        return maps

    [ball] = looked_at_again(BALLS[:1], (120, 120, 120), ENDS, 1, 4, look)
    assert ball[0] == pytest.approx(1 / (1 + np.exp(-1)))
