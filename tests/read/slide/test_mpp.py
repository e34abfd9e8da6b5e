from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.slide.mpp import pixel_um

SLIDE = Path("a.svs")
VENDOR = {"openslide.mpp-x": "0.25", "openslide.mpp-y": "0.26"}
APERIO = {"tiff.ImageDescription": "Aperio v11|AppMag = 20|MPP = 0.4990|Left = 25.69"}
PER_CM = {"tiff.XResolution": "40000", "tiff.YResolution": "20000", "tiff.ResolutionUnit": "3"}


OME = {"ome.PhysicalSizeX": "0.3", "ome.PhysicalSizeY": "0.4"}


def test_an_override_wins_then_the_scanner_then_ome_then_the_tiff_then_what_is_said_of_slides_that_do_not_say():
    every = {**PER_CM, **APERIO, **VENDOR, **OME}
    assert pixel_um(SLIDE, None, every, override=1.0) == ((1.0, 1.0), "option")
    assert pixel_um(SLIDE, 1.0, every) == ((0.26, 0.25), "vendor tag")
    assert pixel_um(SLIDE, 1.0, {**PER_CM, **OME}) == ((0.4, 0.3), "OME")
    assert pixel_um(SLIDE, 1.0, PER_CM) == ((0.5, 0.25), "TIFF resolution")
    assert pixel_um(SLIDE, 1.0, {}) == ((1.0, 1.0), "option")
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
    with pytest.raises(LesionkitError, match=r"mpp_override must be µm per pixel between 0.02 and 50, got"):
        pixel_um(SLIDE, 0.5, {}, given)


@pytest.mark.parametrize(
    "tags",
    [
        {"tiff.ImageDescription": "Aperio|MPP = 0,5000"},
        {"tiff.ImageDescription": "Aperio|MPP = 5.0e-1"},
        {"tiff.ImageDescription": "Aperio|MPP=.5|AppMag = 20"},
        {"openslide.mpp-x": "0,5"},
        {"openslide.mpp-x": " 5E-1 "},
        {"ome.PhysicalSizeX": "500", "ome.PhysicalSizeXUnit": "nm"},
        {"ome.PhysicalSizeX": "0.5", "ome.PhysicalSizeXUnit": "µm"},
        {"ome.PhysicalSizeX": "5e-05", "ome.PhysicalSizeXUnit": "cm"},
        {"ome.PhysicalSizeX": "0.5"},
        {"tiff.XResolution": "50800", "tiff.ResolutionUnit": "2"},
        {"tiff.XResolution": "2", "tiff.ResolutionUnit": "1", "tiff.ImageDescription": "ImageJ=1.53\nunit=micron\n"},
        {"tiff.XResolution": "2", "tiff.ResolutionUnit": "1", "tiff.ImageDescription": "unit=\\u00B5m\nmode=x"},
        {"tiff.XResolution": "20000", "tiff.ImageDescription": "ImageJ=1.53\nunit=cm\n"},
    ],
)
def test_half_a_micrometre_is_understood_however_it_is_written(tags):
    assert pixel_um(SLIDE, None, tags)[0] == (0.5, 0.5)


@pytest.mark.parametrize("unit", ["reference frame", "pixel", "s"])
def test_a_unit_that_is_no_length_tells_nothing(unit):
    with pytest.raises(LesionkitError, match="has no usable tag; give µm per pixel of the finest level as --mpp"):
        pixel_um(SLIDE, None, {"ome.PhysicalSizeX": "0.5", "ome.PhysicalSizeXUnit": unit})
