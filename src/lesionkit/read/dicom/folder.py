"""All that a folder holds of DICOM: its scans, whatever its layout, and what belongs to none."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.dataset import FileDataset

from lesionkit.core.errors import LesionkitError
from lesionkit.core.walk import Walk, walk
from lesionkit.read.dicom.frames import expand_frames
from lesionkit.read.dicom.header import Header, read_header
from lesionkit.read.dicom.series import SeriesInfo, describe_series, reason_to_skip
from lesionkit.read.dicom.sort import Group, sort_images

_NO_DICOM = {
    *(".nii", ".gz", ".mha", ".mhd", ".nrrd", ".nhdr", ".raw", ".zraw", ".b2nd", ".npy", ".npz", ".h5", ".safetensors"),
    *(".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".parquet", ".xml", ".html", ".htm", ".txt", ".md", ".log"),
    *(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".svs", ".pdf", ".doc", ".docx", ".xls", ".xlsx"),
    *(".zip", ".tar", ".7z", ".rar", ".exe", ".dll", ".inf", ".ini", ".bat", ".jar", ".js", ".css", ".py", ".db"),
}
"""Files of these kinds are not opened to see whether they are DICOM."""
_DICOM = {".dcm", ".dicom", ".dic", ".ima"}
_INDEX = "dicomdir"
_START_BYTES = 132
_KEPT = 2
_LONGEST_NAME = 160
"""Bytes of a case's name; files have 255, with what is appended."""


@dataclass(frozen=True)
class Folder:
    """What a folder (with its subfolders) holds.

    Attributes:
        series: in order of series number and UID.
        strays: files that should be DICOM images and cannot be read as such.
        others: files of other kinds, which may be volumes, tables or readings.
        unreadable: links and folders that cannot be followed -> why.
    """

    path: Path
    series: tuple[SeriesInfo, ...]
    strays: tuple[Path, ...]
    others: tuple[Path, ...] = ()
    unreadable: Mapping[Path, str] | None = None


_known: dict[Path, tuple[int, Folder]] = {}


def scan_folder(folder: Path) -> Folder:
    """The series of a folder and of its subfolders. Reads headers only, each file once as long as nothing changes.

    Raises:
        LesionkitError: the folder does not exist.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise LesionkitError(f"a DICOM scan is a folder, but {folder} is {'a file' if folder.exists() else 'missing'}")
    found = walk(folder)
    state = _state(found)
    if folder in _known and _known[folder][0] == state:
        return _known[folder][1]
    sorted_ = _sorted(folder, found)
    while len(_known) >= _KEPT:
        _known.pop(next(iter(_known)))
    _known[folder] = state, sorted_
    return sorted_


def list_series(folder: Path) -> tuple[SeriesInfo, ...]:
    """Every DICOM series in a folder and its subfolders; `str()` of one is its line in a list."""
    return scan_folder(folder).series


def is_index(path: Path) -> bool:
    """Whether a file is the DICOMDIR of a disc, which stands for the folder that it lies in."""
    return path.name.lower() == _INDEX and path.is_file()


def _state(found: Walk) -> int:
    """Changes when a file does."""
    marks = []
    for path in found.files:
        try:
            status = path.stat()
        except OSError:
            continue
        marks.append((path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))
    return hash(tuple(marks))


def _sorted(folder: Path, found: Walk) -> Folder:
    headers: list[Header] = []
    described: dict[tuple[str, ...], FileDataset] = {}
    strays: list[Path] = []
    others: list[Path] = []
    for path in found.files:
        suffix = path.suffix.lower()
        header = None if suffix in _NO_DICOM or path.name.lower() == _INDEX else read_header(path)
        if header is not None:
            # A data set has hundreds of thousands of images; what describes a series is kept once.
            alike = (header.series_uid, header.study_uid, header.patient, header.sop_class)
            try:
                headers += expand_frames(replace(header, tags=described.setdefault(alike, header.tags)))
            except LesionkitError:
                strays.append(path)
        else:
            (strays if _should_be_dicom(path) else others).append(path)
    groups = sort_images(headers, lambda header: reason_to_skip(header) is None)
    series = [describe_series(group, name) for group, name in zip(groups, _case_ids(groups), strict=True)]
    series.sort(key=lambda s: (s.number is None, s.number or 0, s.case_id, -s.slices, s.place))
    return Folder(folder, tuple(series), tuple(strays), tuple(others), found.unreadable)


def _should_be_dicom(path: Path) -> bool:
    """Whether a file that cannot be read is a damaged image rather than something else: by its suffix, or its start."""
    suffix, name = path.suffix.lower(), path.name.lower()
    if suffix in _DICOM:
        return True
    if suffix in _NO_DICOM or name == _INDEX:
        return False
    try:
        with path.open("rb") as file:
            start = file.read(_START_BYTES)
    except OSError:
        return True
    # Without a suffix, or numbered (`IM.0001`), a file without a byte is a lost image, one of text is a note.
    nameless = suffix in ("", ".") or suffix[1:].isdigit()
    return start[128:132] == b"DICM" or (nameless and (not start or b"\0" in start))


def _case_ids(groups: Sequence[Group]) -> list[str]:
    """The series UID of each; where patients or studies share it, or it is missing, what tells them apart before it.

    Of the volumes of one series that differ in orientation, frame of reference or time the largest has the name, the
    others a number after it. Scans that differ only in their folder keep one name.
    """
    ids = [group[0].series_uid for group in groups]
    for told in (_patient, _study):
        by: dict[str, set[str]] = defaultdict(set)
        for name, group in zip(ids, groups, strict=True):
            if group[0].modality == "CT":
                by[name].add(told(group[0]))
        ids = [
            "-".join(part for part in (told(group[0]), name) if part) if not name or len(by[name]) > 1 else name
            for name, group in zip(ids, groups, strict=True)
        ]
    ids = [_short(name) for name in ids]
    seen: dict[str, list[int]] = defaultdict(list)
    for number in sorted(range(len(groups)), key=lambda n: (groups[n][0].modality != "CT", -len(groups[n]))):
        seen[ids[number]].append(number)
    for name, numbers in seen.items():
        kinds: dict[tuple[object, ...], int] = {}
        for number in numbers:
            rank = kinds.setdefault(_kind(groups[number][0]), len(kinds))
            ids[number] = (name or "scan") + (f"-{rank + 1}" if rank else "")
    return ids


def _short(name: str) -> str:
    """A name that is too long for files, as of a damaged PatientID, cut, with a digest of all of it."""
    data = name.encode("utf-8", "replace")
    if len(data) <= _LONGEST_NAME:
        return name
    return f"{data[: _LONGEST_NAME - 20].decode('utf-8', 'ignore')}-{hashlib.sha256(data).hexdigest()[:12]}"


def _patient(header: Header) -> str:
    return header.text("PatientID")


def _study(header: Header) -> str:
    return header.study_uid


def _kind(header: Header) -> tuple[object, ...]:
    """What tells volumes of one series apart, roughly."""
    return (
        header.modality,
        tuple(round(value, 1) + 0.0 for value in header.orientation),
        header.frame_of_reference,
        header.stack,
    )
