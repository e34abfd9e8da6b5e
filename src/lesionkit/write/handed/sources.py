"""The headers of the images that findings are drawn on, as highdicom asks for them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import Handed, Plane
from lesionkit.write.dicom import uid_of

_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "Rows", "Columns")
_MAY_BE_EMPTY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    *("AccessionNumber", "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"),
)
_MODALITY = {"1.2.840.10008.5.1.4.1.1.2": "CT", "1.2.840.10008.5.1.4.1.1.1": "CR", "1.2.840.10008.5.1.4.1.1.1.1": "DX"}


def read_sources(planes: Sequence[Plane]) -> list[Dataset]:
    """The header of each file of these planes, in order, without pixels; what may be empty and is absent is empty.

    Raises:
        LesionkitError: a file is gone, or lacks a tag that a reference to it needs.
    """
    return [_read(path) for path in dict.fromkeys(plane.path for plane in planes)]


def refuse_no_planes(handed: Handed, planes: Sequence[Plane]) -> None:
    """Refuse what was not read from DICOM.

    Raises:
        LesionkitError: there is no DICOM image.
    """
    if not planes:
        raise LesionkitError(f"{handed.path}: findings refer to DICOM images, but the image is none; convert it first")


def called(handed: Handed, what: str) -> str:
    """The description of a series that is written."""
    return f"lesionkit {handed.lesion} {what}, research only"[:64]


def uids_of(handed: Handed, source: Dataset, what: str, *told: Any) -> tuple[str, str]:
    """UIDs of series and instance: the same findings of the same image get the same ones, so nothing is stored twice.

    Args:
        what: is written: "seg".
        told: whatever else makes the content.
    """
    maker = handed.maker
    made = [str(source.SeriesInstanceUID), str(source.SOPInstanceUID), maker.made_at.isoformat(), maker.recipe]
    made += [maker.model_sha256, what, *map(str, told)]
    return str(uid_of(*made, "series")), str(uid_of(*made, "instance"))


def tracking_of(handed: Handed, source: Dataset, number: int) -> tuple[str, str]:
    """Id and UID by which a finding is known in all that is written of it."""
    made = (str(source.SeriesInstanceUID), handed.maker.made_at.isoformat(), handed.maker.recipe, f"finding {number}")
    return f"{handed.lesion} {number}", str(uid_of(*made))


def dated(written: Dataset, handed: Handed) -> None:
    """Give what was written the date of the run and UIDs that follow from its own.

    So the same findings make the same file.
    """
    made = handed.maker.made_at
    for keyword in ("ContentDate", "SeriesDate", "InstanceCreationDate"):
        if keyword in written:
            setattr(written, keyword, made.strftime("%Y%m%d"))
    for keyword in ("ContentTime", "SeriesTime", "InstanceCreationTime"):
        if keyword in written:
            setattr(written, keyword, made.strftime("%H%M%S"))
    for equipment in written.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = made.strftime("%Y%m%d%H%M%S")
    organization = uid_of(str(written.SOPInstanceUID), "dimensions")
    for item in (*written.get("DimensionOrganizationSequence", ()), *written.get("DimensionIndexSequence", ())):
        item.DimensionOrganizationUID = organization


def _read(path: Path) -> Dataset:
    try:
        tags = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    except (OSError, InvalidDicomError) as error:
        raise LesionkitError(f"{path}: the image of the findings is gone ({error}); put it back") from error
    missing = [keyword for keyword in _NEEDED if not tags.get(keyword)]
    if missing:
        raise LesionkitError(
            f"{path}: findings refer to an image by its tags, but {', '.join(missing)} is missing; add it, or export "
            "to a format that refers to none"
        )
    for keyword in _MAY_BE_EMPTY:
        if keyword not in tags:
            setattr(tags, keyword, "")
    if not tags.get("Modality"):
        tags.Modality = _MODALITY.get(str(tags.SOPClassUID), "OT")
    return tags
