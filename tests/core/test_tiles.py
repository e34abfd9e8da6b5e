import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.tiles import cover

sides = st.integers(1, 40)


def test_the_last_tile_ends_where_the_shape_ends():
    assert [(b[0].start, b[0].stop) for b in cover([10], [4])] == [(0, 4), (3, 7), (6, 10)]


def test_an_exact_fit_has_no_overlap():
    assert [b[0].start for b in cover([12], [4])] == [0, 4, 8]


def test_an_axis_shorter_than_its_tile_gets_one_box():
    assert cover([3, 8], [4, 4]) == [(slice(0, 3), slice(0, 4)), (slice(0, 3), slice(4, 8))]


@given(st.tuples(sides, sides), st.tuples(sides, sides))
def test_every_sample_is_covered_and_no_tile_sticks_out(shape, tile):
    seen = np.zeros(shape, dtype=int)
    for box in cover(shape, tile):
        assert all(0 <= b.start < b.stop <= n for b, n in zip(box, shape, strict=True))
        seen[box] += 1
    assert seen.min() >= 1


@given(sides, st.integers(2, 20), st.integers(0, 19))
def test_neighbours_share_at_least_the_overlap(size, side, overlap):
    overlap = min(overlap, side - 1)
    boxes = [b[0] for b in cover([size], [side], overlap)]
    assert all(a.stop - b.start >= overlap for a, b in itertools.pairwise(boxes))


def test_an_overlap_as_wide_as_the_tile_is_refused():
    with pytest.raises(LesionkitError, match="overlap must be at least 0 and less than the tile's side 4, got 4"):
        cover([10], [4], overlap=4)
