from datetime import date

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from lesionkit.read.dicom.day import day_of


def dicom(path, **tags):
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, generate_uid()
    for name, value in tags.items():
        setattr(data, name, value)
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path


def test_the_day_of_the_acquisition_comes_before_that_of_the_study(tmp_path):
    path = dicom(tmp_path / "a.dcm", StudyDate="20250101", AcquisitionDate="20250103")
    assert day_of(path) == date(2025, 1, 3)


def test_without_an_acquisition_the_study_tells_it(tmp_path):
    assert day_of(dicom(tmp_path / "a.dcm", StudyDate="20250101", SeriesDate="")) == date(2025, 1, 1)


@pytest.mark.parametrize("content", [b"", b"no DICOM"])
def test_a_file_that_is_no_dicom_tells_none(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    assert day_of(tmp_path / "a") is None
    assert day_of(tmp_path / "none") is None
