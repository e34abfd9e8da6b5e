import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import fill_ring
from lesionkit.core.trace import trace

MAPS = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 2))


def drawn(polygons, shape):
    result = np.zeros(shape, dtype=int)
    for polygon in polygons:
        inside = fill_ring(polygon.ring, shape)
        for hole in polygon.holes:
            inside &= ~fill_ring(hole, shape)
        result[inside] = polygon.label
    return result


def area(ring):
    x, y = ring.T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def test_a_sample_becomes_its_square_clockwise_from_the_top_left():
    (polygon,) = trace(np.array([[False, False], [False, True]]))
    assert polygon.ring.tolist() == [[1, 1], [2, 1], [2, 2], [1, 2]]
    assert (polygon.holes, polygon.label) == ((), 1)


def test_a_hole_runs_the_other_way():
    mask = np.ones((3, 3), bool)
    mask[1, 1] = False
    (polygon,) = trace(mask)
    assert polygon.ring.tolist() == [[0, 0], [3, 0], [3, 3], [0, 3]]
    assert [hole.tolist() for hole in polygon.holes] == [[[1, 1], [1, 2], [2, 2], [2, 1]]]
    assert (area(polygon.ring), area(polygon.holes[0])) == (9, -1)


def test_samples_that_meet_at_a_corner_are_two_regions():
    assert len(trace(np.eye(2, dtype=bool))) == 2


def test_holes_that_meet_at_a_corner_are_two_holes():
    mask = np.ones((4, 4), bool)
    mask[1, 1] = mask[2, 2] = False
    assert len(trace(mask)[0].holes) == 2


@given(MAPS)
def test_filling_the_polygons_gives_the_map_back(label_map):
    np.testing.assert_array_equal(drawn(trace(label_map), label_map.shape), label_map)


@given(MAPS)
def test_there_is_one_polygon_per_connected_region_and_its_area_is_the_regions(label_map):
    polygons = trace(label_map)
    for label in (1, 2):
        found, count = ndimage.label(label_map == label)
        areas = sorted(np.bincount(found.ravel())[1:].tolist())
        mine = [p for p in polygons if p.label == label]
        assert sorted(area(p.ring) + sum(map(area, p.holes)) for p in mine) == areas
        assert len(mine) == count


@given(MAPS)
def test_no_ring_passes_a_corner_twice_or_has_a_vertex_on_a_straight_line(label_map):
    for polygon in trace(label_map):
        for ring in (polygon.ring, *polygon.holes):
            assert len({tuple(v) for v in ring.tolist()}) == len(ring)
            steps = np.sign(np.roll(ring, -1, axis=0) - ring)
            assert (np.abs(steps).sum(axis=1) == 1).all()
            assert (steps != np.roll(steps, 1, axis=0)).any(axis=1).all()


def test_scaled_polygons_lie_in_finer_pixels():
    mask = np.ones((3, 3), bool)
    mask[1, 1] = False
    scaled = trace(mask)[0].scaled(16, (100, 200))
    assert scaled.ring.tolist() == [[100, 200], [148, 200], [148, 248], [100, 248]]
    assert scaled.holes[0][0].tolist() == [116, 216]


def test_an_empty_map_has_no_polygon():
    assert trace(np.zeros((3, 4), int)) == []


@pytest.mark.parametrize("wrong", [np.zeros((2, 2)), np.zeros(3, int)])
def test_what_is_no_label_map_is_refused(wrong):
    with pytest.raises(LesionkitError, match="a label map has rows, columns and whole numbers, got"):
        trace(wrong)
