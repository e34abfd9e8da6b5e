import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lesionkit.prepare.frontal import LEAST, frontal_likeness, frontal_warnings

DATA = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[2] / "../shared/data"))
needs_nih = pytest.mark.skipif(not (DATA / "xray/nih").is_dir(), reason="needs xray/nih of LESIONKIT_DATA")


def chest(side=256):
    """Two dark lungs beside a bright spine above a bright belly, air beside the body."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    lungs = sum(((x - 0.5 - sign * 0.22) / 0.14) ** 2 + ((y - 0.42) / 0.27) ** 2 < 1 for sign in (-1, 1)) > 0
    picture = np.full((side, side), 150.0) + 50 * y + 60 * (abs(x - 0.5) < 0.06)
    picture[lungs] = 60
    picture[(x < 0.06) | (x > 0.94)] = 5
    return picture.astype(np.uint8)


def test_a_chest_from_the_front_is_one_whatever_its_exposure_and_type():
    for picture in (chest(), (np.sqrt(chest() / 255) * 65535).astype(np.uint16), chest()[:, 20:], chest(100)):
        assert frontal_likeness(picture) > LEAST
        assert frontal_warnings(picture) == ()


def test_an_inverted_chest_is_called_so():
    (sentence,) = frontal_warnings(255 - chest())
    assert "it looks inverted" in sentence


@pytest.mark.parametrize(
    "picture",
    [
        chest().T,
        np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8),
        np.full((32, 32), 7, np.uint8),
        np.pad(np.full((24, 24), 200, np.uint8), 20, constant_values=40),
    ],
)
def test_what_looks_like_something_else_is_warned_about(picture):
    (sentence,) = frontal_warnings(picture)
    assert "it does not look like a frontal chest" in sentence


@needs_nih
def test_nine_real_radiographs_look_frontal_and_their_inverse_inverted():
    for path in sorted((DATA / "xray/nih").glob("*.png")):
        grey = np.asarray(Image.open(path).convert("L"))
        assert frontal_warnings(grey) == (), path.name
        assert "inverted" in frontal_warnings(255 - grey)[0]
