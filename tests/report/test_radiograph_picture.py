import base64
import io

import numpy as np
import pytest
from PIL import Image as Pillow

from lesionkit.core.errors import LesionkitError
from lesionkit.report.radiograph_picture import FoundPixels, outlines, radiograph_picture


def pixels(shape=(40, 60), **rest):
    image = np.full(shape, 100, np.uint8)
    given = {"probability": np.zeros(shape, np.float32), "mask": np.zeros(shape, bool)}
    return FoundPixels(image, **given | rest)


def opened(uri: str) -> Pillow.Image:
    return Pillow.open(io.BytesIO(base64.b64decode(uri.partition("base64,")[2])))


def test_a_large_film_is_shrunk_to_the_side_and_keeps_its_aspect():
    picture = radiograph_picture(pixels((1000, 500)), side=200)
    assert (picture.width, picture.height) == (100, 200)
    film = opened(picture.film)
    assert (film.format, film.size, film.getpixel((50, 50))) == ("JPEG", (100, 200), 100)


def test_a_small_film_is_not_enlarged():
    picture = radiograph_picture(pixels((40, 60)), side=512)
    assert (picture.width, picture.height) == (60, 40)


def test_heat_is_opaque_where_the_probability_is_high_and_clear_where_it_is_low():
    probability = np.zeros((40, 60), np.float32)
    probability[:, 30:] = 1
    heat = opened(radiograph_picture(pixels(probability=probability)).heat).convert("RGBA")
    assert heat.getpixel((2, 10))[3] == 0
    red, _, blue, opacity = heat.getpixel((27, 10))
    assert red > blue
    assert 128 < opacity < 255  # the film shines through


def test_where_nothing_is_warm_there_is_no_heat():
    assert radiograph_picture(pixels(probability=np.full((40, 60), 0.02))).heat is None


def test_an_outline_runs_along_the_edge_of_the_mask_s_pixels():
    mask = np.zeros((40, 60), bool)
    mask[10:20, 30:50] = True
    (line,) = outlines(mask)
    np.testing.assert_allclose([line.min(axis=0), line.max(axis=0)], [(30, 10), (50, 20)], atol=0.01)
    (shrunk,) = outlines(mask, zoom=(0.5, 0.1))
    np.testing.assert_allclose([shrunk.min(axis=0), shrunk.max(axis=0)], [(15, 1), (25, 2)], atol=0.4)


def test_a_mask_at_the_film_s_edge_is_closed_and_one_with_a_hole_has_two_lines():
    mask = np.ones((9, 9), bool)
    mask[4, 4] = False
    lines = outlines(mask)
    assert len(lines) == 2
    assert all((line[0] == line[-1]).all() for line in lines)


def test_a_sliver_of_one_pixel_still_has_an_outline_on_a_small_picture():
    mask = np.zeros((1024, 1024), bool)
    mask[100:300, 500] = True
    assert len(radiograph_picture(pixels((1024, 1024), mask=mask), side=64).found) == 1


def test_the_searched_part_is_a_rectangle_of_the_picture():
    picture = radiograph_picture(pixels((100, 200), searched=(slice(10, 50), slice(20, 120))), side=100)
    assert picture.searched == (10, 5, 50, 20)


def test_truth_of_nobody_is_no_outline():
    assert radiograph_picture(pixels()).truth == ()
    assert len(radiograph_picture(pixels(truth=np.ones((40, 60), bool))).truth) == 1


def test_a_film_is_uint8():
    with pytest.raises(LesionkitError, match=r"uint8 samples \(y, x\), got uint16 of shape \(2, 2\)"):
        FoundPixels(np.zeros((2, 2), np.uint16), np.zeros((2, 2)), np.zeros((2, 2), bool))


@pytest.mark.parametrize("name", ["probability", "mask", "truth"])
def test_everything_has_the_film_s_shape(name):
    with pytest.raises(
        LesionkitError, match=rf"the {name} of a radiograph must have its shape \(40, 60\), got \(3, 3\)"
    ):
        pixels(**{name: np.zeros((3, 3), bool)})


def test_a_film_of_noise_at_256_pixels_takes_less_than_60_kilobytes():
    noise = np.random.default_rng(0).integers(0, 256, (128, 128)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    picture = radiograph_picture(FoundPixels(noise, noise / 255, noise > 250), side=256)
    assert len(picture.film) + len(picture.heat) < 60e3
