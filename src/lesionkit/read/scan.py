"""Any scan on disk -> one CT case: the one door for everything that reads a CT."""

import os
from collections.abc import Mapping
from pathlib import Path

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.read.dicom.header import Header, read_header
from lesionkit.read.dicom.scan import read_series
from lesionkit.read.options import ScanOptions
from lesionkit.read.volume import SUFFIXES, read_volume, volume_stem, volume_suffix

__all__ = ["ScanOptions", "find_scans", "open_scan", "scan_name"]

_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff"}
_NEVER_DICOM = {".csv", ".json", ".parquet", ".raw", ".zraw", ".xml", ".txt", *_PICTURES}


def open_scan(path: Path, options: ScanOptions | None = None) -> Case:
    """One CT scan: a DICOM folder, one file of a DICOM series, or a .mhd, .mha, .nii, .nii.gz or .nrrd file.

    Returns:
        int16 HU of at least -1024 on the scan's own grid; `facts` tell what else the file says.

    Raises:
        LesionkitError: the path is missing, no CT, or a CT that cannot be used; one sentence says why.
    """
    path = Path(path)
    options = options or ScanOptions()
    if path.is_dir():
        volumes = [] if options.series else _volumes(path)
        if volumes and _first_image(path) is None:
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
    header = read_header(path) if path.is_file() else None
    if header is not None:
        return read_series(path.parent, ScanOptions(series=header.series_uid, allow_gaps=options.allow_gaps))
    what = "a file of unknown kind" if path.exists() else "nothing"
    raise LesionkitError(f"{path}: a CT is a DICOM folder or a {', '.join(SUFFIXES)} file, got {what}")


def find_scans(path: Path) -> list[Path]:
    """The scans below a path: itself if it is one, else every volume file and every folder with CT slices below it.

    Folders of other modalities and of localisers are passed over as long as there is any scan.

    Raises:
        LesionkitError: there is nothing that looks like a scan.
    """
    path = Path(path)
    if not path.is_dir():
        if not path.exists():
            raise LesionkitError(f"{path}: there is no such file or folder")
        return [path]
    folders = [path, *sorted(p for p in path.rglob("*") if p.is_dir() and not p.name.startswith("."))]
    volumes = [volume for folder in folders for volume in _volumes(folder)]
    firsts = {folder: header for folder in folders if (header := _first_image(folder)) is not None}
    ct = {folder: header for folder, header in firsts.items() if _is_ct(header)}
    scans = volumes + _series_folders(ct or ({} if volumes else firsts))
    if not scans:
        raise LesionkitError(f"{path}: the folder holds no scan (DICOM slices or {', '.join(SUFFIXES)} files)")
    return sorted(scans)


def scan_name(path: Path, options: ScanOptions) -> str:
    """What a scan is called, without reading its samples: its series UID where a header tells, else its file's name."""
    if options.series:
        return options.series
    if volume_suffix(path) and path.is_file():
        return volume_stem(path)
    header = _first_image(path) if path.is_dir() else read_header(path)
    return (header.series_uid if header is not None else "") or path.name


def _series_folders(firsts: Mapping[Path, Header]) -> list[Path]:
    """Folders with one series each. Folders that share a series but not their first image hold parts of it; then the
    folder above them all is the scan."""
    parts: dict[str, list[Path]] = {}
    for folder, header in firsts.items():
        parts.setdefault(header.series_uid, []).append(folder)
    found = []
    for folders in parts.values():
        copies = len({firsts[folder].sop_uid for folder in folders}) == 1
        found += folders if copies else [Path(os.path.commonpath(folders))]
    return list(dict.fromkeys(found))


def _volumes(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if volume_suffix(p) and p.is_file() and not p.name.startswith("."))


def _is_ct(header: Header) -> bool:
    return header.modality == "CT" and "LOCALIZER" not in header.image_type


def _first_image(folder: Path) -> Header | None:
    """The first DICOM image that lies directly in a folder."""
    for file in sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")):
        if not volume_suffix(file) and file.suffix.lower() not in _NEVER_DICOM:
            header = read_header(file)
            if header is not None:
                return header
    return None
