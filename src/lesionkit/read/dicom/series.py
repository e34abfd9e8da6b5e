"""Which DICOM series a folder holds, and which of them to read."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.read.dicom.header import CT_STORAGE, ENHANCED_CT_STORAGE, Header, read_header
from lesionkit.read.options import MIN_SLICES

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_OVERVIEW_WORDS = {"LOCALIZER", "SCOUT", "TOPOGRAM", "TOPO", "SURVIEW", "SCANOGRAM"}
_NO_SCAN = re.compile(r"scout|topogram|locali[sz]er|surview|scanogram|dose (report|info)|patient protocol", re.I)
_CHEST = re.compile(r"chest|thora|lung|pulm|torax", re.I)
_ELSEWHERE = re.compile(r"head|brain|skull|neck|abdom|pelvi|extremit|knee|foot|spine|sinus", re.I)


@dataclass(frozen=True)
class SeriesInfo:
    """One series of a folder.

    Attributes:
        number: as the scanner counted, None where it does not say.
        slices: images that belong to the volume.
        spacing_mm: distance between slices (median), between rows, between columns; None where unknown.
        skipped: why this is no CT volume; None where it is one.
        left_out: sentences on images of the series that do not belong to the volume.
        headers: the files of the volume, in no particular order.
    """

    uid: str
    number: int | None
    description: str
    modality: str
    slices: int
    shape: tuple[int, int]
    spacing_mm: tuple[float, float, float] | None
    body_part: str
    kernel: str
    skipped: str | None
    left_out: tuple[str, ...] = ()
    headers: tuple[Header, ...] = field(default=(), repr=False, compare=False)

    def __str__(self) -> str:
        """One line for a list, such as `series 3: CT "CHEST LUNG", 133 slices of 512x512, 2.5 mm apart … (uid)`."""
        number = "?" if self.number is None else self.number
        apart = f", {self.spacing_mm[0]:.4g} mm apart" if self.spacing_mm and self.slices > 1 else ""
        kernel = f", kernel {self.kernel}" if self.kernel else ""
        title = f' "{self.description or self.body_part}"' if self.description or self.body_part else ""
        why = f"; skipped: {self.skipped}" if self.skipped else ""
        size = f"{self.slices} slices of {self.shape[0]}x{self.shape[1]}"
        return f"series {number}: {self.modality or 'no modality'}{title}, {size}{apart}{kernel}{why} ({self.uid})"


@dataclass(frozen=True)
class Folder:
    """What a folder (with its subfolders) holds.

    Attributes:
        series: in order of series number and UID.
        strays: files that are no readable DICOM image.
    """

    path: Path
    series: tuple[SeriesInfo, ...]
    strays: tuple[Path, ...]


def scan_folder(folder: Path) -> Folder:
    """The series of a folder and of its subfolders. Reads headers only, each file once.

    Raises:
        LesionkitError: the folder does not exist.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise LesionkitError(f"a DICOM scan is a folder, but {folder} is {'a file' if folder.exists() else 'missing'}")
    groups: dict[str, list[Header]] = defaultdict(list)
    strays = []
    for path in _files(folder):
        header = read_header(path)
        if header is None:
            strays.append(path)
        else:
            groups[header.series_uid].append(header)
    series = sorted(map(_describe, groups.values()), key=lambda s: (s.number is None, s.number or 0, s.uid))
    return Folder(folder, tuple(series), tuple(strays))


def list_series(folder: Path) -> tuple[SeriesInfo, ...]:
    """Every DICOM series in a folder and its subfolders; `str()` of one is its line in a list."""
    return scan_folder(folder).series


def choose_series(series: Sequence[SeriesInfo], wanted: str | None = None) -> SeriesInfo:
    """The series to read.

    The rule: PET, localisers, dose reports and screenshots never; among CT volumes first those of at least ten slices,
    then those whose body part or description speaks of the chest before unnamed ones and those of other parts last,
    then axial before reformatted, original before derived, then the one with most slices, the thinner, the lower
    series number.

    Args:
        wanted: a UID, a unique ending of a UID, or a series number; overrides the rule.

    Raises:
        LesionkitError: there is no CT volume, or `wanted` names none or several.
    """
    if wanted is not None:
        return _named(series, wanted)
    usable = [s for s in series if s.skipped is None]
    if not usable:
        if not series:
            raise LesionkitError("the folder holds no DICOM image; give a folder with the slices of one CT series")
        raise LesionkitError(f"the folder holds no CT series to read, only {_lines(series)}; give a chest CT")
    return min(usable, key=_rank)


