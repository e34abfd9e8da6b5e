from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from lesionkit.core.errors import LesionkitError
from lesionkit.read.slide.pages import tile_grid
from lesionkit.read.slide.whole import open_slide

TILES = {"tile": (64, 64), "compression": "deflate", "resolution": (20_000, 20_000), "resolutionunit": 3}


def tissue(rows=200, columns=300):
    y, x = np.mgrid[:rows, :columns]
    return np.stack([y % 256, x % 256, (x + y) % 256], axis=2).astype(np.uint8)


def write(path, *images, ome=True):
    """(samples, words of `TiffWriter.write`) each."""
    with tifffile.TiffWriter(path, ome=ome) as file:
        for samples, words in images:
            file.write(samples, **{**TILES, **words})
    return path


def channels(names=None, colours=None, order=(0, 1, 2)):
    """Three pages of one channel each, and what OME says of them."""
    told = {"axes": "CYX", "Channel": {}}
    if names:
        told["Channel"]["Name"] = names
    if colours:
        told["Channel"]["Color"] = colours
    return np.moveaxis(tissue()[..., list(order)], 2, 0), {"photometric": "minisblack", "metadata": told}


def as_colour(rgb):
    """OME's signed number of a colour."""
    number = rgb << 8 | 0xFF
    return number - (1 << 32) if number >= 1 << 31 else number


@pytest.mark.parametrize(
    ("words", "order"),
    [
        ({}, (0, 1, 2)),
        ({"names": ["Red", "Green", "Blue"]}, (0, 1, 2)),
        ({"names": ["B", "G", "R"]}, (2, 1, 0)),
        ({"colours": [as_colour(0x00FF00), as_colour(0xFF0000), as_colour(0x0000FF)]}, (1, 0, 2)),
    ],
)
def test_three_pages_of_one_channel_are_red_green_and_blue(tmp_path, words, order):
    slide = open_slide(write(tmp_path / "a.ome.tif", channels(**words, order=order)))
    np.testing.assert_array_equal(slide.read(slide.grid.whole), tissue())
    assert "the three channels of a.ome.tif are pages of their own" in slide.warnings[0]


