"""The DICOM files of a slide are found as OpenSlide finds them."""

import shutil

import numpy as np
import pydicom
from tests.read.slide.dicom_levels import write_dicom_levels

from lesionkit.read.slide.dicom import planes_of_slide
from lesionkit.read.slide.whole import open_slide

PIXELS = np.arange(200 * 256 * 3).reshape(200, 256, 3).astype(np.uint8)


def test_the_levels_are_those_that_openslide_shows_the_finest_first(tmp_path):
    path = write_dicom_levels(tmp_path / "slide", PIXELS, (1, 2, 4))
    slide, planes = open_slide(path), planes_of_slide(tmp_path / "slide" / "level2.dcm")
    assert [level.grid.shape for level in slide.levels] == [plane.shape for plane in planes]
    assert [plane.spacing_mm[0] for plane in planes] == [0.0005, 0.001, 0.002]
    np.testing.assert_array_equal(slide.read(slide.grid.whole), PIXELS)


def test_labels_other_series_and_other_files_are_no_levels(tmp_path):
    path = write_dicom_levels(tmp_path / "slide", PIXELS, (1,))
    for name, keyword, value in (
        ("label", "ImageType", ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]),
        ("other", "SeriesInstanceUID", "2.25.99"),
    ):
        tags = pydicom.dcmread(path)
        setattr(tags, keyword, value)
        tags.save_as(path.with_name(f"{name}.dcm"))
    path.with_name("notes.txt").write_text("none")
    assert [plane.path for plane in planes_of_slide(path)] == [path]


def test_a_slide_that_is_no_dicom_has_none(tmp_path):
    path = tmp_path / "slide.svs"
    path.write_bytes(b"pixels")
    assert planes_of_slide(path) == ()
    shutil.rmtree(tmp_path)
    assert planes_of_slide(path) == ()
