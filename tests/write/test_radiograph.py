import numpy as np
import pydicom
import pytest

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.write.radiograph import study_folders, write_radiograph


def case_of(samples, spacing=(0.2, 0.3), **facts):
    grid = Grid.upright(samples.shape, spacing)
    return Case("1.2.3.4", "patient-1", ArrayImage(grid, samples), facts=facts)


@pytest.mark.parametrize("coding", ["explicit", "rle"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_the_file_holds_the_samples_as_they_are(tmp_path, kind, coding):
    # An odd number of bytes is padded, as DICOM asks.
    samples = np.arange(15, dtype=kind).reshape(3, 5)
    tags = pydicom.dcmread(write_radiograph(case_of(samples, view="AP"), tmp_path / "a.dcm", coding))
    np.testing.assert_array_equal(tags.pixel_array, samples)
    assert (tags.Modality, tags.PhotometricInterpretation, tags.ViewPosition) == ("DX", "MONOCHROME2", "AP")
    assert list(tags.PixelSpacing) == [0.2, 0.3]
    assert (tags.PatientID, tags.SOPInstanceUID) == ("patient-1", "1.2.3.4")


def test_an_unknown_spacing_is_not_written(tmp_path):
    case = case_of(np.eye(4, dtype=np.uint8), spacing_known=False)
    assert "PixelSpacing" not in pydicom.dcmread(write_radiograph(case, tmp_path / "a.dcm"))


def test_the_same_case_gives_the_same_file(tmp_path):
    case = case_of(np.eye(4, dtype=np.uint8))
    first, second = (write_radiograph(case, tmp_path / name).read_bytes() for name in ("a.dcm", "b.dcm"))
    assert first == second
    assert len({*study_folders(case), "1.2.3.4"}) == 3


@pytest.mark.parametrize("samples", [np.zeros((3, 3), np.float32), np.zeros((2, 3, 4), np.uint8)])
def test_what_is_no_grey_picture_is_refused(tmp_path, samples):
    grid = Grid.upright(samples.shape, (1.0,) * samples.ndim)
    with pytest.raises(LesionkitError, match="a radiograph is a 2-D picture of uint8 or uint16, got shape"):
        write_radiograph(Case("1.2", "p", ArrayImage(grid, samples)), tmp_path / "a.dcm")