def _named(series: Sequence[SeriesInfo], wanted: str) -> SeriesInfo:
    for found in (
        [s for s in series if s.uid == wanted],
        [s for s in series if s.number is not None and str(s.number) == wanted],
        [s for s in series if s.uid.endswith(wanted)],
    ):
        if len(found) > 1:
            raise LesionkitError(f"series '{wanted}' fits {len(found)} series; give more of the UID of {_lines(found)}")
        if found and found[0].skipped:
            raise LesionkitError(
                f"series '{wanted}' is no CT volume: {found[0].skipped}; choose one of {_lines(series)}"
            )
        if found:
            return found[0]
    raise LesionkitError(f"there is no series '{wanted}'; choose one of {_lines(series)}")


def _lines(series: Sequence[SeriesInfo], most: int = 5) -> str:
    more = [f"and {len(series) - most} more series"] if len(series) > most else []
    return "; ".join([*map(str, series[:most]), *more])


def _rank(series: SeriesInfo) -> tuple[bool, int, bool, bool, int, float, float, str]:
    first = series.headers[0]
    return (
        series.slices < MIN_SLICES,
        _away_from_chest(series),
        not _is_axial(first),
        "ORIGINAL" not in first.image_type,
        -series.slices,
        series.spacing_mm[0] if series.spacing_mm else np.inf,
        series.number if series.number is not None else np.inf,
        series.uid,
    )


def _away_from_chest(series: SeriesInfo) -> int:
    words = " ".join([series.body_part, series.description, series.headers[0].text("ProtocolName")])
    if _CHEST.search(words):
        return 0
    return 2 if _ELSEWHERE.search(words) else 1


def _is_axial(header: Header) -> bool:
    normal = normal_of(header)
    return normal is not None and abs(normal[2]) > 0.8


def normal_of(header: Header) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
    """Unit vector of the slice plane, rows × columns; None where the orientation is missing or degenerate."""
    if not header.orientation:
        return None
    row, column = np.array(header.orientation[:3]), np.array(header.orientation[3:])
    normal = np.cross(row, column)
    length = float(np.linalg.norm(normal))
    return normal / length if length > 0.5 else None


def _describe(headers: list[Header]) -> SeriesInfo:
    reasons = [_reason_to_skip(header) for header in headers]
    kept = [header for header, reason in zip(headers, reasons, strict=True) if reason is None]
    why = Counter(reason for reason in reasons if reason is not None)
    first = (kept or headers)[0]
    left_out = tuple(f"{n} images of the series were left out: {reason}" for reason, n in why.items()) if kept else ()
    number = first.number("SeriesNumber")
    return SeriesInfo(
        uid=first.series_uid,
        number=None if number is None else int(number),
        description=first.text("SeriesDescription"),
        modality=first.modality,
        slices=len(kept or headers),
        shape=first.shape,
        spacing_mm=_spacing(kept),
        body_part=first.text("BodyPartExamined"),
        kernel=first.text("ConvolutionKernel"),
        skipped=None if kept else why.most_common(1)[0][0],
        left_out=left_out,
        headers=tuple(kept),
    )


def _reason_to_skip(header: Header) -> str | None:
    """Why an image takes no part in a CT volume."""
    if header.modality != "CT":
        return f"modality {header.modality or 'unknown'}, not CT"
    if header.sop_class == ENHANCED_CT_STORAGE or header.frames > 1:
        return "an enhanced multi-frame CT; convert it to one file per slice or to .nii.gz"
    if header.sop_class.startswith(_SECONDARY_CAPTURE):
        return "a secondary capture (screenshot or report)"
    if header.sop_class and header.sop_class != CT_STORAGE:
        return "no CT image (other kind of object)"
    if header.samples_per_pixel != 1 or header.tags.get("PhotometricInterpretation") == "PALETTE COLOR":
        return "a colour picture"
    if _OVERVIEW_WORDS & set(header.image_type) or _NO_SCAN.search(header.text("SeriesDescription")):
        return "a localiser or report, not a volume"
    if min(header.shape) < 1 or not header.position_mm or normal_of(header) is None:
        return "no position, orientation or size"
    if header.bits_allocated not in (8, 16, 32):
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


def _files(folder: Path) -> list[Path]:
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found += [Path(root, name) for name in sorted(names) if not name.startswith(".")]
    return found
