import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image as Picture

from lesionkit.core.errors import LesionkitError
from lesionkit.read.slide import openslide as slide_openslide
from lesionkit.read.slide.openslide import open_with_openslide
from lesionkit.read.slide.whole import open_slide


class ScannedSlide:
    """A slide as OpenSlide shows it: bounds, transparent where nothing was scanned, and a broken place."""

    dimensions = (1000, 800)
    level_dimensions = ((1000, 800), (500, 400))
    level_downsamples = (1.0, 2.0004)
    properties = {  # noqa: RUF012
        "openslide.mpp-x": "0.25",
        "openslide.mpp-y": "0.25",
        "openslide.bounds-x": "100",
        "openslide.bounds-y": "200",
        "openslide.bounds-width": "601",
        "openslide.bounds-height": "500",
        "openslide.background-color": "F0F0F0",
    }
    broken = None

    def __init__(self, path):
        self.failed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def read_region(self, corner, level, size):
        step = 2**level
        x, y = (np.arange(n) * step + start for n, start in zip(size, corner, strict=True))
        if self.failed or (self.broken and any(a in x and b in y for a, b in [self.broken])):
            self.failed = True
            raise openslide.OpenSlideError("cannot decode")
        rgba = np.zeros((size[1], size[0], 4), np.uint8)
        rgba[..., 0] = (x % 256)[None]
        rgba[..., 1] = (y % 256)[:, None]
        rgba[..., 3] = np.where(x >= 650, 0, 255)[None]
        return Picture.fromarray(rgba)


@pytest.fixture
def scanned(tmp_path, monkeypatch):
    monkeypatch.setattr(slide_openslide.openslide, "OpenSlide", ScannedSlide)
    monkeypatch.setattr("lesionkit.read.slide.whole.vendor_of", lambda path: "mirax")
    path = tmp_path / "a.mrxs"
    path.touch()
    return path


def test_positions_count_from_the_bounds(scanned):
    slide = open_slide(scanned)
    assert slide.origin_xy == (100, 200)
    assert [level.grid.shape for level in slide.levels] == [(500, 601), (250, 301)]
    assert slide.read(np.s_[3:4, 7:8])[0, 0].tolist() == [107, 203, 0]
    assert slide.levels[1].read(np.s_[3:4, 7:8])[0, 0].tolist() == [114, 206, 0]


def test_without_the_crop_they_count_from_the_corner_of_the_file(scanned):
    from lesionkit.read.slide.whole import SlideOptions

    slide = open_slide(scanned, SlideOptions(crop_to_bounds=False))
    assert slide.origin_xy == (0, 0)
    assert slide.grid.shape == (800, 1000)
    assert slide.read(np.s_[3:4, 7:8])[0, 0].tolist() == [7, 3, 0]


def test_what_the_scanner_did_not_see_has_the_colour_of_the_background(scanned):
    assert open_slide(scanned).read(np.s_[0:1, 549:551]).tolist() == [[[649 % 256, 200, 0], [240, 240, 240]]]


def test_a_broken_place_costs_no_more_than_a_small_part_around_it(scanned, monkeypatch):
    monkeypatch.setattr(ScannedSlide, "broken", (400, 400))
    slide = open_slide(scanned)
    seen = slide.read(slide.grid.whole)
    white = (seen == 255).all(axis=2)
    assert white[200, 300]
    assert 0 < white.sum() <= 256 * 256
    assert slide.unreadable == 1
    slide.read(slide.grid.whole)
    assert slide.unreadable == 1


def test_tiles_of_usual_size_are_those_of_the_file_and_others_512(scanned, monkeypatch):
    assert open_slide(scanned).levels[0].tile_shape == (512, 512)
    told = {**ScannedSlide.properties, "openslide.level[0].tile-width": "256", "openslide.level[0].tile-height": "128"}
    monkeypatch.setattr(ScannedSlide, "properties", told)
    assert open_slide(scanned).levels[0].tile_shape == (128, 256)


def test_the_same_tiff_reads_the_same_through_both_readers(tmp_path):
    array = np.random.default_rng(0).integers(0, 255, (150, 130, 3), dtype=np.uint8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, tile=(64, 64), photometric="rgb", resolution=(20_000, 20_000), resolutionunit=3)
    box = np.s_[10:140, 60:130]
    np.testing.assert_array_equal(open_with_openslide(path).read(0, box), open_slide(path).read(box))


def test_files_that_openslide_cannot_open_are_refused_with_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "a.bin").write_text("no slide")
    with pytest.raises(LesionkitError, match="must be a whole slide: tiled TIFF, SVS, or what OpenSlide reads"):
        open_with_openslide(tmp_path / "a.bin")

    def fail(path):
        raise openslide.OpenSlideError("the index is damaged")

    monkeypatch.setattr(slide_openslide.openslide, "OpenSlide", fail)
    with pytest.raises(LesionkitError, match="cannot be read as a slide: the index is damaged; was it truncated"):
        open_with_openslide(tmp_path / "a.bin")
    monkeypatch.setattr(ScannedSlide, "level_dimensions", ((0, 0),))
    monkeypatch.setattr(slide_openslide.openslide, "OpenSlide", ScannedSlide)
    with pytest.raises(LesionkitError, match="must hold an image, but its finest level has no pixels"):
        open_with_openslide(tmp_path / "a.bin")
