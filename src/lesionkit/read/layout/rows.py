"""Rows of a catalogue with what a data set of another framework says of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Lesion
from lesionkit.read.layout.entry import ImageSet, SetEntry
from lesionkit.read.truth.join import OUTSIDE_MM, lesions_to_json
from lesionkit.read.truth.label_map import read_label_map


def set_rows(rows: Sequence[dict[str, Any]], images: ImageSet) -> list[dict[str, Any]]:
    """Rows, one per image, with the names, folds and lesions of their entries.

    Args:
        rows: as `describe_scan` gives them, with their paths.
    """
    by_path = {row["path"]: row for row in rows}
    found = []
    for entry in images.entries:
        row = by_path[str(entry.path.resolve())]
        if row["format"] != "dicom":
            row["patient_id"] = entry.case_id if row["patient_id"] == row["case_id"] else row["patient_id"]
            row["case_id"] = entry.case_id
        row["fold"] = entry.fold or row["fold"]
        if entry.looked_at and not row["failure"]:
            _join(row, entry)
        found.append(row)
    if images.notes and found:
        found[0]["warnings"] = [*found[0]["warnings"], *images.notes]
    return found


def entry_lesions(entry: SetEntry, grid: Grid) -> tuple[Lesion, ...]:
    """The lesions of an image that was looked at.

    Raises:
        LesionkitError: the label map cannot be read, or lies elsewhere than its image.
    """
    if entry.labels is None:
        lesions = entry.lesions or ()
    else:
        lesions = read_label_map(entry.labels, entry.values or None, entry.instances)
    places = np.array([lesion.centre_mm for lesion in lesions]).reshape(-1, 3)
    outside = ~grid.contains(places, margin_mm=OUTSIDE_MM) if len(places) else np.zeros(0, bool)
    if outside.any():
        lesion = lesions[int(np.argmax(outside))]
        place = tuple(round(value, 1) for value in lesion.centre_mm)
        raise LesionkitError(
            f"{entry.labels or entry.path}: lesion {lesion.lesion_id} at {place} mm lies outside its image; are both "
            "of one scan, and in one frame?"
        )
    return lesions


def entry_to_json(entry: SetEntry) -> Mapping[str, Any] | None:
    """What is known of an image, to be read when it is scored; None where nobody looked."""
    if not entry.looked_at:
        return None
    if entry.labels is None:
        return {"lesions": lesions_to_json(entry.lesions or ()), "lesions_file": str(entry.path)}
    return {"labels": str(entry.labels), "values": sorted(entry.values), "instances": entry.instances}


def _join(row: dict[str, Any], entry: SetEntry) -> None:
    direction = np.array(row["direction"]).reshape(3, 3)
    grid = Grid(tuple(row["shape"]), tuple(row["spacing_mm"]), tuple(row["origin_mm"]), tuple(map(tuple, direction)))
    try:
        lesions = entry_lesions(entry, grid)
    except LesionkitError as error:
        # A scan whose truth cannot be read is not a healthy one.
        row["failure"] = str(error)
        return
    row["lesions"], row["lesion_count"], row["looked_at"] = lesions_to_json(lesions), len(lesions), True
