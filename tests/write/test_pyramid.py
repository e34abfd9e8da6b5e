import numpy as np
import openslide
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.write.pyramid import PyramidSettings, PyramidWriter, write_pyramid

SMALL = PyramidSettings(tile=16, coarsest=32)


def as_image(array, um=0.5):
    return ArrayImage(Grid.upright(array.shape[:2], (um / 1000, um / 1000)), array)


def blocks(rows, columns, side=16, seed=0):
    """Constant colour in squares, which JPEG keeps nearly as they are."""
    colours = np.random.default_rng(seed).integers(0, 255, (-(-rows // side), -(-columns // side), 3))
    return np.kron(colours, np.ones((side, side, 1)))[:rows, :columns].astype(np.uint8)


def levels_of(path):
    with tifffile.TiffFile(path) as file:
        return [level.asarray() for level in file.series[0].levels]


@pytest.mark.parametrize("big", [False, True])
def test_openslide_and_tifffile_see_the_same_levels_pixels_and_mpp(tmp_path, big):
    slide = blocks(600, 900, side=32)
    path = write_pyramid(as_image(slide), tmp_path / "slide.tif", PyramidSettings(big=big, jpeg_quality=95))
    levels = levels_of(path)
    assert [level.shape for level in levels] == [(600, 900, 3), (300, 450, 3)]
    assert np.abs(levels[0].astype(int) - slide).mean() < 4
    with openslide.OpenSlide(path) as other:
        assert other.level_dimensions == ((900, 600), (450, 300))
        assert float(other.properties["openslide.mpp-x"]) == 0.5
        seen = np.asarray(other.read_region((0, 0), 0, (900, 600)).convert("RGB"))
    np.testing.assert_array_equal(seen, levels[0])
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff == big
        assert file.pages[1].is_reduced


def test_a_file_that_could_exceed_4_gb_gets_64_bit_offsets_and_costs_only_what_was_written(tmp_path):
    path = tmp_path / "huge.tif"
    with PyramidWriter(path, (40_000, 40_000), 0.25, PyramidSettings(tile=2048)) as pyramid:
        pyramid.write(3, 5, np.full((2048, 2048, 3), (200, 100, 150), np.uint8))
    assert path.stat().st_size < 1_000_000
    with openslide.OpenSlide(path) as slide:
        assert slide.level_dimensions[0] == (40_000, 40_000)
        inside, outside = (slide.read_region(at, 0, (1, 1)).getpixel((0, 0)) for at in ((11_000, 7000), (0, 0)))
    assert np.abs(np.array(inside[:3]) - (200, 100, 150)).max() <= 2
    assert outside == (255, 255, 255, 255)
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff


@pytest.mark.parametrize(("kind", "dtype"), [("map", np.uint8), ("probability", np.float32)])
def test_maps_come_back_exactly_and_coarser_levels_are_2_by_2_means(tmp_path, kind, dtype):
    values = np.zeros((64, 64), dtype)
    values[:2, :2] = [[0, 1], [1, 2]] if kind == "map" else [[0, 0.25], [0.25, 0.5]]
    path = write_pyramid(as_image(values), tmp_path / "map.tif", PyramidSettings(kind=kind, tile=16, coarsest=32))
    fine, coarse = levels_of(path)
    np.testing.assert_array_equal(fine, values)
    assert fine.dtype == dtype
    assert coarse.shape == (32, 32)
    assert coarse[0, 0] == (1 if kind == "map" else 0.25)
    assert coarse.sum() == coarse[0, 0]


@settings(max_examples=8, deadline=None)
@given(rows=st.integers(1, 60), columns=st.integers(1, 60), seed=st.integers(0, 99))
def test_the_order_of_tiles_does_not_matter_nor_how_many_wait_on_disk(tmp_path_factory, rows, columns, seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 255, (rows, columns), dtype=np.uint8)
    folder = tmp_path_factory.mktemp("p")
    given_settings = PyramidSettings(kind="map", tile=16, coarsest=8)
    in_order = levels_of(write_pyramid(as_image(values), folder / "a.tif", given_settings))
    np.testing.assert_array_equal(in_order[0], values)
    with PyramidWriter(folder / "b.tif", (rows, columns), 0.5, given_settings) as pyramid:
        for waiting in pyramid._waiting:
            waiting._room = 1
        tiles = [(i, j) for i in range(-(-rows // 16)) for j in range(-(-columns // 16))]
        for i, j in rng.permutation(tiles).tolist():
            pyramid.write(i, j, values[i * 16 : (i + 1) * 16, j * 16 : (j + 1) * 16])
    for one, other in zip(in_order, levels_of(folder / "b.tif"), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_odd_side_is_rounded_up_and_its_last_pixel_is_repeated(tmp_path):
    values = np.full((33, 33), 100, np.uint8)
    _, coarse = levels_of(write_pyramid(as_image(values), tmp_path / "m.tif", SMALL.model_copy(update={"kind": "map"})))
    assert coarse.shape == (17, 17)
    assert (coarse == 100).all()


def test_tiles_that_never_came_are_white_in_colour_and_0_in_maps(tmp_path):
    for kind, empty in (("colour", 255), ("map", 0)):
        path = tmp_path / f"{kind}.tif"
        with PyramidWriter(path, (40, 40), 1.0, SMALL.model_copy(update={"kind": kind})):
            pass
        assert all((level == empty).all() for level in levels_of(path))


def test_a_failure_leaves_no_file(tmp_path):
    def write_half():
        with PyramidWriter(tmp_path / "a.tif", (64, 64), 1.0, SMALL) as pyramid:
            pyramid.write(0, 0, np.zeros((16, 16, 3), np.uint8))
            raise RuntimeError("the network failed")

    with pytest.raises(RuntimeError, match="the network failed"):
        write_half()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("tile", "place", "sentence"),
    [
        (np.zeros((16, 16, 3), np.uint8), (4, 0), r"tile \(4, 0\) must lie in the 4 x 4 tiles"),
        (np.zeros((16, 16, 3), np.uint8), (0, 0), r"tile \(0, 0\) was written before; write each tile once"),
        (
            np.zeros((16, 15, 3), np.uint8),
            (1, 1),
            r"tile \(1, 1\) must have the shape \(16, 16, 3\), got \(16, 15, 3\)",
        ),
        (np.zeros((16, 16), np.uint8), (1, 1), r"must have the shape \(16, 16, 3\), got \(16, 16\)"),
        (np.zeros((16, 16, 3)), (1, 1), "tiles of kind 'colour' must be uint8, got float64"),
    ],
)
def test_wrong_tiles_are_refused_with_a_sentence(tmp_path, tile, place, sentence):
    with PyramidWriter(tmp_path / "a.tif", (64, 64), 1.0, SMALL) as pyramid:
        pyramid.write(0, 0, np.zeros((16, 16, 3), np.uint8))
        with pytest.raises(LesionkitError, match=sentence):
            pyramid.write(*place, tile)


def test_impossible_pyramids_are_refused_with_a_sentence(tmp_path):
    with pytest.raises(LesionkitError, match=r"ends in .tif or .tiff, got a\.png"):
        PyramidWriter(tmp_path / "a.png", (4, 4), 1.0)
    with pytest.raises(LesionkitError, match=r"at least one row and one column, got shape \(0, 4\)"):
        PyramidWriter(tmp_path / "a.tif", (0, 4), 1.0)
    with pytest.raises(LesionkitError, match="positive number of µm per pixel, got -1"):
        PyramidWriter(tmp_path / "a.tif", (4, 4), -1.0)
    volume = ArrayImage(Grid.upright((2, 2, 2), (1, 1, 1)), np.zeros((2, 2, 2)))
    with pytest.raises(LesionkitError, match="holds two axes"):
        write_pyramid(volume, tmp_path / "a.tif")
