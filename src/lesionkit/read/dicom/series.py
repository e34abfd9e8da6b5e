"""What one DICOM series is: its line in a list, and why it is no CT volume if it is none."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lesionkit.read.dicom.header import CT_STORAGE, ENHANCED_CT_STORAGE, Header

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_OVERVIEW_WORDS = {"LOCALIZER", "SCOUT", "TOPOGRAM", "TOPO", "SURVIEW", "SCANOGRAM"}
_NO_SCAN = re.compile(r"scout|topogram|locali[sz]er|surview|scanogram|dose (report|info)|patient protocol", re.I)
_DEFECT = re.compile(r"no position|no pixel spacing|\d+ bits per pixel")


@dataclass(frozen=True)
class SeriesInfo:
    """One series of a folder: the images of one patient, study, series, frame of reference and orientation.

    Attributes:
        case_id: what the scan is called: its UID, with the patient before it where several patients share that.
        number: as the scanner counted, None where it does not say.
        slices: images that belong to the volume.
        spacing_mm: distance between slices (median), between rows, between columns; None where unknown.
        skipped: why this is no CT volume; None where it is one.
        place: the folder that holds all of its files, directly or below.
        files: of all of its images, also those that are left out.
        left_out: sentences on images of the series that do not belong to the volume.
        headers: the images of the volume, in no particular order.
    """

    uid: str
    case_id: str
    patient_id: str
    study_uid: str
    number: int | None
    description: str
    modality: str
    slices: int
    shape: tuple[int, int]
    spacing_mm: tuple[float, float, float] | None
    body_part: str
    kernel: str
    skipped: str | None
    place: Path = Path()
    files: tuple[Path, ...] = field(default=(), repr=False, compare=False)
    left_out: tuple[str, ...] = ()
    headers: tuple[Header, ...] = field(default=(), repr=False, compare=False)

    @property
    def is_scan(self) -> bool:
        """Whether somebody would call it a CT scan, even one with a defect that keeps it from being read."""
        return self.skipped is None or (self.modality == "CT" and _DEFECT.match(self.skipped) is not None)

    @property
    def name(self) -> str:
        """The case id as the name of a file."""
        safe = re.sub(r"[^\w.\- ]", "_", self.case_id)
        return safe if safe.strip(".") else "_" + safe

    def __str__(self) -> str:
        """One line for a list, such as `series 3: CT "CHEST LUNG", 133 slices of 512x512, 2.5 mm apart … (uid)`."""
        number = "?" if self.number is None else self.number
        apart = f", {self.spacing_mm[0]:.4g} mm apart" if self.spacing_mm and self.slices > 1 else ""
        kernel = f", kernel {self.kernel}" if self.kernel else ""
        title = f' "{self.description or self.body_part}"' if self.description or self.body_part else ""
        why = f"; skipped: {self.skipped}" if self.skipped else ""
        size = f"{self.slices} slices of {self.shape[0]}x{self.shape[1]}"
        return f"series {number}: {self.modality or 'no modality'}{title}, {size}{apart}{kernel}{why} ({self.case_id})"


def normal_of(header: Header) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
    """Unit vector of the slice plane, rows × columns; None where the orientation is missing or degenerate."""
    if not header.orientation:
        return None
    row, column = np.array(header.orientation[:3]), np.array(header.orientation[3:])
    normal = np.cross(row, column)
    length = float(np.linalg.norm(normal))
    return normal / length if length > 0.5 else None


def describe_series(headers: Sequence[Header], case_id: str) -> SeriesInfo:
    """What the images of one scan are together."""
    reasons = [reason_to_skip(header) for header in headers]
    kept = [header for header, reason in zip(headers, reasons, strict=True) if reason is None]
    why = Counter(reason for reason in reasons if reason is not None)
    first = (kept or headers)[0]
    left_out = tuple(f"{n} images of the series were left out: {reason}" for reason, n in why.items()) if kept else ()
    number = first.number("SeriesNumber")
    return SeriesInfo(
        uid=first.series_uid,
        case_id=case_id,
        patient_id=first.text("PatientID"),
        study_uid=first.study_uid,
        number=None if number is None else int(number),
        description=first.text("SeriesDescription"),
        modality=first.modality,
        slices=len(kept or headers),
        shape=first.shape,
        spacing_mm=_spacing(kept),
        body_part=first.text("BodyPartExamined"),
        kernel=first.text("ConvolutionKernel"),
        skipped=None if kept else why.most_common(1)[0][0],
        place=Path(os.path.commonpath([header.path.parent for header in headers])),
        files=tuple(dict.fromkeys(header.path for header in headers)),
        left_out=left_out,
        headers=tuple(kept),
    )


def reason_to_skip(header: Header) -> str | None:
    """Why an image takes no part in a CT volume."""
    if header.modality != "CT":
        return f"modality {header.modality or 'unknown'}, not CT"
    if header.sop_class.startswith(_SECONDARY_CAPTURE):
        return "a secondary capture (screenshot or report)"
    if header.sop_class and header.sop_class not in (CT_STORAGE, *ENHANCED_CT_STORAGE):
        return "no CT image (other kind of object)"
    if header.samples_per_pixel != 1 or header.text("PhotometricInterpretation") == "PALETTE COLOR":
        return "a colour picture"
    if _OVERVIEW_WORDS & set(header.image_type) or _NO_SCAN.search(header.text("SeriesDescription")):
        return "a localiser or report, not a volume"
    if min(header.shape) < 1 or not header.position_mm or normal_of(header) is None:
        return "no position, orientation or size"
    if header.bits_allocated not in (8, 16, 32) and not header.float_type:
        return f"{header.bits_allocated} bits per pixel, not 8, 16 or 32"
    if not header.pixel_spacing_mm or min(header.pixel_spacing_mm) <= 0:
        return "no pixel spacing"
    return None


def _spacing(headers: Sequence[Header]) -> tuple[float, float, float] | None:
    normal = normal_of(headers[0]) if headers else None
    if normal is None:
        return None
    heights = np.unique(np.round([normal @ np.array(header.position_mm) for header in headers], 3))
    between = float(np.median(np.diff(heights))) if len(heights) > 1 else headers[0].number("SliceThickness") or 0.0
    rows, columns = headers[0].pixel_spacing_mm
    return between, rows, columns
