from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.slide.mpp import pixel_um

SLIDE = Path("a.svs")
VENDOR = {"openslide.mpp-x": "0.25", "openslide.mpp-y": "0.26"}
APERIO = {"tiff.ImageDescription": "Aperio v11|AppMag = 20|MPP = 0.4990|Left = 25.69"}
PER_CM = {"tiff.XResolution": "40000", "tiff.YResolution": "20000", "tiff.ResolutionUnit": "3"}


def test_what_the_user_says_wins_then_the_scanner_then_the_tiff():
    every = {**PER_CM, **APERIO, **VENDOR}
    assert pixel_um(SLIDE, 1.0, every) == ((1.0, 1.0), "option")
    assert pixel_um(SLIDE, None, every) == ((0.26, 0.25), "vendor tag")
    assert pixel_um(SLIDE, None, {**PER_CM, **APERIO}) == ((0.499, 0.499), "vendor tag")
    assert pixel_um(SLIDE, None, PER_CM) == ((0.5, 0.25), "TIFF resolution")


def test_resolution_may_be_per_inch():
    assert pixel_um(SLIDE, None, {"tiff.XResolution": "101600", "tiff.ResolutionUnit": "inch"})[0] == (0.25, 0.25)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"tiff.XResolution": "72", "tiff.ResolutionUnit": "2"},
        {"tiff.XResolution": "40000", "tiff.ResolutionUnit": "1"},
        {"tiff.XResolution": "0", "tiff.ResolutionUnit": "3"},
        {"openslide.mpp-x": "unknown"},
        {"tiff.ImageDescription": "MPP = 0"},
    ],
)
def test_screen_resolutions_and_nonsense_are_no_pixel_size(tags):
    with pytest.raises(LesionkitError, match=r"a\.svs must say how large its pixels are, but has no usable tag"):
        pixel_um(SLIDE, None, tags)


@pytest.mark.parametrize("given", [0.0, 1000.0, float("nan")])
def test_an_impossible_option_is_refused(given):
    with pytest.raises(LesionkitError, match=r"mpp must be µm per pixel between 0.02 and 50, got"):
        pixel_um(SLIDE, given, {})
