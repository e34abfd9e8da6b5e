"""Any scan on disk -> one CT case: the one door for everything that reads a CT."""

from pathlib import Path

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.read.dicom import read_series
from lesionkit.read.dicom_header import read_header
from lesionkit.read.options import ScanOptions
from lesionkit.read.volume import SUFFIXES, read_volume, volume_suffix

__all__ = ["ScanOptions", "find_scans", "open_scan"]

_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff"}


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
        if len(volumes) == 1 and not _holds_dicom(path):
            return read_volume(volumes[0])
        return read_series(path, options)
    if volume_suffix(path):
        return read_volume(path)
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
    scans = [volume for folder in folders for volume in _volumes(folder)]
    kinds = {folder: _dicom_kind(folder) for folder in folders}
    scans += [folder for folder, kind in kinds.items() if kind == "ct"] or (
        [] if scans else [folder for folder, kind in kinds.items() if kind]
    )
    if not scans:
        raise LesionkitError(f"{path}: the folder holds no scan (DICOM slices or {', '.join(SUFFIXES)} files)")
    return sorted(scans)


def _volumes(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if volume_suffix(p) and p.is_file() and not p.name.startswith("."))


def _holds_dicom(folder: Path) -> bool:
    return _dicom_kind(folder) is not None


def _dicom_kind(folder: Path) -> str | None:
    """ "ct" or "other" by the first DICOM image that lies directly in a folder, None where there is none."""
    for file in sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")):
        if volume_suffix(file) or file.suffix.lower() in {".csv", ".json", ".raw", ".zraw", ".xml", ".txt", *_PICTURES}:
            continue
        header = read_header(file)
        if header is not None:
            return "ct" if header.modality == "CT" and "LOCALIZER" not in header.image_type else "other"
    return None
