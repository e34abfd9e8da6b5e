import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.infer.slide_windows import WindowSides, windows_of

SIDES = WindowSides(tile=256, halo=24, multiple=8, cell=8)


def slide(rows: int, columns: int, um: float = 1.0) -> Grid:
    return Grid.upright((rows, columns), (um / 1000, um / 1000), (um / 2000, um / 2000))


def tissue(mask: np.ndarray, um: float) -> ArrayImage:
    return ArrayImage(slide(*mask.shape, um=um), mask)


def test_without_tissue_given_everything_is_looked_at():
    windows = windows_of(slide(300, 256), None, SIDES)
    assert [(w.core[0].start, w.core[0].stop) for w in windows] == [(0, 256), (256, 320)]


def test_a_window_sees_its_halo_and_reads_only_what_the_image_has():
    (window,) = windows_of(slide(200, 256), None, SIDES)
    assert window.core == (slice(0, 256), slice(0, 256))
    assert (window.start, window.shape) == ((-24, -24), (304, 304))
    assert window.read == (slice(0, 200), slice(0, 256))


def test_beyond_the_image_a_window_is_white():
    (window,) = windows_of(slide(200, 256), None, SIDES)
    padded = window.padded(np.zeros((200, 256, 3), np.uint8))
    assert padded.shape == (304, 304, 3)
    assert padded[23].min() == padded[224].min() == padded[:, 23].min() == padded[:, 280].min() == 255
    assert padded[24:224, 24:280].max() == 0


def test_a_window_inside_the_image_is_not_copied():
    window = windows_of(slide(1024, 1024), None, SIDES)[5]
    block = np.zeros((304, 304, 3), np.uint8)
    assert window.padded(block) is block


def test_glass_is_left_out_and_windows_are_shrunk_to_their_tissue():
    mask = np.zeros((8, 8), bool)
    mask[5, 6] = True
    # One sample is 128 pixels: rows 640 to 768, columns 768 to 896.
    (window,) = windows_of(slide(1024, 1024), tissue(mask, 128), SIDES)
    assert window.core == (slice(640, 768), slice(768, 896))
    assert windows_of(slide(1024, 1024), tissue(np.zeros((8, 8), bool), 128), SIDES) == []


def test_sides_are_rounded_up_to_whole_cells_and_multiples():
    sides = WindowSides(tile=500, halo=50, multiple=16, cell=12)
    assert (sides.step, sides.whole_tile, sides.whole_halo) == (48, 528, 96)


def test_a_tile_of_nothing_is_refused():
    with pytest.raises(LesionkitError, match="a window needs sides of 1 or more"):
        WindowSides(tile=0, halo=0, multiple=8, cell=8)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(5, 90), st.integers(1, 400), st.integers(1, 400))
def test_every_pixel_of_tissue_lies_in_exactly_one_core(seed, um, rows, columns):
    rng = np.random.default_rng(seed)
    shape = (max(1, round(rows / um)), max(1, round(columns / um)))
    mask = tissue(rng.random(shape) < rng.random(), um)
    held = np.zeros((rows, columns), int)
    for window in windows_of(slide(rows, columns), mask, SIDES):
        held[tuple(slice(b.start, min(b.stop, n)) for b, n in zip(window.core, (rows, columns), strict=True))] += 1
        assert all(side % 8 == 0 for side in (*window.shape, *window.start))
    index = [np.floor((np.arange(n) + 0.5) / um).astype(int) for n in (rows, columns)]
    inside = [i < s for i, s in zip(index, shape, strict=True)]
    index = [np.minimum(i, s - 1) for i, s in zip(index, shape, strict=True)]
    wanted = mask.array[np.ix_(*index)] & np.outer(*inside)
    assert held.max(initial=0) <= 1
    assert (held[wanted] == 1).all()
