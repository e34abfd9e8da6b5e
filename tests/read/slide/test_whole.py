import os
import pickle
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile

from lesionkit.core.errors import LesionkitError
from lesionkit.core.image import read_padded
from lesionkit.read.slide.whole import SlideOptions, open_slide

DATA = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[3] / "../shared/data"))
CMU = DATA / "slide" / "CMU-1-Small-Region.svs"
needs_cmu = pytest.mark.skipif(not CMU.is_file(), reason="needs slide/CMU-1-Small-Region.svs")

ROWS, COLUMNS = 200, 300


def gradient(rows=ROWS, columns=COLUMNS):
    y, x = np.mgrid[:rows, :columns]
    return np.stack([y % 256, x % 256, (x + y) % 256], axis=2).astype(np.uint8)


def write_levels(path, levels, **options):
    """Lossless tiles of 64, pages from fine to coarse, 0.5 µm per pixel."""
    told = {"resolution": (20_000, 20_000), "resolutionunit": 3, "photometric": "rgb", **options}
    with tifffile.TiffWriter(path) as file:
        for number, level in enumerate(levels):
            file.write(level, tile=(64, 64), subfiletype=int(number > 0), compression="deflate", **told)
    return path


@pytest.fixture
def slide_file(tmp_path):
    fine = gradient()
    return write_levels(tmp_path / "slide.tif", [fine, fine[::2, ::2], fine[::4, ::4]])


@pytest.mark.parametrize("box", [np.s_[0:200, 0:300], np.s_[63:65, 63:65], np.s_[150:200, 250:300], np.s_[5:5, 0:3]])
def test_a_box_holds_the_pixels_of_the_file(slide_file, box):
    np.testing.assert_array_equal(open_slide(slide_file).read(box), gradient()[box])


def test_a_slide_is_an_image_in_mm_from_its_top_left_corner(slide_file):
    slide = open_slide(slide_file)
    assert slide.grid.shape == (ROWS, COLUMNS)
    assert slide.grid.spacing_mm == pytest.approx((0.0005, 0.0005))
    np.testing.assert_allclose(slide.grid.index_to_world([-0.5, -0.5]), [0, 0], atol=1e-12)
    np.testing.assert_allclose(slide.grid.index_to_world([10, 0]), [0.00025, 0.00525])
    assert slide.mpp_from == "TIFF resolution"
    assert slide.warnings == ()


def test_a_place_is_the_same_on_every_level(slide_file):
    slide = open_slide(slide_file)
    assert [level.downsample for level in slide.levels] == [1, 2, 4]
    for level in slide.levels:
        np.testing.assert_allclose(level.grid.index_to_world([-0.5, -0.5]), [0, 0], atol=1e-12)
        np.testing.assert_array_equal(level.read(level.grid.whole), gradient()[:: 2**level.level, :: 2**level.level])
    assert slide.at(2) is slide.levels[2]
    with pytest.raises(LesionkitError, match="has the levels 0 to 2, got 3"):
        slide.at(3)


def test_a_spacing_near_that_of_a_level_is_the_level_and_others_are_means_of_the_next_finer_one(slide_file):
    slide = open_slide(slide_file)
    assert slide.at_spacing(0.51) is slide.levels[0]
    assert slide.at_spacing(1.0) is slide.levels[1]
    three = slide.at_spacing(1.5)
    assert three.grid.spacing_mm == pytest.approx((0.0015, 0.0015))
    block = gradient()[30:33, 60:63].reshape(9, 3).mean(axis=0)
    np.testing.assert_allclose(three.read(np.s_[10:11, 20:21])[0, 0], block, atol=0.51)
    assert slide.at_spacing(40.0).grid.shape == (2, 3)
    with pytest.raises(LesionkitError, match=r"has 0\.5 µm per pixel at best, got 0.25 as wanted; ask for 0.5 or more"):
        slide.at_spacing(0.25)


@pytest.mark.parametrize("um", [1.5, 1.37, 0.81])
def test_a_scaled_slide_read_in_parts_is_the_same_as_read_at_once(slide_file, um):
    scaled = open_slide(slide_file).at_spacing(um)
    rows, columns = scaled.grid.shape
    whole = scaled.read(scaled.grid.whole)
    parts = [np.concatenate([scaled.read(np.s_[a:b, c:d]) for c, d in ((0, 31), (31, columns))], axis=1)
             for a, b in ((0, 7), (7, 50), (50, rows))]  # fmt: skip
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert abs(float(whole[..., 0].mean()) - gradient()[..., 0].mean()) < 2
    assert scaled.read(np.s_[3:3, 0:4]).shape == (0, 4, 3)


