import zlib

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, DeflatedExplicitVRLittleEndian, generate_uid

from lesionkit.read.dicom import bounded
from lesionkit.read.dicom.bounded import BoundedFile, open_dicom, read_tags
from lesionkit.read.dicom.header import read_header


def deflated(path, size):
    tags = Dataset()
    tags.file_meta = FileMetaDataset()
    tags.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    tags.SOPClassUID = tags.file_meta.MediaStorageSOPClassUID = CTImageStorage
    tags.SOPInstanceUID = tags.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    tags.SeriesInstanceUID, tags.Modality, tags.PixelData = generate_uid(), "CT", bytes(size)
    tags["PixelData"].VR = "OW"
    tags.save_as(path, enforce_file_format=True)
    return path


def test_no_more_is_asked_of_a_file_than_it_has(tmp_path):
    (tmp_path / "x").write_bytes(b"abcdef")
    with BoundedFile(tmp_path / "x") as file:
        assert file.read(2) == b"ab"
        # A buffer of 4 GB would be made for this.
        assert file.read(2**32 - 1) == b"cdef"
        assert (file.read(2**32 - 1), file.read()) == (b"", b"")
        file.seek(1)
        assert file.read() == b"bcdef"


def test_what_is_deflated_is_read_unless_it_is_a_bomb(tmp_path, monkeypatch):
    path = deflated(tmp_path / "a.dcm", 100_000)
    assert len(read_tags(path).PixelData) == 100_000
    assert read_header(path).modality == "CT"
    monkeypatch.setattr(bounded, "_MOST_BYTES", 50_000)
    with pytest.raises(ValueError, match="what is deflated in it holds more than"):
        open_dicom(path)
    assert read_header(path) is None


@pytest.mark.parametrize("after", [b"", b"\0", b"\0" * 7])
def test_what_follows_the_end_of_what_is_deflated_is_passed_over(tmp_path, after):
    # One byte makes its length even in half of all files.
    path = deflated(tmp_path / "a.dcm", 1000)
    path.write_bytes(path.read_bytes() + after)
    assert len(read_tags(path).PixelData) == 1000


def test_what_is_deflated_and_damaged_is_left_to_who_reads_it(tmp_path):
    path = deflated(tmp_path / "a.dcm", 100_000)
    path.write_bytes(path.read_bytes()[:-60])
    with open_dicom(path) as file:
        assert file.tell() == 0
    with pytest.raises((zlib.error, EOFError, pydicom.errors.InvalidDicomError)):
        read_tags(path)
