"""A segmentation holds what was found, says so in the words of the field, and refers to the images."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from highdicom.seg import segread
from scipy.spatial.transform import Rotation
from tests.write.handed.conftest import balls, scan

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.handed import NothingFoundError
from lesionkit.core.lesion import Candidate
from lesionkit.write.handed.seg import write_labelmap_of_balls, write_seg_of_balls, write_seg_of_mask

NODULE = Candidate((8.0, 7.0, 10.0), 0.9, 6.0)
SMALL = Candidate((2.4, 12.6, 17.5), 0.4, None)


HEIGHTS = [7.5, 10.0, 12.5, 17.5]


def complaints(path) -> list[str]:
    """What dciodvfy holds against a file."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy of Debian's dicom3tools is not installed")
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return [line for line in done.stderr.splitlines() if line.startswith("Error")]


def test_each_finding_is_a_segment_with_its_words_and_only_frames_that_hold_something(upright, tmp_path):
    (path,) = write_seg_of_balls(balls(upright, NODULE, SMALL), tmp_path)
    seg = segread(path)
    first, second = seg.SegmentSequence
    assert (first.SegmentLabel, second.SegmentLabel) == ("nodule 1", "nodule 2")
    assert first.SegmentedPropertyTypeCodeSequence[0].CodeValue == "27925004"
    assert first.AnatomicRegionSequence[0].CodeMeaning == "Lung"
    assert first.SegmentAlgorithmName == "lesionkit ct-nodule"
    assert (
        "model card sha256=cdcd"
        in seg.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters
    )
    assert first.SegmentDescription == "score 0.9, diameter 6.0 mm, drawn as a ball"
    # A ball of 6 mm on a slice reaches the next on each side; one of 5 mm reaches none.
    frames = seg.PerFrameFunctionalGroupsSequence
    assert sorted(float(frame.PlanePositionSequence[0].ImagePositionPatient[2]) for frame in frames) == HEIGHTS
    assert (seg.pixel_array.reshape(4, -1).sum(axis=1) > 0).all()
    named = {uid for _, _, uid in seg.get_source_image_uids()}
    assert len(named) == 4
    assert named <= {pydicom.dcmread(file).SOPInstanceUID for file in upright.iterdir()}


@pytest.mark.parametrize("turn", [(0, 0, 0), (90, 0, 0), (0, 180, 0), (0, 0, 90), (0, 90, 180), (25, -10, 40)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_what_is_read_again_lies_where_it_was_found(turn, mirrored, tmp_path):
    direction = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()[:, ::-1] * [1, 1, -1 if mirrored else 1]
    grid = Grid((10, 16, 14), (2.5, 0.7, 0.8), (-30.0, 12.0, 100.0), tuple(map(tuple, direction)))
    centre = grid.index_to_world([4.3, 8.2, 6.7])
    handed = balls(scan(tmp_path / "scan", grid), Candidate(tuple(centre.tolist()), 0.9, 4.0))
    (path,) = write_seg_of_balls(handed, tmp_path)
    seg = segread(path)
    places = []
    shared = seg.SharedFunctionalGroupsSequence[0]
    axes = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    rows_mm, columns_mm = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    for item, frame in zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array, strict=True):
        start = np.array(item.PlanePositionSequence[0].ImagePositionPatient, float)
        places += [start + c * columns_mm * axes[0] + r * rows_mm * axes[1] for r, c in np.argwhere(frame)]
    error = grid.world_to_index(np.mean(places, axis=0)) - [4.3, 8.2, 6.7]
    assert (np.abs(error) < 0.5).all()


def test_findings_that_overlap_keep_all_that_is_theirs(upright, tmp_path):
    alike = [replace(NODULE, centre_mm=(8.0 + i / 10, 7.0, 10.0)) for i in range(4)]
    (path,) = write_seg_of_balls(balls(upright, *alike), tmp_path)
    (alone,) = write_seg_of_balls(balls(upright, alike[1]), tmp_path / "alone")
    seg, one = segread(path), segread(alone)
    numbers = [
        item.SegmentIdentificationSequence[0].ReferencedSegmentNumber for item in seg.PerFrameFunctionalGroupsSequence
    ]
    of_second = seg.pixel_array[[number == 2 for number in numbers]]
    assert np.array_equal(of_second, one.pixel_array)
    assert complaints(path) == []


def test_a_label_map_has_a_frame_a_slice(upright, tmp_path):
    (path,) = write_labelmap_of_balls(balls(upright, NODULE, replace(SMALL, centre_mm=(2.4, 12.6, 10.0))), tmp_path)
    seg = segread(path)
    assert seg.SegmentationType == "LABELMAP"
    assert seg.NumberOfFrames == 3
    assert set(np.unique(seg.pixel_array)) == {0, 1, 2}


def test_the_same_findings_make_the_same_file_and_others_another(upright, tmp_path):
    one, two = (write_seg_of_balls(balls(upright, NODULE), tmp_path / name)[0] for name in "ab")
    (other,) = write_seg_of_balls(balls(upright, NODULE, SMALL), tmp_path / "c")
    assert one.read_bytes() == two.read_bytes()
    assert pydicom.dcmread(one).SOPInstanceUID != pydicom.dcmread(other).SOPInstanceUID


def test_the_mask_of_a_radiograph_is_one_segment(radiograph, tmp_path):
    (path,) = write_seg_of_mask(radiograph, tmp_path)
    seg = segread(path)
    assert np.array_equal(seg.pixel_array > 0, radiograph.mask())
    assert seg.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeValue == "36118008"
    assert complaints(path) == []


def test_dciodvfy_finds_no_error_in_a_segmentation(upright, tmp_path):
    assert complaints(write_seg_of_balls(balls(upright, NODULE, SMALL), tmp_path)[0]) == []


def test_nothing_found_makes_no_segmentation(upright, radiograph, tmp_path):
    with pytest.raises(NothingFoundError, match="nothing was found, and a DICOM segmentation cannot be empty"):
        write_seg_of_balls(balls(upright), tmp_path)
    with pytest.raises(NothingFoundError, match="x1: nothing was found"):
        write_seg_of_mask(radiograph.above(0.8), tmp_path)


def test_a_mask_of_another_shape_is_refused(radiograph, tmp_path):
    other = replace(radiograph, mask=lambda: np.ones((4, 4), bool))
    with pytest.raises(LesionkitError, match="found on 4 x 4 samples, but the image has 30 x 20"):
        write_seg_of_mask(other, tmp_path)


def test_what_was_no_dicom_is_refused(radiograph, tmp_path):
    with pytest.raises(LesionkitError, match="findings refer to DICOM images, but the image is none"):
        write_seg_of_mask(replace(radiograph, planes=lambda: ()), tmp_path)


def test_an_image_without_the_tags_that_refer_to_it_is_refused(radiograph, tmp_path):
    tags = pydicom.dcmread(radiograph.path)
    del tags.StudyInstanceUID
    tags.save_as(radiograph.path)
    with pytest.raises(LesionkitError, match="findings refer to an image by its tags, but StudyInstanceUID is missing"):
        write_seg_of_mask(radiograph, tmp_path)
