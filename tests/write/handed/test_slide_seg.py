"""A segmentation of a slide lies on a coarse level, in tiles, and is read again where it was found."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from highdicom.seg import segread
from tests.write.handed.test_seg import complaints

from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import NothingFoundError
from lesionkit.write.handed.slide_seg import write_seg_of_outlines


def test_the_region_and_its_hole_are_drawn_on_the_coarsest_level_as_fine_as_the_map(on_dicom, tmp_path):
    (path,) = write_seg_of_outlines(on_dicom, tmp_path)
    seg = segread(path)
    (segment,) = seg.SegmentSequence
    assert segment.SegmentDescription == "score 0.75, drawn at 4 um per pixel"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "14799000"
    drawn = seg.get_total_pixel_matrix(combine_segments=True)
    expected = np.zeros((25, 32), np.uint8)
    expected[2:6, 3:9] = 1
    expected[3, 4] = 0
    np.testing.assert_array_equal(drawn, expected)
    source = pydicom.dcmread(on_dicom.path.with_name("level2.dcm"))
    assert {uid for _, _, uid in seg.get_source_image_uids()} == {source.SOPInstanceUID}
    assert seg.FrameOfReferenceUID == source.FrameOfReferenceUID


def test_only_tiles_that_hold_something_are_kept(on_dicom, tmp_path):
    finest = on_dicom.planes()[:1]
    (path,) = write_seg_of_outlines(replace(on_dicom, planes=lambda: finest), tmp_path)
    seg = segread(path)
    # Pixels 24 to 72 across and 16 to 48 down touch two of the 4 x 4 tiles of 64.
    assert seg.NumberOfFrames == 2
    drawn = seg.get_total_pixel_matrix(combine_segments=True)
    assert drawn.shape == (200, 256)
    assert drawn.sum() == 23 * 64
    assert drawn[16:48, 24:72].sum() == 23 * 64


def test_dciodvfy_holds_nothing_against_it(on_dicom, tmp_path):
    (path,) = write_seg_of_outlines(on_dicom, tmp_path)
    assert complaints(path) == []


def test_what_cannot_be_drawn_is_refused(on_dicom, outlined, tmp_path):
    with pytest.raises(NothingFoundError, match="slide: nothing was found"):
        write_seg_of_outlines(replace(on_dicom, regions=list), tmp_path)
    with pytest.raises(LesionkitError, match="findings refer to DICOM images, but the image is none"):
        write_seg_of_outlines(outlined, tmp_path)
    large = replace(on_dicom.planes()[0], shape=(20_000, 20_000))
    with pytest.raises(LesionkitError, match=r"at most 134,217,728 pixels, but the slide has none; write it with"):
        write_seg_of_outlines(replace(on_dicom, planes=lambda: [large]), tmp_path)