def test_an_overview_holds_the_whole_slide_in_few_pixels(slide_file):
    slide = open_slide(slide_file)
    small = slide.overview(max_px=1000)
    assert small.grid.shape[0] * small.grid.shape[1] <= 1000
    np.testing.assert_allclose(small.grid.size_mm, slide.grid.size_mm, rtol=0.1)
    assert slide.overview(max_px=10**9).grid == slide.grid
    assert slide.overview(min_spacing_um=2.0).grid == slide.levels[2].grid


def test_mpp_is_for_slides_that_do_not_say_and_an_override_for_all(slide_file, tmp_path):
    silent = write_levels(tmp_path / "silent.tif", [gradient()], resolution=(1, 1), resolutionunit=1)
    slide = open_slide(silent, SlideOptions(mpp=0.25))
    assert slide.grid.spacing_mm == (0.00025, 0.00025)
    assert slide.mpp_from == "option"
    said = open_slide(slide_file, SlideOptions(mpp=0.25))
    assert said.grid.spacing_mm == (0.0005, 0.0005)
    assert said.warnings == (
        "slide.tif says 0.5 µm per pixel itself (TIFF resolution), so --mpp 0.25 was not used for it; "
        "--mpp-override insists",
    )
    insisted = open_slide(slide_file, SlideOptions(mpp=2.0, mpp_override=0.25))
    assert (insisted.grid.spacing_mm, insisted.mpp_from, insisted.warnings) == ((0.00025, 0.00025), "option", ())


@pytest.mark.parametrize("samples", [gradient()[..., 0], np.concatenate([gradient(), gradient()[..., :1]], axis=2)])
def test_grey_becomes_rgb_and_a_fourth_channel_is_dropped(tmp_path, samples):
    kind = {"photometric": "minisblack"} if samples.ndim == 2 else {"extrasamples": ["unspecified"]}
    slide = open_slide(write_levels(tmp_path / "a.tif", [samples, samples[::2, ::2]], **kind))
    expected = np.stack([samples] * 3, axis=2) if samples.ndim == 2 else samples[..., :3]
    np.testing.assert_array_equal(slide.read(slide.grid.whole), expected)


@needs_cmu
def test_a_real_svs_reads_as_openslide_reads_it():
    slide = open_slide(CMU)
    assert slide.grid.shape == (2967, 2220)
    assert slide.grid.spacing_mm == pytest.approx((0.000499, 0.000499))
    assert slide.mpp_from == "vendor tag"
    assert slide.warnings == ("CMU-1-Small-Region.svs has one level only, of 2220 x 2967 pixels",)
    with openslide.OpenSlide(CMU) as other:
        seen = np.asarray(other.read_region((1900, 2500), 0, (320, 467)).convert("RGB"))
    np.testing.assert_array_equal(slide.read(np.s_[2500:2967, 1900:2220]), seen)


def _corner(slide):
    return slide.read(np.s_[0:70, 0:70])


def test_a_slide_can_be_pickled_and_forked_while_it_is_open(slide_file):
    slide = open_slide(slide_file)
    first = _corner(slide)
    assert len(pickle.dumps(slide)) < 10_000
    np.testing.assert_array_equal(_corner(pickle.loads(pickle.dumps(slide))), first)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(_corner(slide), first) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_broken_tile_is_white_and_counted_once_and_the_others_are_read(slide_file):
    with tifffile.TiffFile(slide_file) as file:
        start, length = file.pages[0].dataoffsets[1], file.pages[0].databytecounts[1]
    data = bytearray(slide_file.read_bytes())
    data[start : start + length] = bytes(length)
    slide_file.write_bytes(data)
    slide = open_slide(slide_file)
    for _ in range(2):
        seen = slide.read(slide.grid.whole)
    assert (seen[:64, 64:128] == 255).all()
    np.testing.assert_array_equal(seen[64:], gradient()[64:])
    assert slide.unreadable == 1


def test_a_truncated_slide_says_how_many_tiles_it_lost(tmp_path):
    path = write_levels(tmp_path / "slide.tif", [gradient()])
    with tifffile.TiffFile(path) as file:
        last = file.pages[0].dataoffsets[-1]
    path.write_bytes(path.read_bytes()[: last + 5])
    slide = open_slide(path)
    assert "1 of 20 tiles lie beyond the end of slide.tif and are read as white" in slide.warnings[0]
    assert (slide.read(slide.grid.whole)[192:, 256:] == 255).all()
    assert slide.unreadable == 1


