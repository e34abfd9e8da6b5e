import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label, regionprops

from lesionkit.core.outline import Outline, SlideMask
from lesionkit.evaluate.camelyon16_regions import RegionSettings, find_regions, major_axes

DATA = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[2] / "../shared/data"))
POLYGONS = DATA / "slide" / "camelyon16_polygons"

# One sample is 10 um: growth reaches samples closer than 3.75, the limit of isolated tumour cells is 27.5 samples.
TEN_UM = RegionSettings(level_0_um=1.0, downsample=10.0)


def regions_of(mask, settings=TEN_UM):
    return find_regions(SlideMask(np.asarray(mask, dtype=bool), settings.downsample), settings)


def drawn(regions, shape):
    """The labels on the whole slide."""
    whole = np.zeros(shape, dtype=int)
    row, column = regions.corner
    rows, columns = regions.labels.shape
    whole[row : row + rows, column : column + columns] = regions.labels[: shape[0] - row, : shape[1] - column]
    return whole


def literal(mask, settings):
    """The organisers' script on the whole mask."""
    sample_um = settings.level_0_um * settings.downsample
    grown = ndimage.distance_transform_edt(~mask) < settings.growth_um / sample_um
    labels = label(ndimage.binary_fill_holes(grown), connectivity=2)
    is_itc = [region.axis_major_length < settings.itc_um / sample_um for region in regionprops(labels)]
    return labels, is_itc


def test_tumour_grows_by_samples_closer_than_the_growth():
    mask = np.zeros((21, 21))
    mask[10, 10] = 1
    grown = drawn(regions_of(mask), (21, 21)) > 0
    # 3 samples along an axis and (2, 3) apart are closer than 3.75, 4 and (3, 3) are not.
    assert grown[10, 13]
    assert grown[12, 13]
    assert not grown[10, 14]
    assert not grown[13, 13]


def test_pieces_that_touch_by_a_corner_are_one_region():
    mask = np.zeros((40, 40))
    mask[5:10, 5:10] = 1
    mask[10:15, 10:15] = 1
    assert len(regions_of(mask, RegionSettings(level_0_um=1.0, downsample=10.0, growth_um=0.1)).is_itc) == 1


def test_nests_within_twice_the_growth_are_one_region_and_farther_ones_are_not():
    for gap, expected in ((6, 1), (7, 2)):
        mask = np.zeros((30, 60))
        mask[10:20, 10:20] = 1
        mask[10:20, 20 + gap : 30 + gap] = 1
        assert len(regions_of(mask).is_itc) == expected


def test_holes_are_filled():
    mask = np.ones((40, 40))
    mask[12:28, 12:28] = 0
    assert (drawn(regions_of(mask), (40, 40)) == 1).all()


def test_short_regions_are_isolated_tumour_cells():
    # A disc of 20 samples across grows to 27, one of 22 to 29: the limit is 27.5.
    row, column = np.mgrid[:101, :101] - 50
    for radius, is_itc in ((9, True), (12, False)):
        assert regions_of(np.hypot(row, column) <= radius).is_itc.tolist() == [is_itc]


def test_regions_at_the_edges_of_a_slide_are_those_of_the_whole_mask():
    rng = np.random.default_rng(3)
    for _ in range(20):
        mask = ndimage.binary_dilation(rng.random((50, 70)) < 0.003, iterations=3)
        if not mask.any():
            continue
        expected, is_itc = literal(mask, TEN_UM)
        regions = find_regions(SlideMask(mask, 10.0, size_xy=(700, 500)), TEN_UM)
        np.testing.assert_array_equal(drawn(regions, mask.shape) > 0, expected > 0)
        assert regions.is_itc.tolist() == is_itc


def test_major_axes_are_those_of_scikit_image():
    labels, _ = ndimage.label(ndimage.gaussian_filter(np.random.default_rng(0).random((80, 80)), 2) > 0.52)
    np.testing.assert_allclose(major_axes(labels), [region.axis_major_length for region in regionprops(labels)])


def test_a_position_is_looked_up_in_the_sample_that_holds_it():
    mask = np.zeros((60, 90))
    mask[20:40, 50:80] = 1
    regions = regions_of(mask, RegionSettings(level_0_um=1.0, downsample=10.0, growth_um=0.1))
    positions = [(500, 200), (799.9, 399.9), (499.9, 200), (800, 200), (500, 400), (1e6, 1e6)]
    assert regions.at(np.array(positions)).tolist() == [1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("tumour", [None, Outline(), SlideMask(np.zeros((5, 5), dtype=bool), 32)])
def test_a_healthy_slide_has_no_regions(tumour):
    regions = find_regions(tumour, RegionSettings())
    assert not regions.has_tumour
    assert regions.at(np.array([[10.0, 10.0]])).tolist() == [0]


@pytest.mark.skipif(not POLYGONS.is_dir(), reason="needs the CAMELYON16 polygons of LESIONKIT_DATA")
@pytest.mark.parametrize("slide", ["081", "083", "091", "093", "098", "107"])
def test_regions_of_real_outlines_are_those_of_the_script_on_the_whole_mask(slide):
    held = json.loads((POLYGONS / f"Tumor_{slide}.json").read_text(encoding="utf-8"))
    rings, holes = ([ring["vertices"] for ring in held[kind]] for kind in ("positive", "negative"))
    outline = Outline(rings, holes)
    sampled = outline.sampled(32)
    whole = np.pad(sampled.mask, 20)
    expected, is_itc = literal(whole, RegionSettings())
    regions = find_regions(outline, RegionSettings())
    assert regions.is_itc.tolist() == is_itc
    assert (regions.labels > 0).sum() == (expected > 0).sum()


def test_a_mark_beyond_all_whole_numbers_lies_in_no_region():
    regions = regions_of(np.pad(np.ones((4, 4)), 8))
    inside = (regions.corner[1] + regions.labels.shape[1] / 2) * 10.0
    assert regions.at(np.array([[inside, inside], [1e30, inside], [inside, -1e30]])).tolist() == [1, 0, 0]
