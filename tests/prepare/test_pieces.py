import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import regionprops

from lesionkit.prepare.pieces import Pieces, label_pieces, largest_pieces


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([4, 8]), st.floats(0.05, 0.95))
def test_the_count_covers_every_label_and_the_pieces_are_those_of_scipy(seed, connectivity, density):
    mask = np.random.default_rng(seed).random((41, 23)) < density
    labels, count = label_pieces(mask, connectivity)
    assert labels.max() <= count
    _, expected = ndimage.label(mask, ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2))
    assert len(np.unique(labels[mask])) == expected


def test_the_largest_pieces_come_first():
    mask = np.array([[1, 0, 1, 1, 1], [0, 0, 0, 0, 0], [1, 1, 0, 0, 0]], dtype=bool)[None]
    sizes = [size for size, _ in largest_pieces(mask, 6, 2)]
    assert sizes == [3, 2]
    assert largest_pieces(np.zeros((2, 2, 2), dtype=bool), 6, 2) == []


def test_area_and_eccentricity_agree_with_scikit_image():
    mask = ndimage.binary_opening(np.random.default_rng(1).random((60, 60)) < 0.55)
    labels, count = label_pieces(mask, 8)
    pieces = Pieces.of_slice(labels, count)
    eccentricity = pieces.eccentricity((1.0, 1.0))
    for region in regionprops(labels.astype(int)):
        assert pieces.area[region.label] == region.area
        assert eccentricity[region.label] == pytest.approx(region.eccentricity, abs=1e-6)


def test_eccentricity_counts_millimetres_not_samples():
    labels = np.ones((10, 20), dtype=np.uint32)
    pieces = Pieces.of_slice(labels, 1)
    assert pieces.eccentricity((2.0, 1.0))[1] < 0.15 < pieces.eccentricity((1.0, 1.0))[1]
