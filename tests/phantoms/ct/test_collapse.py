import numpy as np
import pytest

from lesionkit.phantoms.ct.anatomy import draw_chest
from lesionkit.phantoms.ct.collapse import collapse


@pytest.fixture(scope="module")
def chest():
    return draw_chest(np.random.default_rng(3))


@pytest.mark.parametrize(("side", "share"), [("left", 0.5), ("right", 0.1)])
def test_one_lung_keeps_its_share_nearest_to_its_root_and_the_other_is_whole(chest, side, share):
    small = collapse(chest, side, share)
    there = np.broadcast_to(chest.lattice.open[2] > 0, chest.lung.shape) == (side == "left")
    before, after = chest.lung > 0, small.lung > 0
    assert (after & there).sum() / (before & there).sum() == pytest.approx(share, abs=0.01)
    np.testing.assert_array_equal(after[~there], before[~there])
    assert not (after & ~before).any()


def test_what_is_left_is_one_piece_at_the_root(chest):
    small = collapse(chest, "left", 0.1)
    z, y, x = np.nonzero((small.lung > 0) & (chest.lattice.open[2] > 0))
    places = np.stack([chest.lattice.x[x], chest.lattice.y[y], chest.lattice.z[z]], axis=1)
    assert np.linalg.norm(places - chest.left_root, axis=1).max() < 80
