import time
from dataclasses import replace

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.outline import Outline
from lesionkit.core.stain import find_stains
from lesionkit.phantoms.slide.artefact import defocus, dust, folds, pen
from lesionkit.phantoms.slide.cells import stamps
from lesionkit.phantoms.slide.image import SlideImage
from lesionkit.phantoms.slide.kind import Kind
from lesionkit.phantoms.slide.noise import Raster
from lesionkit.phantoms.slide.tissue import map_tissue
from lesionkit.phantoms.slide.whole import OutlineImage, SlidePhantomSettings, make_slide, outline

SMALL = SlidePhantomSettings(size_mm=2.0, centre="A", pen_share=0.0)


def box(top, left, rows, columns):
    return slice(top, top + rows), slice(left, left + columns)


@pytest.fixture(scope="module")
def micro():
    return make_slide(3, SMALL, "micro")


def test_the_same_seed_makes_the_same_pixels_and_another_seed_others(micro):
    place = box(1500, 1500, 200, 200)
    again = make_slide(3, SMALL, "micro").image.read(place)
    np.testing.assert_array_equal(again, micro.image.read(place))
    assert (make_slide(4, SMALL, "micro").image.read(place) != again).any()


def test_a_box_reads_as_the_crop_of_a_larger_one_also_across_tiles(micro):
    large = micro.image.read(box(900, 700, 400, 600))
    fresh = SlideImage(micro.image.plan, 0.5)
    np.testing.assert_array_equal(fresh.read(box(1000, 1000, 77, 123)), large[100:177, 300:423])


@pytest.mark.parametrize("spacing_um", [0.5, 0.3, 1.0])
def test_tiles_of_any_size_fit_without_a_seam(micro, spacing_um):
    size = round(400 / spacing_um)
    place = box(round(700 / spacing_um), round(700 / spacing_um), size, size)
    coarse, fine = (SlideImage(micro.image.plan, spacing_um, tile).read(place) for tile in (1024, 200))
    assert np.abs(coarse.astype(int) - fine).max() <= 1


def test_a_huge_slide_costs_nothing_until_it_is_read():
    start = time.process_time()
    case = make_slide(1, SlidePhantomSettings(size_mm=50.0), "macro")
    assert time.process_time() - start < 5
    assert case.image.grid.shape == (100_000, 100_000)
    assert case.image.read(box(99_900, 99_900, 100, 100)).shape == (100, 100, 3)
    assert len(case.image.plan.pieces) == 16


def test_few_tiles_stay_in_memory(micro):
    image = SlideImage(replace(micro.image.plan, pieces=()), 0.5, 512)
    for row in range(8):
        for column in range(8):
            image.read(box(500 * row, 500 * column, 10, 10))
    assert sum(tile.nbytes for tile in image._tiles.values()) <= 48_000_000


def test_positions_count_from_the_corner_of_the_slide(micro):
    assert micro.image.grid.spacing_mm == (0.0005, 0.0005)
    assert micro.image.grid.origin_mm == (0.00025, 0.00025)
    lesion = micro.truth[0]
    assert lesion.kind == "metastasis"
    ring = np.array(lesion.facts["outline_px"]) * 0.0005
    assert (ring.min(axis=0) < lesion.centre_mm).all()
    assert (ring.max(axis=0) > lesion.centre_mm).all()


@pytest.mark.parametrize(("seed", "stage"), [(0, "negative"), (1, "itc"), (2, "micro"), (5, "macro")])
def test_stages_are_told_by_the_largest_extent(seed, stage):
    case = make_slide(seed, SlidePhantomSettings(), stage)
    largest = max((lesion.diameter_mm for lesion in case.truth), default=0)
    low, high = {"negative": (0, 0), "itc": (0.03, 0.2), "micro": (0.2, 2), "macro": (2, 3.5)}[stage]
    assert low <= largest <= high
    assert case.facts["stage"] == stage
    assert all(case.image.grid.contains(lesion.centre_mm) for lesion in case.truth)


def test_shares_of_stages_are_those_asked_for():
    cases = [make_slide(seed, SMALL.model_copy(update={"macro_share": 0.0})) for seed in range(60)]
    normal = sum(case.facts["stage"] == "negative" for case in cases)
    assert 12 <= normal <= 33
    assert all(make_slide(seed, SlidePhantomSettings(normal_share=1)).truth == () for seed in range(5))


