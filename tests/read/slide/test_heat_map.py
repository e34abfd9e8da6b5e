import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.read.slide.heat_map import heat_map_name, read_heat_maps
from lesionkit.write.pyramid import PyramidSettings, write_pyramid

CELLS = np.array([[0, 255], [51, 0], [0, 0]], np.uint8)
SHARES = np.array([[0, 1], [0.2, 0], [0, 0]], np.float32)


def png(path, array=CELLS, **texts):
    info = PngInfo()
    dpi = texts.pop("dpi", None)
    for name, text in texts.items():
        info.add_text(name, text)
    Image.fromarray(array).save(path, pnginfo=info, **({"dpi": dpi} if dpi else {}))


def ome(path, array, um, **more):
    tifffile.imwrite(path, array, ome=True, metadata={"PhysicalSizeX": um, "PhysicalSizeY": um, **more})


@pytest.mark.parametrize("um", [0.5, 32.0, 128.0])
def test_ome_tiff_says_its_size_however_large_its_cells_are(tmp_path, um):
    ome(tmp_path / "a.ome.tif", SHARES, um)
    ((name, found),) = read_heat_maps(tmp_path).items()
    assert (name, found.um) == ("a", pytest.approx((um, um)))
    np.testing.assert_allclose(found.array, SHARES)


def test_ome_tiff_in_other_units_and_with_axes_of_one(tmp_path):
    ome(tmp_path / "a.ome.tif", SHARES[None, None], 0.064, PhysicalSizeXUnit="mm", PhysicalSizeYUnit="mm", axes="ZCYX")
    found = read_heat_maps(tmp_path)["a"]
    assert (found.um, found.array.shape) == (pytest.approx((64, 64)), (3, 2))


def test_tiff_says_it_by_its_resolution_unless_that_is_72_dpi(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", CELLS, resolution=(100, 100), resolutionunit="CENTIMETER")
    assert read_heat_maps(tmp_path)["a"].um == pytest.approx((100, 100))
    tifffile.imwrite(tmp_path / "a.tif", CELLS, resolution=(72, 72), resolutionunit="INCH")
    with pytest.raises(LesionkitError, match=r"a\.tif: a heat map must say how many µm one of its cells covers"):
        read_heat_maps(tmp_path)


@pytest.mark.parametrize(("words", "um"), [({"um": "64"}, 64), ({"mpp": "7,5"}, 7.5), ({"dpi": (254, 254)}, 100)])
def test_png_says_it_in_words_or_by_its_resolution(tmp_path, words, um):
    png(tmp_path / "a.png", **words)
    assert read_heat_maps(tmp_path)["a"].um == pytest.approx((um, um), rel=1e-3)


@pytest.mark.parametrize("array", [CELLS, np.uint16(CELLS) * 257, np.stack([CELLS] * 3, axis=-1)])
def test_integers_are_shares_of_the_largest_and_grey_in_colours_is_grey(tmp_path, array):
    png(tmp_path / "a.png", array, um="64")
    np.testing.assert_allclose(read_heat_maps(tmp_path)["a"].array, SHARES, atol=1e-6)


def test_what_was_not_computed_is_no_number(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[-1, 0.5], [np.nan, 1]]))
    assert np.isnan(read_heat_maps(tmp_path / "a.npy", um=64)["a"].array).tolist() == [[True, False], [True, False]]


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.array([[0.0, 3.5]]), "must hold probabilities from 0 to 1, got 0 to 3.5; scale it first"),
        (np.array([[-0.5, 0.5]]), "must hold probabilities from 0 to 1, got -0.5 to 0.5"),
        (np.array([[1, 2]]), "must hold unsigned or floating point numbers, got int64"),
        (np.tile([0, 0.5, 1], (2, 2, 1)), r"must have one value per cell, got an array of shape \(2, 2, 3\)"),
    ],
)
def test_what_is_no_probability_is_refused(tmp_path, array, sentence):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(LesionkitError, match=sentence):
        read_heat_maps(tmp_path, um=64)


def test_files_that_cannot_be_maps_are_refused_by_name(tmp_path):
    with pytest.raises(LesionkitError, match="must be a folder of heat maps"):
        read_heat_maps(tmp_path)
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(LesionkitError, match=r"a\.png: a heat map must be a readable picture"):
        read_heat_maps(tmp_path)
    Image.fromarray(CELLS).convert("P").save(tmp_path / "a.png")
    with pytest.raises(LesionkitError, match="got a picture with a palette"):
        read_heat_maps(tmp_path)
    png(tmp_path / "a.png", um="much")
    with pytest.raises(LesionkitError, match="the text 'um' of a heat map must be µm per cell, got 'much'"):
        read_heat_maps(tmp_path)
    png(tmp_path / "a.png", um="99999")
    with pytest.raises(LesionkitError, match="a cell of a heat map must cover 0 to 2000 µm, got 99999"):
        read_heat_maps(tmp_path)
    (tmp_path / "a.png").unlink()
    (tmp_path / "a.tif").write_text("no tiff")
    with pytest.raises(LesionkitError, match=r"a\.tif: a heat map must be a readable TIFF"):
        read_heat_maps(tmp_path)
    (tmp_path / "a.tif").rename(tmp_path / "a.npy")
    with pytest.raises(LesionkitError, match="NumPy array without objects"):
        read_heat_maps(tmp_path)


def test_two_maps_of_a_slide_are_refused(tmp_path):
    for name in ("a.png", "a_heatmap.png"):
        png(tmp_path / name, um="64")
    with pytest.raises(LesionkitError, match=r"slide 'a' has two heat maps in .*, again a_heatmap\.png"):
        read_heat_maps(tmp_path)


def test_names_lose_what_programs_append():
    assert [heat_map_name(n) for n in ("x_001-attention.png", "x_prob.ome.tiff", "map.tif")] == ["x_001", "x", "map"]


def test_maps_of_our_own_search_are_read(tmp_path):
    grid = Grid.upright((30, 40), (0.064, 0.064), (0.032, 0.032))
    belief = np.zeros((30, 40), np.uint8)
    belief[5:9, 7:20] = 204
    write_pyramid(ArrayImage(grid, belief), tmp_path / "a.tif", PyramidSettings(kind="map"))
    found = read_heat_maps(tmp_path)["a"]
    assert found.um == pytest.approx((64, 64), rel=1e-4)
    np.testing.assert_allclose(found.array[:30, :40], belief / 255, atol=1e-6)


def test_a_tiff_that_claims_more_cells_than_memory_is_refused_before_they_are_read(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", SHARES)
    monkeypatch.setattr("lesionkit.read.slide.heat_map._MOST_BYTES", 23)
    with pytest.raises(
        LesionkitError, match=r"a\.tif: a heat map must have at most 0 GB of cells, got \(3, 2\) of float32"
    ):
        read_heat_maps(tmp_path)
