import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from lesionkit.core.grid import Grid
from lesionkit.core.outline import fill_ring
from lesionkit.infer.marks import PeakSettings, RegionMarkSettings, peaks, regions
from lesionkit.infer.probability_map import ProbabilityMap

CELL_MM = 0.02
SMALL = arrays.arrays(np.float32, (6, 8), elements=st.floats(0, 1, width=32))


def map_of(array: np.ndarray, computed: np.ndarray | None = None) -> ProbabilityMap:
    grid = Grid.upright(array.shape, (CELL_MM, CELL_MM), (CELL_MM / 2, CELL_MM / 2))
    return ProbabilityMap(grid, array, np.ones(array.shape, dtype=bool) if computed is None else computed)


def cell(row: int, column: int) -> tuple[float, float]:
    return pytest.approx(((column + 0.5) * CELL_MM, (row + 0.5) * CELL_MM))  # type: ignore[return-value]


def test_peaks_are_places_in_millimetres_the_strongest_first() -> None:
    array = np.zeros((20, 30))
    array[4, 5], array[15, 25], array[2, 28] = 0.7, 0.9, 0.2
    found = peaks(map_of(array), PeakSettings(threshold=0.3, radius_um=100))
    assert [mark.score for mark in found] == [0.9, 0.7]
    assert [mark.centre_mm for mark in found] == [cell(15, 25), cell(4, 5)]


def test_a_weaker_peak_within_the_radius_is_left_out_and_one_at_the_radius_is_kept() -> None:
    array = np.zeros((1, 30))
    array[0, [5, 9, 10]] = 0.9, 0.6, 0.0
    array[0, 20] = 0.5
    assert len(peaks(map_of(array), PeakSettings(radius_um=81))) == 2
    assert len(peaks(map_of(array), PeakSettings(radius_um=80))) == 3


def test_the_shoulder_of_a_peak_is_no_mark_of_its_own() -> None:
    rows, columns = np.indices((60, 60))
    hill = np.exp(-((rows - 30) ** 2 + (columns - 30) ** 2) / 400)
    assert len(peaks(map_of(hill), PeakSettings(threshold=0.1, radius_um=40))) == 1


def test_a_saturated_lesion_is_marked_inside_and_not_at_its_rim() -> None:
    array = np.zeros((41, 41), dtype=np.float16)
    array[10:31, 10:31] = 1
    first = peaks(map_of(array), PeakSettings(radius_um=400))[0]
    row, column = map_of(array).grid.world_to_index(first.centre_mm).round().astype(int)
    assert 14 <= row <= 26
    assert 14 <= column <= 26


def test_smoothing_takes_a_single_wrong_cell_below_a_lesion() -> None:
    array = np.zeros((40, 40))
    array[5, 5] = 1.0
    array[20:30, 20:30] = 0.8
    assert peaks(map_of(array), PeakSettings())[0].score == 1.0
    smooth = peaks(map_of(array), PeakSettings(smoothing_um=30, threshold=0.3))
    assert len(smooth) == 1
    assert smooth[0].score == pytest.approx(0.8, abs=0.05)


def test_glass_beside_a_lesion_does_not_take_it_down_when_smoothed() -> None:
    computed = np.zeros((20, 20), dtype=bool)
    computed[:, :10] = True
    found = peaks(map_of(np.full((20, 20), 0.7), computed), PeakSettings(smoothing_um=60))
    assert found[0].score == pytest.approx(0.7, abs=1e-4)


def test_nothing_outside_the_analysed_tissue_is_marked() -> None:
    array, computed = np.full((5, 5), 0.9), np.zeros((5, 5), dtype=bool)
    assert peaks(map_of(array, computed)) == []
    assert regions(map_of(array, computed)) == []


