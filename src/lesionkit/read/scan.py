"""Any scan on disk -> one CT case: the one door for everything that reads a CT."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import Plane
from lesionkit.core.names import printable
from lesionkit.read.dicom.choose import choose_series
from lesionkit.read.dicom.folder import Folder, is_index, scan_folder
from lesionkit.read.dicom.header import Header, read_header
from lesionkit.read.dicom.order import stack_slices
from lesionkit.read.dicom.scan import read_one, read_series
from lesionkit.read.dicom.series import SeriesInfo
from lesionkit.read.options import ScanOptions
from lesionkit.read.volume import read_volume, volume_stem
from lesionkit.read.volume_names import SUFFIXES, volume_suffix

__all__ = [
    "ScanOptions",
    "Survey",
    "files_of_scan",
    "find_scans",
    "open_scan",
    "planes_of_scan",
    "scan_name",
    "survey_scans",
]

_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff"}


def open_scan(path: Path, options: ScanOptions | None = None) -> Case:
    """One CT scan.

    Args:
        path: a .mhd, .mha, .nii, .nii.gz or .nrrd file, a DICOM folder, one file of a DICOM series, or `FOLDER/NAME`
            for the scan called NAME of a folder that holds several, as `survey_scans` gives it.

    Returns:
        int16 HU of at least -1024 on the scan's own grid; `facts` tell what else the file says.

    Raises:
        LesionkitError: the path is missing, no CT, or a CT that cannot be used; one sentence says why.
    """
    path = Path(path)
    options = options or ScanOptions()
    try:
        return _open(path, options)
    except OSError as error:
        raise LesionkitError(f"{path}: cannot be read: {error.strerror or error}; check the path") from error


def _open(path: Path, options: ScanOptions) -> Case:
    if path.is_dir():
        volumes = [] if options.series else _volumes(path)
        if volumes and not any(file.parent == path for s in scan_folder(path).series for file in s.files):
            if len(volumes) > 1:
                raise LesionkitError(
                    f"{path}: one scan is wanted, but the folder holds {len(volumes)} volume files; give one"
                )
            return read_volume(volumes[0], options)
        return read_series(path, options)
    if volume_suffix(path):
        return read_volume(path, options)
    if path.suffix.lower() in _PICTURES:
        raise LesionkitError(f"{path}: a CT is a DICOM folder or a {', '.join(SUFFIXES)} file, got a picture")
    if path.is_file():
        return _open_file(path, options)
    if path.parent.is_dir() and (one := _named(path)) is not None:
        return read_one(scan_folder(path.parent), one, options, tell_rest=False)
    raise LesionkitError(f"{path}: a CT is a DICOM folder or a {', '.join(SUFFIXES)} file, got nothing")


def _open_file(path: Path, options: ScanOptions) -> Case:
    if is_index(path):
        return read_series(path.parent, options)
    if read_header(path) is None:
        raise LesionkitError(
            f"{path}: a CT is a DICOM folder or a {', '.join(SUFFIXES)} file, got a file of unknown kind"
        )
    found = scan_folder(path.parent)
    one = next((s for s in found.series if path in s.files), None)
    if one is None:
        raise LesionkitError(f"{path}: a file of a hidden or trash folder is not read; give a copy elsewhere")
    return read_one(found, one, options)


@dataclass(frozen=True)
class Survey:
    """What there is to be searched below a path, and what is not.

    Attributes:
        scans: a path for each scan: its file, its folder where that holds no other, else `FOLDER/NAME`.
        unused: what is no scan though somebody may expect one -> why.
        notes: sentences on what was passed over rightly: localisers, reports, other modalities of the same patients.
    """

    scans: tuple[Path, ...]
    unused: Mapping[str, str]
    notes: tuple[str, ...]


def survey_scans(path: Path, options: ScanOptions | None = None) -> Survey:
    """The scans below a path, in whatever layout: itself if it is one, else every volume file and every CT series.

    A series is a scan of its own whether it has a folder, shares one, or is spread over several. Series of other kinds
    are passed over where their patient has a scan.

    Args:
        options: with `series`, only the DICOM series of that UID, UID ending or number.

    Raises:
        LesionkitError: there is nothing that looks like a scan.
    """
    path = Path(path)
    if not path.is_dir():
        if not path.exists() and (not path.parent.is_dir() or _named(path) is None):
            raise LesionkitError(f"{path}: there is no such file or folder")
        return survey_scans(path.parent, options) if is_index(path) else Survey((path,), {}, ())
    folder = scan_folder(path)
    wanted = options.series if options is not None else None
    volumes = [] if wanted else [file for file in folder.others if volume_suffix(file)]
    scans = [s for s in folder.series if s.is_scan]
    patients = {s.patient_id for s in scans}
    rest = [s for s in folder.series if not s.is_scan]
    if wanted:
        scans = _wanted(folder, wanted)
    if not scans and not volumes:
        scans, rest = rest, []
    if not scans and not volumes:
        damaged = f"; {_say_strays(folder.strays)}" if folder.strays else ""
        raise LesionkitError(f"{path}: the folder holds no scan (DICOM slices or {', '.join(SUFFIXES)} files){damaged}")
    unused = _unused(folder, [s for s in rest if s.patient_id not in patients])
    paths = {*volumes, *_paths(path, scans, {volume.parent for volume in volumes})}
    return Survey(tuple(sorted(paths)), unused, _notes([s for s in rest if s.patient_id in patients]))


def find_scans(path: Path) -> list[Path]:
    """The scans of `survey_scans` alone.

    Raises:
        LesionkitError: there is nothing that looks like a scan.
    """
    return list(survey_scans(path).scans)


def files_of_scan(path: Path) -> list[Path]:
    """The files and folders whose content makes up a scan: itself, or the slices of one that shares a folder."""
    one = None if path.exists() or not path.parent.is_dir() else _named(path)
    return [path] if one is None else list(one.files)


def planes_of_scan(path: Path, options: ScanOptions | None = None) -> tuple[Plane, ...]:
    """The DICOM images of a scan in the order of its array, each where its own header puts it; none of a volume file.

    Raises:
        LesionkitError: there is no such scan, or it cannot be used.
    """
    path, options = Path(path), options or ScanOptions()
    if volume_suffix(path) and not path.is_dir():
        return ()
    try:
        one = _series_of(path, options)
    except LesionkitError:
        if path.exists() and not scan_folder(path if path.is_dir() else path.parent).series:
            return ()
        raise
    if one is None and not path.exists():
        raise LesionkitError(f"{path}: the scan is gone; put it back where it was")
    if one is None or not one.headers:
        return ()
    return tuple(map(plane_of, stack_slices(one.headers, options.allow_gaps).headers))


def plane_of(header: Header) -> Plane:
    """Where a DICOM image lies, as a writer of what refers to it needs it."""
    return Plane(
        header.path, header.frame, header.shape, header.position_mm, header.orientation, header.pixel_spacing_mm
    )


def scan_name(path: Path, options: ScanOptions | None = None) -> str:
    """What `open_scan` would call a scan, without reading its samples; the name of the file where nothing tells."""
    path = Path(path)
    if volume_suffix(path) and not path.is_dir():
        return volume_stem(path)
    try:
        one = _series_of(path, options or ScanOptions())
    except (LesionkitError, OSError):
        one = None
    return printable(path.name) if one is None else one.case_id


def _series_of(path: Path, options: ScanOptions) -> SeriesInfo | None:
    if path.is_dir() or is_index(path):
        series = scan_folder(path if path.is_dir() else path.parent).series
        scans = [s for s in series if s.is_scan]
        return scans[0] if len(scans) == 1 and not options.series else choose_series(series, options.series)
    if path.is_file():
        return next((s for s in scan_folder(path.parent).series if path in s.files), None)
    return _named(path)


def _named(path: Path) -> SeriesInfo | None:
    """The scan of a folder that has the name of a path which is not there."""
    return next((s for s in scan_folder(path.parent).series if s.is_scan and s.name == path.name), None)


def _wanted(folder: Folder, wanted: str) -> list[SeriesInfo]:
    """The scans a user means by a UID, an ending of a UID, or a series number, which each patient may have."""
    for found in (
        [s for s in folder.series if s.is_scan and (s.uid == wanted or s.case_id == wanted)],
        [s for s in folder.series if s.is_scan and s.number is not None and str(s.number) == wanted],
        [s for s in folder.series if s.is_scan and s.uid.endswith(wanted)],
    ):
        if found:
            return found
    try:
        return [choose_series(folder.series, wanted)]
    except LesionkitError as error:
        raise LesionkitError(f"{folder.path}: {error}") from error


def _paths(root: Path, scans: Sequence[SeriesInfo], with_volumes: set[Path]) -> list[Path]:
    """A path for each scan, by which `open_scan` finds it and no other."""
    below: dict[Path, set[int]] = defaultdict(set)
    for number, scan in enumerate(scans):
        for place in {file.parent for file in scan.files}:
            for above in (place, *place.parents):
                below[above].add(number)
    paths = []
    for scan in scans:
        if scan.case_id != scan.uid and len({s.case_id for s in scans if s.uid == scan.uid}) > 1:
            paths.append(root / scan.name)
        elif len(below[scan.place]) > 1 or scan.place in with_volumes:
            paths.append(scan.place / scan.name)
        else:
            paths.append(scan.place)
    return paths


def _unused(folder: Folder, series: Sequence[SeriesInfo]) -> dict[str, str]:
    why = {s.place / s.name: str(s) for s in series}
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for stray in folder.strays:
        by_folder[stray.parent].append(stray)
    why |= {place: _say_strays(files) for place, files in by_folder.items()}
    why |= {place: f"it cannot be read: {reason}" for place, reason in (folder.unreadable or {}).items()}
    return {str(place): f"{place}: {reason}" for place, reason in why.items()}


def _say_strays(files: Sequence[Path]) -> str:
    return f"{len(files)} files are no readable DICOM images, first '{files[0].name}'; copy them again or remove them"


def _notes(series: Sequence[SeriesInfo]) -> tuple[str, ...]:
    kinds = Counter(s.skipped for s in series)
    return tuple(f"{count} series were passed over: {why}" for why, count in kinds.items())


def _volumes(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if volume_suffix(p) and p.is_file() and not p.name.startswith("."))
