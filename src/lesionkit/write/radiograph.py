"""A 2-D case -> one DICOM radiograph. Inverse of `lesionkit.read.picture`."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    RLELossless,
)
from pydicom.valuerep import DSfloat

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.write.dicom import blank, uid_of

Coding = Literal["explicit", "rle"]


def write_radiograph(case: Case, path: Path, coding: Coding = "explicit", derived: bool = False) -> Path:
    """Write a radiograph as a DICOM file for presentation (DX, MONOCHROME2); returns the path.

    UIDs follow from the case id alone, so the same case gives the same file. Samples keep their 8 or 16 bits; there is
    no window, for they are shown as they are.

    Args:
        derived: the picture came from a file that tells nothing of how it was taken: it becomes a CR, which need not.

    Raises:
        LesionkitError: the image is no uint8 or uint16 picture, is oblique, or the file cannot be written.
    """
    grid = case.image.grid
    samples = case.image.read(grid.whole)
    if grid.ndim != 2 or samples.ndim != 2 or samples.dtype not in (np.uint8, np.uint16):
        raise LesionkitError(
            f"a radiograph is a 2-D picture of uint8 or uint16, got shape {samples.shape} of {samples.dtype}"
        )
    tags = _tags(case, samples)
    if derived:
        tags.SOPClassUID, tags.Modality = ComputedRadiographyImageStorage, "CR"
        tags.PatientOrientation = tags.AcquisitionNumber = ""
        tags.DerivationDescription = f"Written by lesionkit from {Path(str(case.facts.get('path', ''))).name}"[:1024]
        del tags.PresentationIntentType
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = tags.SOPClassUID
    meta.MediaStorageSOPInstanceUID = tags.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    tags.file_meta = meta
    if coding == "rle":
        tags.compress(RLELossless, generate_instance_uid=False)
    with replacing(path) as temporary:
        tags.save_as(temporary, enforce_file_format=True)
    return Path(path)


def study_folders(case: Case) -> tuple[UID, UID]:
    """Study and series UID of a radiograph: the two folders above its file in SIIM's tree."""
    facts = case.facts
    return (
        uid_of(str(facts.get("study_uid") or f"{case.patient_id}/{case.case_id}/study")),
        uid_of(str(facts.get("series_uid") or f"{case.case_id}/series")),
    )


def _tags(case: Case, samples: NDArray[Any]) -> Dataset:
    facts, spacing = case.facts, case.image.grid.spacing_mm
    tags = Dataset()
    tags.SpecificCharacterSet = "ISO_IR 192"
    tags.ImageType = ["DERIVED", "SECONDARY"]
    tags.SOPClassUID = DigitalXRayImageStorageForPresentation
    tags.SOPInstanceUID = uid_of(case.case_id)
    tags.StudyInstanceUID, tags.SeriesInstanceUID = study_folders(case)
    blank(tags)
    tags.Modality = "DX"
    tags.Manufacturer = str(facts.get("manufacturer") or "lesionkit")
    tags.PatientID = case.patient_id[:64]
    tags.PatientName = ""
    tags.BodyPartExamined = "CHEST"
    tags.ViewPosition = str(facts.get("view") or "")[:16]
    tags.PresentationIntentType = "FOR PRESENTATION"
    tags.SeriesNumber = tags.InstanceNumber = 1
    tags.Rows, tags.Columns = samples.shape
    tags.SamplesPerPixel = 1
    tags.PhotometricInterpretation = "MONOCHROME2"
    tags.BitsAllocated = tags.BitsStored = 8 * samples.dtype.itemsize
    tags.HighBit = tags.BitsStored - 1
    tags.PixelRepresentation = 0
    if facts.get("spacing_known", True):
        # Projected into the middle of the patient: what a person would call the size of things.
        tags.PixelSpacing = [DSfloat(s, auto_format=True) for s in spacing]
    pixels = samples.astype(samples.dtype.newbyteorder("<")).tobytes()
    tags.PixelData = pixels + b"\0" * (len(pixels) % 2)
    tags["PixelData"].VR = "OB" if samples.dtype == np.uint8 else "OW"
    return tags
