"""Rows of a catalogue that are one scan, and names for those that only share a name."""

import os
from collections import Counter
from pathlib import Path
from typing import Any, TypeAlias

from lesionkit.core.errors import LesionkitError

Row: TypeAlias = dict[str, Any]


def without_duplicates(rows: list[Row]) -> list[Row]:
    """One row per content; DICOM, which says most, is kept before other formats, then the first path."""
    kept: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: row["format"] != "dicom"):
        first = kept.setdefault(row["content_hash"] or row["path"], row)
        if first is not row:
            first["duplicates"].append(row["path"])
            first.setdefault("aliases", []).append(row["case_id"])
    found = sorted(kept.values(), key=lambda row: str(row["path"]))
    _name_apart(found)
    return found


def _name_apart(rows: list[Row]) -> None:
    """Files of one name in several folders (`p1/ct.nii.gz`, `p2/ct.nii.gz`) are called after folder and file."""
    names = Counter(row["case_id"] for row in rows)
    for row in rows:
        if names[row["case_id"]] > 1 and (row["failure"] or row["format"] != "dicom"):
            alone = row["patient_id"] == row["case_id"]
            row["case_id"] = f"{Path(row['path']).parent.name}-{row['case_id']}"
            row["patient_id"] = row["case_id"] if alone else row["patient_id"]
    for case_id in [name for name, count in Counter(row["case_id"] for row in rows).items() if count > 1]:
        _call_by_folder([row for row in rows if row["case_id"] == case_id])


def _call_by_folder(rows: list[Row]) -> None:
    """Patients who share all their UIDs are called after the folders in which their paths part."""
    above = Path(os.path.commonpath([row["path"] for row in rows]))
    for row in rows:
        row["case_id"] = f"{Path(row['path']).relative_to(above).parts[0]}-{row['case_id']}"
    if len({row["case_id"] for row in rows}) < len(rows):
        raise LesionkitError(
            f"two scans are called '{rows[0]['case_id']}' but differ: {rows[0]['path']} and {rows[1]['path']}; "
            "rename or remove one"
        )