def test_tumour_cells_lie_inside_the_outline_and_nowhere_else(micro):
    plan = micro.image.plan
    raster = Raster((0, 0), (1000, 1000), 2.0)
    tissue = map_tissue(plan, raster)
    inside = outline(micro).sampled(4)
    truth = np.zeros(raster.shape, dtype=bool)
    top, left = inside.corner
    truth[top : top + inside.mask.shape[0], left : left + inside.mask.shape[1]] = inside.mask
    tumour = np.isin(tissue.kind, (Kind.TUMOUR, Kind.SCATTERED))
    assert (tumour & ~truth).sum() == 0
    assert tumour.sum() > 0.3 * truth.sum()
    for stamp in stamps(plan, tissue, 0.5):
        if stamp.bank == "tumour":
            row, column = ((p + s) // 4 for p, s in ((stamp.row, 4), (stamp.column, 4)))
            assert truth[np.clip(row, 0, 999), np.clip(column, 0, 999)].mean() > 0.98


def test_the_region_of_tumour_is_read_by_the_box(micro):
    mask = micro.regions["tumour"]
    whole = mask.read(mask.grid.whole)
    np.testing.assert_array_equal(mask.read(box(900, 1100, 300, 500)), whole[900:1200, 1100:1600])
    assert whole.sum() * 0.0005**2 == pytest.approx(sum(area(lesion) for lesion in micro.truth), rel=0.01)


def area(lesion):
    """mm² of a polygon."""
    x, y = (np.array(lesion.facts["outline_px"]) * 0.0005).T
    return abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2


def test_a_mask_of_rings_is_inside_where_the_centre_of_a_pixel_is():
    grid = Grid.upright((3, 4), (1, 1))
    ring = np.array([[1, 0], [3, 0], [3, 2], [1, 2]], dtype=float)
    mask = OutlineImage(grid, Outline((ring,))).read(grid.whole)
    assert mask.astype(int).tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def test_a_healthy_slide_has_no_tumour_cells():
    case = make_slide(8, SMALL, "negative")
    tissue = map_tissue(case.image.plan, Raster((0, 0), (1000, 1000), 2.0))
    assert not np.isin(tissue.kind, (Kind.TUMOUR, Kind.SCATTERED)).any()
    assert {Kind.GLASS, Kind.LYMPH, Kind.STROMA, Kind.HISTIOCYTES} <= set(np.unique(tissue.kind).tolist())
    assert not case.regions["tumour"].read(case.image.grid.whole).any()


def test_centres_differ_in_stain_glass_and_compression():
    stains, glass, quality = [], [], []
    for centre in ("A", "B"):
        case = make_slide(6, SMALL.model_copy(update={"centre": centre}), "negative")
        stains.append(find_stains(case.image.read(box(1700, 1700, 500, 500))).vectors)
        glass.append(case.image.read(box(0, 0, 50, 50)).mean(axis=(0, 1)))
        quality.append(case.facts["jpeg_quality"])
    blue = [stain[0, 2] for stain in stains]
    assert blue[0] > blue[1] + 0.1
    assert glass[0].mean() > glass[1].mean() + 8
    assert glass[1][2] > glass[1][1]
    assert quality[0] > quality[1]


def test_mixed_centres_are_both():
    settings = SMALL.model_copy(update={"centre": "mixed"})
    assert {make_slide(seed, settings).facts["centre"] for seed in range(12)} == {"A", "B"}


def test_lymphoid_tissue_is_darker_than_stroma_and_glass_is_bright(micro):
    pixels = micro.image.read(micro.image.grid.whole)[2::4, 2::4].mean(axis=-1)
    kind = map_tissue(micro.image.plan, Raster((0, 0), pixels.shape, 2.0)).kind
    lymph, stroma, glass = (pixels[kind == k].mean() for k in (Kind.LYMPH, Kind.STROMA, Kind.GLASS))
    assert lymph < stroma < glass
    assert glass > 230


def test_artefacts_can_be_left_out_and_asked_for():
    raster = Raster((0, 0), (400, 400), 10.0)
    clean = make_slide(2, SlidePhantomSettings(artefacts=0, pen_share=0)).image.plan
    assert [field(clean, raster) for field in (folds, pen, dust, defocus)] == [None] * 4
    plans = [make_slide(n, SlidePhantomSettings(artefacts=3, pen_share=1)).image.plan for n in range(4)]
    for field in (folds, pen, dust, defocus):
        found = [values for values in (field(plan, raster) for plan in plans) if values is not None]
        assert found, field.__name__
        assert all(0 <= values.min() <= values.max() <= 1.3 for values in found)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"size_mm": 0.5}, "size_mm must be at least 1 for a lymph node to lie on the slide, got 0.5"),
        (
            {"itc_share": 0.7, "macro_share": 0.6},
            "itc_share and macro_share must be at most 1 together, got 0.7 and 0.6",
        ),
        ({"centre": "C"}, "setting 'centre': Input should be 'A', 'B' or 'mixed'"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        SlidePhantomSettings.parse(wrong)


def test_a_slide_too_small_for_its_metastasis_is_refused():
    with pytest.raises(LesionkitError, match=r"room for a macro metastasis of at least 2.1 mm, .* make size_mm larger"):
        make_slide(0, SlidePhantomSettings(size_mm=1.5), "macro")


def test_a_box_beyond_the_slide_is_refused(micro):
    with pytest.raises(LesionkitError, match=r"must lie within its \(4000, 4000\) pixels"):
        micro.image.read(box(3990, 0, 20, 20))
