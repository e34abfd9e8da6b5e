import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.phantoms.xray.picture import Framing, framed, lungs_of


def chest(side=96):
    """A bright trunk on black, two dark oval lungs; the picture and the lung mask."""
    y, x = np.indices((side, side)) / side
    trunk = np.abs(x - 0.5) < 0.42
    lungs = ((np.abs(x - 0.5) - 0.2) / 0.14) ** 2 + ((y - 0.5) / 0.32) ** 2 < 1
    return np.where(lungs, 0.25, np.where(trunk, 0.7, 0.0)).astype(np.float32), lungs


def test_two_lungs_are_told_apart_with_their_outer_edges_and_roots():
    right, left = sorted(lungs_of(chest()[1]), key=lambda lung: lung.sign)
    assert (right.sign, left.sign) == (-1, 1)
    assert right.depth[48, 29] > 0 > right.depth[48, 67]
    for lung, outer, inner in ((right, 17, 41), (left, 79, 55)):
        assert lung.outward[48, outer] > 0.9 > 0.1 > lung.outward[48, inner]
        assert abs(lung.root[1] - 48) < 14
    assert right.height[20, 29] < 0.1 < 0.9 < right.height[76, 29]


def test_one_lung_is_taken_for_that_of_its_half():
    _, lungs = chest()
    lungs[:, :48] = False
    assert [lung.sign for lung in lungs_of(lungs)] == [1]


def test_a_mask_without_a_lung_is_refused():
    specks = np.zeros((96, 96), bool)
    specks[5:9, 5:9] = True
    with pytest.raises(LesionkitError, match=r"must show a lung of at least 1% of the radiograph, got 0\.17% in 1"):
        lungs_of(specks)


def test_without_framing_the_whole_is_stretched():
    image, lungs = chest()
    small, mask = framed(image, lungs, 48, None)
    assert small.shape == mask.shape == (48, 48)
    assert mask.mean() == pytest.approx(lungs.mean(), abs=0.01)
    assert small[mask].mean() == pytest.approx(0.25, abs=0.03)


def test_a_squashed_radiograph_is_shown_as_it_was_taken():
    image, lungs = chest()
    _, mask = framed(image, lungs, 96, Framing(aspect=1.5, zoom=1.2, shift=(0, 0), degrees=0))
    rows, columns = (np.ptp(np.flatnonzero(mask.any(axis=1 - axis))) for axis in (0, 1))
    before = [np.ptp(np.flatnonzero(lungs.any(axis=1 - axis))) for axis in (0, 1)]
    assert columns / rows == pytest.approx(1.5 * before[1] / before[0], rel=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_lungs_stay_on_the_picture_however_it_is_framed(seed):
    image, lungs = chest()
    picture, mask = framed(image, lungs, 64, Framing.draw(np.random.default_rng(seed), 1.2))
    assert mask.mean() > 0.1
    assert picture[mask].mean() == pytest.approx(0.25, abs=0.06)
