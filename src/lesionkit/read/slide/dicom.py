"""The DICOM instances that a slide is made of: one multi-frame image for each level of its pyramid."""

from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from lesionkit.core.handed import Plane
from lesionkit.read.dicom.bounded import read_tags
from lesionkit.read.slide.openslide import vendor_of


def planes_of_slide(path: Path) -> tuple[Plane, ...]:
    """The levels of a DICOM whole slide image, the finest first; none where the slide is no DICOM.

    As OpenSlide does, it takes the files of a series in one folder, and neither labels, thumbnails nor overviews.

    Args:
        path: any file of the series.

    Returns:
        A plane per level: its shape is that of the total pixel matrix, its spacing that of its samples, and its frame
        0, for a place on a slide is told in pixels of the whole level.
    """
    if vendor_of(path) != "dicom":
        return ()
    series = read_tags(path, force=False, stop_before_pixels=True).get("SeriesInstanceUID")
    levels = []
    for file in sorted(path.parent.iterdir()):
        tags = _level(file) if file.is_file() else None
        if tags is not None and tags.get("SeriesInstanceUID") == series:
            shape = (int(tags.TotalPixelMatrixRows), int(tags.TotalPixelMatrixColumns))
            levels.append(Plane(file, 0, shape, spacing_mm=_spacing(tags)))
    return tuple(sorted(levels, key=lambda level: -level.shape[0]))


def _level(file: Path) -> Dataset | None:
    """The header of a level; None of any other file."""
    try:
        tags = read_tags(file, force=False, stop_before_pixels=True)
    except (OSError, InvalidDicomError):
        return None
    kind = [*(tags.get("ImageType") or ()), "", "", ""][2]
    is_level = tags.get("SOPClassUID") == VLWholeSlideMicroscopyImageStorage and kind == "VOLUME"
    return tags if is_level and "TotalPixelMatrixRows" in tags and "TotalPixelMatrixColumns" in tags else None


def _spacing(tags: Dataset) -> tuple[float, ...]:
    groups = (tags.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    measures = (groups.get("PixelMeasuresSequence") or [Dataset()])[0]
    return tuple(map(float, measures.get("PixelSpacing") or ()))
