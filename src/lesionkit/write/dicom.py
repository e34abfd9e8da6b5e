"""A CT case -> a folder of DICOM files, one per slice. Inverse of `lesionkit.read.dicom.scan`."""

import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from pydicom.valuerep import DSfloat

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing

Coding = Literal["explicit", "implicit", "deflated", "rle"]

_SYNTAXES: dict[str, UID] = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless,
}
_INTERCEPT = -1024
_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
_NAMESPACE = uuid.UUID("6f6b1c52-3a55-5d0b-9a43-6c6573696f6e")


def write_series(case: Case, folder: Path, coding: Coding = "explicit", derived: bool = False) -> Path:
    """Write a CT case as one DICOM series, `0001.dcm` the first slice of the array; returns the folder.

    UIDs follow from the case id alone, so the same case gives the same files; a case id that is a UID becomes the
    series UID. Samples are rounded to whole HU in -1024 … 32767 and stored unsigned with intercept -1024. Any
    orientation is kept; an array whose slices run against rows × columns is read back in reverse slice order, at the
    same world positions.

    Args:
        folder: must not exist or be empty.
        coding: transfer syntax.
        derived: say that the images were made from another file.

    Raises:
        LesionkitError: the image is not 3-D, or the folder cannot be written or is not empty.
    """
    grid = case.image.grid
    if grid.ndim != 3:
        raise LesionkitError(f"a CT series is 3-D, got an image of shape {grid.shape}")
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise LesionkitError(f"{folder}: the folder for a new series must be empty; choose another")
    hu = case.image.read(grid.whole)
    stored = np.clip(np.rint(hu), _INTERCEPT, np.iinfo(np.int16).max).astype(np.int32) - _INTERCEPT
    series = _series_tags(case)
    if derived:
        series.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        series.DerivationDescription = f"Written by lesionkit from {Path(str(case.facts.get('path', ''))).name}"[:1024]
    with replacing(folder) as temporary:
        temporary.mkdir()
        for index, pixels in enumerate(stored.astype("<u2")):
            slice_tags = _slice_tags(case, series, index, pixels)
            _save(slice_tags, temporary / f"{index + 1:04d}.dcm", coding)
    return folder


def uid_of(*names: str) -> UID:
    """A valid UID that follows from names alone; a single name that is a UID stays as it is."""
    if len(names) == 1 and len(names[0]) <= 64 and _UID.fullmatch(names[0]):
        return UID(names[0])
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(names)).int}")


def blank(tags: Dataset) -> None:
    """Give what an image must tell of its patient and study, and is not known here, as unknown."""
    for keyword in ("PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime"):
        setattr(tags, keyword, "")
    tags.ReferringPhysicianName = ""


def _series_tags(case: Case) -> Dataset:
    facts = case.facts
    spacing = case.image.grid.spacing_mm
    tags = Dataset()
    tags.SpecificCharacterSet = "ISO_IR 192"
    tags.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    tags.SOPClassUID = CTImageStorage
    blank(tags)
    tags.PositionReferenceIndicator = tags.AcquisitionNumber = ""
    tags.PatientPosition = str(facts.get("patient_position") or "")[:16]
    tags.Modality = "CT"
    tags.Manufacturer = str(facts.get("manufacturer") or "lesionkit")
    tags.SeriesDescription = str(facts.get("series_description") or "")[:64]
    tags.PatientID = case.patient_id[:64]
    tags.PatientName = ""
    tags.BodyPartExamined = str(facts.get("body_part") or "CHEST")[:16]
    tags.SliceThickness = _decimal(facts.get("slice_thickness_mm") or spacing[0])
    tags.SpacingBetweenSlices = _decimal(spacing[0])
    tags.KVP = _decimal(facts.get("kvp") or 120)
    tags.ConvolutionKernel = str(facts.get("kernel") or "")[:16]
    tags.StudyInstanceUID = uid_of(str(facts.get("study_uid") or f"{case.patient_id}/{case.case_id}/study"))
    tags.SeriesInstanceUID = uid_of(case.case_id)
    tags.FrameOfReferenceUID = uid_of(case.case_id, "frame")
    tags.SeriesNumber = int(facts.get("series_number") or 1)
    return tags


def _slice_tags(case: Case, series: Dataset, index: int, pixels: NDArray[np.uint16]) -> Dataset:
    grid = case.image.grid
    direction = np.array(grid.direction)
    tags = Dataset()
    tags.update(series)
    tags.SOPInstanceUID = uid_of(case.case_id, f"slice {index}")
    tags.InstanceNumber = index + 1
    tags.ImagePositionPatient = _decimals(grid.index_to_world([index, 0, 0]))
    tags.ImageOrientationPatient = _decimals([*direction[:, 2], *direction[:, 1]])
    tags.PixelSpacing = _decimals(grid.spacing_mm[1:])
    tags.Rows, tags.Columns = pixels.shape
    tags.SamplesPerPixel = 1
    tags.PhotometricInterpretation = "MONOCHROME2"
    tags.BitsAllocated = tags.BitsStored = 16
    tags.HighBit = 15
    tags.PixelRepresentation = 0
    tags.RescaleIntercept = _decimal(_INTERCEPT)
    tags.RescaleSlope = _decimal(1)
    tags.RescaleType = "HU"
    tags.PixelData = pixels.tobytes()
    tags["PixelData"].VR = "OW"
    return tags


def _save(tags: Dataset, path: Path, coding: Coding) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = tags.SOPClassUID
    meta.MediaStorageSOPInstanceUID = tags.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if coding == "rle" else _SYNTAXES[coding]
    tags.file_meta = meta
    if coding == "rle":
        tags.compress(RLELossless, generate_instance_uid=False)
    try:
        tags.save_as(path, enforce_file_format=True)
    except OSError as error:
        raise LesionkitError(f"cannot write {path}: {error.strerror or error}") from error


def _decimal(value: Any) -> DSfloat:
    """A decimal string of at most 16 characters."""
    return DSfloat(float(value), auto_format=True)


def _decimals(values: Sequence[float] | NDArray[np.float64]) -> list[DSfloat]:
    return [_decimal(value) for value in values]
