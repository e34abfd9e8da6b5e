import threading

import numpy as np
import pytest
import tifffile

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.read.slide.stream import in_file_order, stream, tiles_within
from lesionkit.read.slide.whole import open_slide

ARRAY = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)
TILE = 64


@pytest.fixture
def level(tmp_path):
    path = tmp_path / "slide.tif"
    tifffile.imwrite(
        path, ARRAY, tile=(TILE, TILE), photometric="rgb", resolution=(20_000, 20_000), resolutionunit=3,
    )  # fmt: skip
    return open_slide(path).levels[0]


def mask_image(mask, um):
    return ArrayImage(Grid.upright(mask.shape, (um / 1000,) * 2, (um / 2000,) * 2), mask)


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_all_tiles_together_are_the_slide_whatever_the_threads(level, threads):
    boxes = tiles_within(level)
    assert len(boxes) == 20
    seen = np.zeros_like(ARRAY)
    for box, tile in stream(level, boxes, threads=threads, ahead=3):
        seen[box] = tile
    np.testing.assert_array_equal(seen, ARRAY)


def test_tiles_come_in_the_order_of_the_file(level, monkeypatch):
    places = np.arange(20)[::-1].reshape(4, 5)
    monkeypatch.setattr(type(level.source), "places", lambda self, number: places)
    boxes = tiles_within(level)
    assert (boxes[0][0].start, boxes[0][1].start) == (192, 256)
    assert in_file_order(level, boxes[::-1]) == boxes


def test_only_tiles_that_share_area_with_the_mask_are_read(level):
    # One sample of 32 µm is a tile of 64 pixels: sample (1, 2) is tile (1, 2) and touches its neighbours only.
    mask = np.zeros((4, 5), bool)
    mask[1, 2] = True
    assert tiles_within(level, mask_image(mask, 32.0)) == [np.s_[64:128, 128:192]]
    # A sample twice as large covers four tiles, one half as large a quarter of one.
    assert len(tiles_within(level, mask_image(mask[:2, :3], 64.0))) == 2
    fine = np.zeros((8, 10), bool)
    fine[3, 5] = True
    assert tiles_within(level, mask_image(fine, 16.0)) == [np.s_[64:128, 128:192]]
    assert tiles_within(level, mask_image(np.zeros((4, 5), bool), 32.0)) == []


def test_no_more_boxes_are_read_ahead_than_allowed():
    class Counting:
        grid = Grid.upright((100, 1), (1, 1))
        read_so_far = 0
        lock = threading.Lock()

        def read(self, box):
            with self.lock:
                self.read_so_far += 1
            return np.zeros(1)

    image = Counting()
    boxes = [np.s_[i : i + 1, 0:1] for i in range(100)]
    for taken, _ in enumerate(stream(image, boxes, threads=2, ahead=4), start=1):
        assert image.read_so_far <= taken + 3
        if taken == 10:
            break
    assert image.read_so_far < 20


def test_an_error_of_a_reader_reaches_the_caller(level):
    with pytest.raises(LesionkitError, match="must lie inside"):
        list(stream(level, [np.s_[0:500, 0:10]], threads=2))


@pytest.mark.parametrize(("threads", "ahead"), [(-1, 4), (2, 0)])
def test_impossible_settings_are_refused(level, threads, ahead):
    with pytest.raises(LesionkitError, match="needs 0 or more threads and 1 or more boxes ahead"):
        list(stream(level, [], threads, ahead))
