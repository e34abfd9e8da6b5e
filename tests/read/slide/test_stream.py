import threading

import numpy as np
import pytest
import tifffile

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.read.slide.stream import in_file_order, stream
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


def tiles(level):
    """Boxes of the tiles of a level, row by row."""
    rows, columns = level.grid.shape
    starts = [(top, left) for top in range(0, rows, TILE) for left in range(0, columns, TILE)]
    return [np.s_[top : min(top + TILE, rows), left : min(left + TILE, columns)] for top, left in starts]


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_all_tiles_together_are_the_slide_whatever_the_threads(level, threads):
    boxes = tiles(level)
    assert len(boxes) == 20
    seen = np.zeros_like(ARRAY)
    for box, tile in stream(level, boxes, threads=threads, ahead=3):
        seen[box] = tile
    np.testing.assert_array_equal(seen, ARRAY)


def test_tiles_come_in_the_order_of_the_file(level, monkeypatch):
    places = np.arange(20)[::-1].reshape(4, 5)
    monkeypatch.setattr(type(level.source), "places", lambda self, number: places)
    boxes = tiles(level)
    assert in_file_order(level, boxes) == boxes[::-1]


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
