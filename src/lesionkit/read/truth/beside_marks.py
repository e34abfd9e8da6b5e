"""What was marked in a viewer and lies beside scans, found while their headers are read."""

from pathlib import Path

from lesionkit.read.dicom.folder import scan_folder
from lesionkit.read.truth.marked_files import MarkedSet, marked_beside
from lesionkit.read.volume_names import volume_suffix

_OBJECTS = ("SEG", "RTSTRUCT")


def marks_in(path: Path) -> MarkedSet:
    """What is marked in a folder of scans and its subfolders, or directly beside the file of one.

    Args:
        path: a folder, a file, or `FOLDER/NAME` for one of several scans of a folder.
    """
    if path.is_file() and volume_suffix(path):
        # Of what else there may be below its folder nobody asked.
        return marked_beside((), sorted(path.parent.iterdir()))
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        return MarkedSet(())
    found = scan_folder(folder)
    objects = [file for series in found.series if series.modality in _OBJECTS for file in series.files]
    return marked_beside(objects, found.others)
