"""When an image was taken, as its header says."""

from datetime import date, datetime
from pathlib import Path

import pydicom

_TAGS = ("AcquisitionDate", "SeriesDate", "StudyDate", "ContentDate")


def day_of(path: Path) -> date | None:
    """The day a DICOM image was taken; None where the file is no DICOM, or does not say it in eight digits."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
    # Whatever is wrong with it, it tells no day.
    except Exception:
        return None
    for tag in _TAGS:
        try:
            return datetime.strptime(str(header.get(tag, "")).strip(), "%Y%m%d").date()
        except ValueError:
            continue
    return None
