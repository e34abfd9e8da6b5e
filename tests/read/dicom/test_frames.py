from dataclasses import replace

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from lesionkit.core.errors import LesionkitError
from lesionkit.read.dicom.folder import scan_folder
from lesionkit.read.dicom.frames import expand_frames
from lesionkit.read.dicom.header import read_header
from lesionkit.read.dicom.scan import read_series
from lesionkit.read.scan import open_scan


def item(**tags):
    made = Dataset()
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    return made


@pytest.fixture
def enhanced(folder, tmp_path):
    """enhanced(order, own, **tags): the series as one file, its frames in an order; `own`: what each says."""

    def make(order=range(12), own=lambda i: {}, coding=None, **tags):
        slices = [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]
        one = slices[0]
        frames = []
        for i in order:
            frame = item(PlanePositionSequence=[item(ImagePositionPatient=slices[i].ImagePositionPatient)])
            for sequence, values in own(i).items():
                setattr(frame, sequence, [item(**values)])
            frames.append(frame)
        shared = item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=one.ImageOrientationPatient)],
            PixelMeasuresSequence=[item(PixelSpacing=one.PixelSpacing, SliceThickness=2)],
            PixelValueTransformationSequence=[item(RescaleSlope=1, RescaleIntercept=one.RescaleIntercept)],
        )
        one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
        one.NumberOfFrames, one.SharedFunctionalGroupsSequence = len(frames), [shared]
        one.PerFrameFunctionalGroupsSequence = frames
        pixels = np.stack([np.frombuffer(slices[i].PixelData, "<u2").reshape(6, 8) for i in order])
        one.PixelData = pixels.tobytes()
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope"):
            delattr(one, keyword)
        del one.RescaleIntercept
        for keyword, value in tags.items():
            setattr(one, keyword, value)
        if coding is not None:
            one.compress(coding, pixels, generate_instance_uid=False)
        (tmp_path / "one").mkdir()
        one.save_as(tmp_path / "one/scan.dcm")
        return tmp_path / "one"

    return make


def test_a_multi_frame_file_is_read_as_its_slices_are(scan, enhanced):
    folder = enhanced()
    for case in (read_series(folder), open_scan(folder / "scan.dcm")):
        np.testing.assert_array_equal(case.image.array, scan.image.array)
        np.testing.assert_allclose(case.image.grid.affine, scan.image.grid.affine)
        assert (case.case_id, case.patient_id) == ("1.2.3.40", "patient 1")


def test_frames_are_sorted_by_their_place(scan, enhanced):
    np.testing.assert_array_equal(
        read_series(enhanced(order=[5, 0, 7, *range(1, 5), 6, *range(8, 12)])).image.array, scan.image.array
    )


def test_frames_may_be_compressed(scan, enhanced):
    folder = enhanced(coding=pydicom.uid.RLELossless)
    np.testing.assert_array_equal(read_series(folder).image.array, scan.image.array)


@pytest.mark.parametrize(
    ("syntax", "code"),
    [
        (pydicom.uid.JPEGLSLossless, imagecodecs.jpegls_encode),
        (pydicom.uid.JPEGLosslessSV1, imagecodecs.ljpeg_encode),
        (
            pydicom.uid.JPEG2000Lossless,
            lambda frame: imagecodecs.jpeg2k_encode(frame, codecformat="j2k", reversible=True),
        ),
    ],
)
def test_frames_of_any_coding_are_decoded(scan, enhanced, syntax, code):
    folder = enhanced()
    tags = pydicom.dcmread(folder / "scan.dcm")
    frames = np.frombuffer(tags.PixelData, "<u2").reshape(12, 6, 8)
    tags.PixelData = pydicom.encaps.encapsulate([code(np.ascontiguousarray(frame)) for frame in frames])
    tags["PixelData"].is_undefined_length = True
    tags["PixelData"].VR = "OB"
    tags.file_meta.TransferSyntaxUID = syntax
    tags.save_as(folder / "scan.dcm")
    np.testing.assert_array_equal(read_series(folder).image.array, scan.image.array)


def test_each_frame_may_have_its_own_rescale(scan, enhanced):
    def own(i):
        values = {"RescaleSlope": 2, "RescaleIntercept": -2048} if i == 3 else {}
        return {"PixelValueTransformationSequence": {"RescaleSlope": 1, "RescaleIntercept": -1024, **values}}

    expected = scan.image.array.copy()
    expected[3] = np.maximum(2 * (expected[3].astype(int) + 1024) - 2048, -1024)
    np.testing.assert_array_equal(read_series(enhanced(own=own)).image.array, expected)


def test_converted_legacy_files_are_read_too(scan, enhanced):
    folder = enhanced(SOPClassUID="1.2.840.10008.5.1.4.1.1.2.2")
    np.testing.assert_array_equal(read_series(folder).image.array, scan.image.array)


def test_frames_of_two_stacks_are_two_scans(enhanced):
    folder = enhanced(own=lambda i: {"FrameContentSequence": {"StackID": "A" if i < 11 else "B"}})
    assert read_series(folder).image.grid.shape == (11, 6, 8)


def test_a_file_that_ends_early_loses_its_last_frames(enhanced):
    folder = enhanced()
    content = (folder / "scan.dcm").read_bytes()
    (folder / "scan.dcm").write_bytes(content[: -6 * 8 * 2 - 2])
    case = read_series(folder)
    assert case.image.grid.shape == (10, 6, 8)
    assert "2 truncated slice files were left out, first 'scan.dcm (frame 11)'" in " ".join(case.facts["warnings"])


def test_a_file_of_one_slice_is_its_only_frame(folder):
    header = read_header(folder / "0003.dcm")
    assert expand_frames(header) == [header]


@pytest.fixture
def damaged(enhanced):
    """A multi-frame file whose first frame ends within an element."""
    file = enhanced() / "scan.dcm"
    data = file.read_bytes()
    place = data.index(b"\xfe\xff\x00\xe0", data.index(b"\x00\x52\x30\x92SQ")) + 8
    file.write_bytes(data[: place + 4] + b"OB\x00\x00" + data[place + 8 : place + 10])
    return file


def test_groups_of_frames_that_are_damaged_are_one_sentence(damaged):
    header = replace(read_header(damaged) or pytest.fail("no header"), frames=12)
    with pytest.raises(LesionkitError, match=r"scan.dcm must be a CT of several frames, but is damaged"):
        expand_frames(header)


def test_a_damaged_file_of_many_frames_does_not_hide_what_lies_beside_it(damaged, folder):
    file = folder / "many.dcm"
    file.write_bytes(damaged.read_bytes())
    found = scan_folder(folder)
    assert [series.slices for series in found.series] == [12]
    assert found.strays == (file,)