def test_channels_of_every_level_are_read(tmp_path):
    planes = np.moveaxis(tissue(), 2, 0)
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(planes, photometric="minisblack", subifds=1, metadata={"axes": "CYX"}, **TILES)
        file.write(planes[:, ::2, ::2], photometric="minisblack", subfiletype=1, **TILES)
    slide = open_slide(path)
    assert [level.grid.shape for level in slide.levels] == [(200, 300), (100, 150)]
    np.testing.assert_array_equal(slide.levels[1].read(slide.levels[1].grid.whole), tissue()[::2, ::2])


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (channels(names=["DAPI", "CD3", "CD8"]), r"red, green and blue, got 3 channels \(DAPI, CD3, CD8\); fluor"),
        ((np.zeros((2, 64, 64), np.uint8), {"metadata": {"axes": "CYX"}}), "red, green and blue, got 2 channels"),
        ((np.stack([tissue()] * 2), {"metadata": {"axes": "ZYXS"}}), "one picture of a slide, got 2 focal planes"),
        ((np.stack([tissue()] * 4), {"metadata": {"axes": "TYXS"}}), "one picture of a slide, got 4 times"),
    ],
)
def test_focal_planes_times_and_other_channels_are_refused(tmp_path, image, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        open_slide(write(tmp_path / "a.ome.tif", image))


def test_pages_of_one_size_in_a_plain_tiff_are_refused(tmp_path):
    path = write(tmp_path / "a.tif", (np.stack([tissue()] * 2), {"photometric": "rgb"}), ome=False)
    with pytest.raises(LesionkitError, match="one picture of a slide, got 2 pages of one size"):
        open_slide(path)


def test_two_slides_in_one_file_are_refused_and_labels_and_overviews_passed_over(tmp_path):
    slide, other = (tissue(), {"photometric": "rgb"}), (tissue(260, 200), {"photometric": "rgb"})
    with pytest.raises(LesionkitError, match="must hold one slide, but holds 2 images, the first of 300 x 200 and an"):
        open_slide(write(tmp_path / "two.ome.tif", slide, other))
    label = (tissue(260, 200), {"photometric": "rgb", "metadata": {"Name": "label image"}})
    assert open_slide(write(tmp_path / "label.ome.tif", label, slide)).grid.shape == (200, 300)
    small = (tissue(64, 50), {"photometric": "rgb"})
    assert open_slide(write(tmp_path / "small.ome.tif", small, slide)).grid.shape == (200, 300)


def test_the_pixel_size_of_ome_is_that_of_the_image_that_is_read(tmp_path):
    told = {"PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.00025, "PhysicalSizeYUnit": "mm"}
    words = {"photometric": "rgb", "metadata": told, "resolution": (1, 1), "resolutionunit": 1}
    label = {**words, "metadata": {"Name": "label", "PhysicalSizeX": 9.0, "PhysicalSizeY": 9.0}}
    slide = open_slide(write(tmp_path / "a.ome.tif", (tissue(90, 90), label), (tissue(), words)))
    assert slide.grid.spacing_mm == pytest.approx((0.00025, 0.00025))
    assert slide.mpp_from == "OME"


def test_samples_with_a_point_are_refused(tmp_path):
    with pytest.raises(LesionkitError, match="must have samples of 8 bits, got float32; export it as 8-bit RGB"):
        open_slide(write(tmp_path / "a.tif", (tissue().astype(np.float32), {"photometric": "rgb"}), ome=False))


def test_luminance_and_differences_are_converted_whatever_compresses_them(tmp_path):
    samples = np.full((64, 64, 3), (152, 143, 149), np.uint8)
    words = {"photometric": "ycbcr", "subsampling": (1, 1)}
    slide = open_slide(write(tmp_path / "a.tif", (samples, words), ome=False))
    np.testing.assert_allclose(slide.read(slide.grid.whole)[0, 0], [182, 132, 179], atol=1)


def test_a_slide_of_16_bits_that_uses_the_lower_ones_is_refused_for_it_would_be_black(tmp_path):
    words = {"photometric": "rgb"}
    full = write(tmp_path / "full.tif", (tissue().astype(np.uint16) * 257, words), ome=False)
    np.testing.assert_array_equal(open_slide(full).read(np.s_[0:200, 0:300]), tissue())
    dark = write(tmp_path / "dark.tif", (tissue().astype(np.uint16), words), ome=False)
    with pytest.raises(LesionkitError, match="must use all of its 16 bits, but its samples reach 255 of 65535"):
        open_slide(dark)


def page(**tags):
    usual = {"imagelength": 300, "imagewidth": 500, "tilelength": 256, "tilewidth": 256}
    return SimpleNamespace(**usual | {"dataoffsets": (8,) * 4, "databytecounts": (9,) * 4} | tags)


def test_tiles_cover_a_page_and_reach_beyond_it():
    assert tile_grid(page()) == (2, 2)


@pytest.mark.parametrize(
    "tags",
    [{"tilewidth": 0}, {"imagelength": (3, 4)}, {"dataoffsets": (8,)}, {"databytecounts": (9,) * 5}],
)
def test_tags_that_cannot_be_are_no_page(tags):
    with pytest.raises(ValueError, match=r"must have a size|places of tiles"):
        tile_grid(page(**tags))


def test_a_jpeg_tile_that_is_cut_off_is_unreadable_instead_of_half_grey(tmp_path):
    words = {"photometric": "rgb", "compression": "jpeg"}
    path = write(tmp_path / "a.tif", (tissue(), words), ome=False)
    with tifffile.TiffFile(path) as file:
        start, length = file.pages[0].dataoffsets[1], file.pages[0].databytecounts[1]
    data = bytearray(path.read_bytes())
    data[start + length // 2 : start + length] = bytes(length - length // 2)
    path.write_bytes(data)
    slide = open_slide(path)
    assert (slide.read(slide.grid.whole)[:64, 64:128] == 255).all()
    assert slide.unreadable == 1