def test_a_tile_without_data_is_white_and_not_an_error(slide_file):
    with tifffile.TiffFile(slide_file, mode="r+") as file:
        counts = list(file.pages[0].databytecounts)
        file.pages[0].tags["TileByteCounts"].overwrite([0, *counts[1:]])
    slide = open_slide(slide_file)
    assert (slide.read(np.s_[0:64, 0:64]) == 255).all()
    assert slide.unreadable == 0
    assert slide.warnings == ()


def break_tiles(path, numbers):
    with tifffile.TiffFile(path) as file:
        places = [(file.pages[0].dataoffsets[n], file.pages[0].databytecounts[n]) for n in numbers]
    data = bytearray(path.read_bytes())
    for start, length in places:
        data[start : start + length] = bytes(length)
    path.write_bytes(data)
    return path


def test_a_slide_of_which_nothing_could_be_read_is_refused_and_one_read_in_part_says_its_share(tmp_path):
    path = break_tiles(write_levels(tmp_path / "a.tif", [gradient()]), range(5))
    slide = open_slide(path)
    slide.refuse_unread()
    slide.read(slide.grid.whole)
    assert (slide.unreadable, slide.unreadable_share) == (5, 0.25)
    slide.refuse_unread()
    slide = open_slide(break_tiles(write_levels(tmp_path / "b.tif", [gradient(), gradient()[::2, ::2]]), range(20)))
    slide.levels[1].read(slide.levels[1].grid.whole)
    slide.refuse_unread()
    slide.read(slide.grid.whole)
    with pytest.raises(LesionkitError, match=r"none of the 20 tiles that were asked for at level 0 could be decoded"):
        slide.refuse_unread()


def refused(path, sentence, options=None):
    with pytest.raises(LesionkitError, match=sentence):
        open_slide(path, options)


def test_what_is_no_slide_is_refused_with_a_sentence(tmp_path, slide_file):
    refused(tmp_path / "none.svs", "must be a slide, but there is no such file")
    (tmp_path / "text.svs").write_text("not a slide")
    refused(tmp_path / "text.svs", "must be a whole TIFF, got TiffFileError .* was it truncated while copying")
    (tmp_path / "text.mrxs").write_text("not a slide")
    refused(tmp_path / "text.mrxs", r"must be a whole slide: tiled TIFF, SVS, or what OpenSlide reads \(mrxs, ndpi")
    (tmp_path / "short.tif").write_bytes(slide_file.read_bytes()[:3000])
    refused(tmp_path / "short.tif", "is truncated|must be a whole TIFF")
    tifffile.imwrite(tmp_path / "strips.tif", gradient(), photometric="rgb")
    refused(tmp_path / "strips.tif", "must be a whole slide")


def test_a_slide_whose_tiles_all_lie_beyond_its_end_or_are_all_empty_is_refused(tmp_path):
    path = write_levels(tmp_path / "a.tif", [gradient(64, 64)])
    with tifffile.TiffFile(path) as file:
        start = file.pages[0].dataoffsets[0]
    whole = path.read_bytes()
    path.write_bytes(whole[: start + 10])
    refused(path, "is truncated: all of its 1 tiles lie beyond its end; copy it again")
    path.write_bytes(whole)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags["TileByteCounts"].overwrite([0])
    refused(path, "must hold an image, but all of its 1 tiles are empty")


def test_a_slide_that_does_not_say_how_large_its_pixels_are_is_refused(tmp_path):
    path = write_levels(tmp_path / "a.tif", [gradient()], resolution=(72, 72), resolutionunit=2)
    refused(path, r"must say how large its pixels are, .*\(tiff.XResolution 72.0, tiff.ResolutionUnit 2\); give µm per")
    assert open_slide(path, SlideOptions(mpp=0.5)).mpp_from == "option"


def test_a_box_outside_is_refused_and_read_padded_reads_it(slide_file):
    slide = open_slide(slide_file)
    for image in (slide, slide.at_spacing(1.5)):
        with pytest.raises(LesionkitError, match=r"a box must lie inside the image of shape .* see read_padded"):
            image.read(np.s_[-5:20, 0:20])
    assert (read_padded(slide, (-2, -2), (4, 4), 255)[:2] == 255).all()