def test_the_strongest_are_kept_where_there_are_too_many() -> None:
    array = np.zeros((3, 40))
    array[1, ::4] = np.linspace(0.4, 0.9, 10)
    found = peaks(map_of(array), PeakSettings(radius_um=20, limit=3))
    assert [mark.score for mark in found] == pytest.approx([0.9, 0.844444, 0.788889], abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(SMALL, st.floats(0, 150))
def test_no_two_marks_are_closer_than_the_radius(array: np.ndarray, radius_um: float) -> None:
    found = peaks(map_of(array), PeakSettings(threshold=0.2, radius_um=radius_um))
    places = np.array([mark.centre_mm for mark in found]).reshape(-1, 2)
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    assert (apart[~np.eye(len(places), dtype=bool)] >= radius_um / 1000 - 1e-9).all()


@settings(max_examples=25, deadline=None)
@given(SMALL)
def test_the_highest_cell_is_always_marked(array: np.ndarray) -> None:
    found = peaks(map_of(array), PeakSettings(threshold=0.0))
    assert found[0].score == pytest.approx(float(array.max()), abs=1e-6)


def test_a_region_tells_its_area_its_scores_and_its_length() -> None:
    array = np.zeros((20, 30))
    array[5:7, 10:20] = 0.6
    array[5, 12] = 0.9
    (found,) = regions(map_of(array))
    assert found.area_mm2 == pytest.approx(20 * CELL_MM**2)
    assert found.max_score == 0.9
    assert found.mean_score == pytest.approx(0.615)
    # A bar of a by b has the major axis 4 a / sqrt(12).
    assert found.length_mm == pytest.approx(4 * 0.2 / np.sqrt(12))
    assert found.polygon_mm.ring == pytest.approx(np.array([[0.2, 0.1], [0.4, 0.1], [0.4, 0.14], [0.2, 0.14]]))


def test_a_region_is_a_mark_at_its_centre_with_its_highest_score() -> None:
    array = np.zeros((9, 9))
    array[2:7, 1:6] = 0.8
    mark = regions(map_of(array))[0].candidate
    assert mark.centre_mm == cell(4, 3)
    assert mark.score == 0.8
    assert mark.diameter_mm == pytest.approx(4 * 0.1 / np.sqrt(12))


def test_the_centre_of_a_ring_lies_on_the_ring() -> None:
    array = np.zeros((15, 15))
    array[2:13, 2:13] = 0.9
    array[4:11, 4:11] = 0.0
    (found,) = regions(map_of(array))
    row, column = map_of(array).grid.world_to_index(found.centre_mm).round().astype(int)
    assert array[row, column] > 0
    assert len(found.polygon_mm.holes) == 1


def test_small_regions_are_dropped_and_the_strongest_comes_first() -> None:
    array = np.zeros((20, 20))
    array[1, 1], array[5:8, 5:8], array[12:18, 12:18] = 0.99, 0.9, 0.7
    found = regions(map_of(array), RegionMarkSettings(min_area_mm2=4 * CELL_MM**2))
    assert [region.max_score for region in found] == [0.9, 0.7]
    assert len(regions(map_of(array), RegionMarkSettings(limit=1))) == 1


def test_nests_closer_than_the_bridge_are_one_region() -> None:
    array = np.zeros((12, 30))
    array[2:10, 2:10] = array[2:10, 12:20] = 0.9
    assert len(regions(map_of(array))) == 2
    assert len(regions(map_of(array), RegionMarkSettings(bridge_um=75))) == 1
    assert len(regions(map_of(np.zeros((5, 5))), RegionMarkSettings(bridge_um=75))) == 0


@settings(max_examples=25, deadline=None)
@given(SMALL, st.sampled_from([0.0, 45.0]))
def test_polygons_hold_the_cells_above_the_threshold_and_no_others(array: np.ndarray, bridge_um: float) -> None:
    found = map_of(array)
    filled = np.zeros(array.shape, dtype=int)
    for region in regions(found, RegionMarkSettings(bridge_um=bridge_um)):
        filled += fill_ring(region.polygon_mm.ring / CELL_MM, array.shape)
        for hole in region.polygon_mm.holes:
            filled -= fill_ring(hole / CELL_MM, array.shape)
    assert (filled[array > 0.5] == 1).all()
    if not bridge_um:
        assert (filled == (array > 0.5)).all()


@settings(max_examples=25, deadline=None)
@given(SMALL)
def test_areas_add_up_and_centres_lie_inside(array: np.ndarray) -> None:
    found = map_of(array)
    cut = regions(found)
    assert sum(region.area_mm2 for region in cut) == pytest.approx((array > 0.5).sum() * CELL_MM**2)
    for region in cut:
        row, column = found.grid.world_to_index(region.centre_mm).round().astype(int)
        assert array[row, column] > 0.5
        assert region.mean_score <= region.max_score


@settings(max_examples=25, deadline=None)
@given(SMALL.map(lambda array: np.round(array * 4) / 4), st.integers(1, 6))
def test_a_limit_keeps_exactly_the_strongest_regions(array: np.ndarray, limit: int) -> None:
    """As though each were cut out before they are compared: by score, then area, then first cell."""
    labels, count = ndimage.label(array > 0.4)
    rank = sorted((-array[labels == number].max(), -(labels == number).sum(), number) for number in range(1, count + 1))
    cut = regions(map_of(array), RegionMarkSettings(threshold=0.4, limit=limit))
    assert [region.max_score for region in cut] == [-score for score, _, _ in rank[:limit]]
    for region, (_, _, number) in zip(cut, rank, strict=False):
        filled = fill_ring(region.polygon_mm.ring / CELL_MM, array.shape).astype(int)
        for hole in region.polygon_mm.holes:
            filled -= fill_ring(hole / CELL_MM, array.shape)
        assert (filled == (labels == number)).all()
        assert region.mean_score == pytest.approx(array[labels == number].mean(), abs=1e-6)


@pytest.mark.parametrize(("levels", "limit"), [(1, 40), (1, 10_000), (30, 10_000), (10**6, 10_000)])
def test_peaks_are_those_of_walking_through_all_cells_one_by_one(levels: int, limit: int) -> None:
    array = (np.ceil(np.random.default_rng(0).uniform(size=(140, 140)) * levels) / levels).astype(np.float32)
    around = ndimage.uniform_filter(array, 5, mode="constant")  # half the radius to each side
    is_peak = (array >= 0.3) & (array == ndimage.maximum_filter(array, 3))
    order = sorted(np.argwhere(is_peak).tolist(), key=lambda c: (-array[tuple(c)], -around[tuple(c)]))
    kept = np.empty((0, 2))
    for place in order:
        if len(kept) < limit and (np.square(kept - place).sum(axis=1) >= 9).all():
            kept = np.vstack([kept, place])
    found = map_of(array)
    marks = peaks(found, PeakSettings(radius_um=60, limit=limit))
    assert found.grid.world_to_index([mark.centre_mm for mark in marks]).round().tolist() == kept.tolist()


def test_a_gap_outside_the_analysed_tissue_is_not_bridged() -> None:
    array = np.zeros((5, 9))
    array[1:4, [1, 2, 3, 5, 6, 7]] = 0.9
    glass = np.ones(array.shape, dtype=bool)
    glass[:, 4] = False
    assert len(regions(map_of(array), RegionMarkSettings(bridge_um=75))) == 1
    apart = regions(map_of(array, glass), RegionMarkSettings(bridge_um=75))
    assert [region.area_mm2 for region in apart] == [pytest.approx(9 * CELL_MM**2)] * 2
