"""What lies at a path -> every image there as its header describes it, whatever its kind. No pixel is read."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lesionkit.core.errors import LesionkitError
from lesionkit.read.dicom.folder import scan_folder
from lesionkit.read.dicom.header import read_header
from lesionkit.read.dicom.series import SeriesInfo
from lesionkit.read.options import ScanOptions
from lesionkit.read.patch_set import is_patch_set, read_patch_set
from lesionkit.read.picture import SUFFIXES as PICTURES
from lesionkit.read.picture import find_pictures
from lesionkit.read.seen import Seen, see_picture, see_series, see_slide, see_volume
from lesionkit.read.slide.set import find_slides
from lesionkit.read.slide.suffixes import SUFFIXES as SLIDES
from lesionkit.read.slide.whole import SlideOptions
from lesionkit.read.volume_names import volume_suffix

_SLIDE, _NO_CT = "SM", {"CR", "DX", "RG", "RF", "MG", "IO", "PX", "OT", "XA"}


def look(path: Path, scans: ScanOptions | None = None, slides: SlideOptions | None = None) -> tuple[Seen, ...]:
    """Everything at a path that is an image: one file, one series, or a folder of many of any kind.

    Images of no use to us (other modalities, localisers, reports) have the kind "other" and say why.

    Raises:
        LesionkitError: there is nothing at the path, or nothing that looks like an image.
    """
    path = Path(path)
    if path.is_dir():
        found = tuple(_in_folder(path, scans or ScanOptions(), slides))
        if not found:
            raise LesionkitError(f"{path}: there is no scan, radiograph or slide in the folder")
        return found
    if not path.exists():
        raise LesionkitError(f"{path}: there is no such file or folder; check the spelling")
    return (_file(path, scans or ScanOptions(), slides),)


def _file(path: Path, scans: ScanOptions, slides: SlideOptions | None) -> Seen:
    suffix = path.suffix.lower()
    if volume_suffix(path):
        return see_volume(path, scans)
    header = read_header(path)
    if header is not None and header.modality == _SLIDE:
        return see_slide(path, slides)
    if header is not None and header.modality in _NO_CT:
        return see_picture(path)
    if header is not None:
        series = next(one for one in scan_folder(path.parent).series if one.uid == header.series_uid)
        return see_series(series, path.parent, scans.allow_gaps)
    if suffix in PICTURES:
        return see_picture(path)
    if suffix in SLIDES:
        return see_slide(path, slides)
    raise LesionkitError(f"{path}: a file of unknown kind; a CT, a radiograph or a whole slide can be looked at")


def _in_folder(folder: Path, scans: ScanOptions, slides: SlideOptions | None) -> Iterator[Seen]:
    if is_patch_set(folder):
        patches = read_patch_set(folder)
        facts = {"patches": len(patches), "with_tumour": int(patches.labels.sum())}
        yield Seen("patches", folder.name, folder, patches.paths[0].suffix.lstrip("."), facts=facts)
        return
    files = _files(folder)
    yield from (see_volume(file, scans) for file in files if volume_suffix(file))
    modalities = _modalities(files)
    if set(modalities.values()) - _NO_CT - {_SLIDE}:
        found = [one for one in scan_folder(folder).series if one.modality not in _NO_CT | {_SLIDE}]
        yield from (see_series(one, _folder_of(one, folder), scans.allow_gaps) for one in found)
    pictures = [file for file in _found(find_pictures, folder) if file.suffix.lower() in PICTURES]
    yield from map(see_picture, [*pictures, *(file for file, kind in modalities.items() if kind in _NO_CT)])
    whole = [file for file in _found(find_slides, folder) if file.suffix.lower() != ".dcm"]
    levels = {file.parent: file for file, kind in modalities.items() if kind == _SLIDE}
    yield from (see_slide(file, slides) for file in [*whole, *levels.values()])


def _modalities(files: Sequence[Path]) -> dict[Path, str]:
    """Of the files that are DICOM images."""
    known = (*PICTURES, *(suffix for suffix in SLIDES if suffix != ".dcm"))
    maybe = [file for file in files if not volume_suffix(file) and file.suffix.lower() not in known]
    return {file: header.modality for file in maybe if (header := read_header(file)) is not None}


def _folder_of(series: SeriesInfo, folder: Path) -> Path:
    folders = {header.path.parent for header in series.headers}
    return Path(os.path.commonpath(folders)) if folders else folder


def _found(find: Callable[[Path], list[Path]], folder: Path) -> Sequence[Path]:
    try:
        return find(folder)
    except LesionkitError:  # that there is none of this kind is no news
        return ()


def _files(folder: Path) -> list[Path]:
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(root, name) for name in sorted(names) if not name.startswith(".")]
    return found
