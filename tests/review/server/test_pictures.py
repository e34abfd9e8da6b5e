import io
import threading
import time

import nibabel
import numpy as np
import pytest
from PIL import Image
from tests.review.server.conftest import SCAN, scan, slide

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.review.server.pictures import Opened, drawn_slice, last_level, nifti_chunks, tile_of
from lesionkit.review.session import Picture, Sheet, Volume


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def test_a_window_goes_from_black_to_white():
    samples = np.array([[[-1350, -600, 150, 3000]]], np.int16)
    volume = Volume(Grid.upright((1, 1, 4), (1, 1, 1)), samples, {"lung": (-600.0, 1500.0)})
    assert pixels(drawn_slice(volume, "axial", 0, "lung")).tolist() == [[0, 128, 255, 255]]


def test_the_head_is_at_the_top_of_coronal_and_sagittal_slices():
    samples = np.zeros((2, 3, 4), np.int16)
    samples[1, 0, 0] = 1000
    volume = Volume(Grid.upright((2, 3, 4), (1, 1, 1)), samples, {"w": (500.0, 1000.0)})
    coronal = pixels(drawn_slice(volume, "coronal", 0, "w"))
    assert (coronal.shape, int(coronal[0, 0])) == ((2, 4), 255)
    sagittal = pixels(drawn_slice(volume, "sagittal", 0, "w"))
    assert (sagittal.shape, int(sagittal[0, 0])) == ((2, 3), 255)


def test_levels_are_those_of_deep_zoom():
    assert [last_level(*shape) for shape in ((1, 1), (2, 1), (700, 900), (1024, 1024))] == [0, 1, 10, 10]


@pytest.mark.parametrize(
    ("level", "column", "row", "shape"),
    [(10, 0, 0, (256, 256)), (10, 3, 2, (188, 132)), (9, 1, 1, (94, 194)), (8, 0, 0, (175, 225)), (0, 0, 0, (1, 1))],
)
def test_tiles_have_the_size_that_deep_zoom_expects(level, column, row, shape):
    content, _ = tile_of(slide(), level, column, row)
    assert pixels(content).shape[:2] == shape


def test_a_tile_shows_its_part():
    red = pixels(tile_of(slide(), 10, 0, 0)[0])
    white = pixels(tile_of(slide(), 10, 1, 0)[0])
    assert red.mean(axis=(0, 1)) == pytest.approx([200, 0, 0], abs=3)
    assert white.min() > 250
    half = pixels(tile_of(slide(), 9, 0, 0)[0])
    assert half[60, 60] == pytest.approx([200, 0, 0], abs=3)
    assert half[60, 200].min() > 250


def test_a_tile_is_right_also_where_a_level_is_not_half_as_large():
    # A level of 3/8 of the size instead of the half, as slides have them.
    whole = slide()
    small = np.asarray(Image.fromarray(whole.at(0).array).resize((338, 262), Image.Resampling.BOX))
    odd = type(whole.at(0))(Grid.upright((262, 338), (1, 1)), small)
    picture = Picture(whole.grid, lambda halvings: odd if halvings else whole.at(0))
    tile = pixels(tile_of(picture, 9, 0, 0)[0])
    assert tile[60, 118] == pytest.approx([200, 0, 0], abs=12)
    assert tile[60, 138].min() > 240


def test_nifti_is_read_by_others_with_its_place_upright():
    length, chunks = nifti_chunks(scan())
    content = b"".join(chunks)
    image = nibabel.Nifti1Image.from_bytes(content)
    assert length == len(content)
    assert (scan().samples == np.asarray(image.dataobj).T).all()
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")


def test_an_image_is_read_once_and_only_the_last_few_are_kept(tmp_path):
    opened, read = Opened(most=2), []

    def sheet(name):
        def slowly():
            read.append(name)
            time.sleep(0.05)
            return scan()

        return Sheet(name, "p", tmp_path, SCAN, [], slowly)

    one = sheet("one")
    threads = [threading.Thread(target=opened.get, args=(one,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in ("two", "three"):
        opened.get(sheet(name))
    opened.get(one)
    assert read == ["one", "two", "three", "one"]


def test_a_missing_image_is_told(tmp_path):
    with pytest.raises(LesionkitError, match="it was moved"):
        Opened().get(Sheet("a", "p", tmp_path, SCAN, [], scan, missing="it was moved"))
