"""Joins what lies beside the scans of a data set — tables and reading files — to the rows of its catalogue."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Lesion
from lesionkit.core.untrusted import read_as
from lesionkit.core.walk import walk
from lesionkit.read.truth.beside_marks import marks_in
from lesionkit.read.truth.lidc import read_lidc
from lesionkit.read.truth.lidc_xml import read_lidc_file
from lesionkit.read.truth.luna import lesions_by_case, read_annotations, read_patients, read_series_list

OUTSIDE_MM = 5.0
"""How far beyond the outermost samples a centre may lie: published annotations are not exact."""


def join_truth(rows: Sequence[dict[str, Any]], data: Path, partial: bool = False) -> list[dict[str, Any]]:
    """Rows with patients, lesions and excluded findings from `data`.

    Read are `annotations.csv`, `annotations_excluded.csv`, `seriesuids.csv`, `patients.csv` (in `data` or its folders
    `annotations` and `CSVFILES`), LIDC reading files (*.xml), and what was marked in a viewer (DICOM SEG and RTSTRUCT,
    Slicer's markups). A series is looked at if `seriesuids.csv` lists it; without that file, if the annotations name
    it; or if it has a reading file or marks.

    Args:
        partial: allow rows for series that are not there.

    Raises:
        LesionkitError: a row names a series that is not there, or a place outside its scan.
    """
    by_id = {name: row for row in rows for name in [row["case_id"], *row.pop("aliases", [])]}
    _join_marks(rows, data)
    _join_readings(by_id, data)
    lesions = _join_table(by_id, find_table(data, "annotations.csv"), "lesions", partial)
    _join_table(by_id, find_table(data, "annotations_excluded.csv"), "excluded", partial)
    listed = find_table(data, "seriesuids.csv")
    for name in read_series_list(listed) if listed else lesions:
        if name in by_id:
            by_id[name]["looked_at"] = True
        elif not partial:
            raise LesionkitError(
                f"{listed}: series '{name}' is not among the scans; add it, or allow a partial data set"
            )
    patients = find_table(data, "patients.csv")
    for name, patient in (read_patients(patients) if patients else {}).items():
        if name in by_id:
            by_id[name]["patient_id"] = patient
    for row in rows:
        row["lesion_count"] = len(json.loads(row["lesions"]))
    return list(rows)


def lesions_to_json(lesions: Sequence[Lesion]) -> str:
    """A JSON list of lesions. Inverse of `lesions_from_json`."""
    return json.dumps(
        [
            {
                "centre_mm": list(lesion.centre_mm),
                "diameter_mm": lesion.diameter_mm,
                "kind": lesion.kind,
                "lesion_id": lesion.lesion_id,
                "facts": dict(lesion.facts),
            }
            for lesion in lesions
        ]
    )


def lesions_from_json(text: str) -> tuple[Lesion, ...]:
    """Lesions of a JSON list. Inverse of `lesions_to_json`.

    Raises:
        LesionkitError: the text is something else, as in a record that was changed.
    """
    with read_as("what is kept of a scan's lesions", "a list of lesions", "index or search the scans again"):
        return tuple(Lesion(**{**values, "centre_mm": tuple(values["centre_mm"])}) for values in json.loads(text))


def find_table(data: Path, name: str) -> Path | None:
    """Where a table of a data set lies: in `data` itself or its folders `annotations` and `CSVFILES`, else None."""
    places = [data / name, data / "annotations" / name, data / "CSVFILES" / name]
    return next((place for place in places if place.is_file()), None)


def refuse_outside(path: Path, name: str, lesions: Sequence[Lesion], grid: Grid) -> None:
    """Check that the lesions a table names lie in their scan.

    Args:
        lesions: with `facts["row"]`, as `lesions_by_case` gives them.

    Raises:
        LesionkitError: one lies outside by more than `OUTSIDE_MM`; names file and row.
    """
    if not lesions:
        return
    inside = grid.contains(np.array([lesion.centre_mm for lesion in lesions]), margin_mm=OUTSIDE_MM)
    if not inside.all():
        lesion = lesions[int(np.argmin(inside))]
        row = f"row {lesion.facts['row']}: " if "row" in lesion.facts else ""
        index = np.round(grid.world_to_index(lesion.centre_mm), 1).tolist()
        raise LesionkitError(
            f"{path}: {row}the lesion at {lesion.centre_mm} mm lies outside its scan '{name}' "
            f"(index {index} of shape {grid.shape}); are these world coordinates in LPS mm?"
        )


def _join_table(by_id: Mapping[str, dict[str, Any]], path: Path | None, column: str, partial: bool) -> list[str]:
    """Put the lesions of a table into a column; return the series it names."""
    if path is None:
        return []
    found = lesions_by_case(read_annotations(path))
    for name, lesions in found.items():
        row = by_id.get(name)
        if row is not None:
            if not row["failure"]:
                refuse_outside(path, name, lesions, _grid(row))
            row[column] = lesions_to_json(lesions)
        elif not partial:
            raise LesionkitError(
                f"{path}: row {lesions[0].facts['row']} names series '{name}', which is not among the scans; "
                "add the scan, or allow a partial data set"
            )
    return list(found)


def _join_marks(rows: Sequence[dict[str, Any]], data: Path) -> None:
    """What was marked in a viewer of scans that are there."""
    marks = marks_in(data)
    if not marks.files and not marks.problems:
        return
    usable = [row for row in rows if not row["failure"]]
    for row in usable:
        known = marks.of(row["case_id"], alone=len(rows) == 1)
        if known is None:
            continue
        row["warnings"] = [*row["warnings"], *known.notes]
        try:
            refuse_outside(known.path, row["case_id"], known.lesions, _grid(row))
        except LesionkitError as error:
            row["warnings"] = [*row["warnings"], f"what was marked is left out: {error}"]
            continue
        row["lesions"], row["looked_at"] = lesions_to_json(known.lesions), True
    if usable:
        usable[0]["warnings"] = [*usable[0]["warnings"], *marks.problems]


def _grid(row: Mapping[str, Any]) -> Grid:
    direction = np.array(row["direction"]).reshape(3, 3)
    return Grid(tuple(row["shape"]), tuple(row["spacing_mm"]), tuple(row["origin_mm"]), tuple(map(tuple, direction)))


def _join_readings(by_id: Mapping[str, dict[str, Any]], data: Path) -> None:
    """LIDC reading files of scans that are there; XML of other kinds is passed over."""
    for path in [file for file in walk(data).files if file.suffix.lower() == ".xml"]:
        try:
            series_uid = read_lidc_file(path).series_uid
        except LesionkitError:
            continue
        row = by_id.get(series_uid)
        if row is None or row["failure"]:
            continue
        try:
            reading = read_lidc(path, _grid(row))
        except LesionkitError as error:
            row["warnings"] = [*row["warnings"], f"the reading was left out: {error}"]
            continue
        row["lesions"], row["excluded"] = lesions_to_json(reading.lesions), lesions_to_json(reading.excluded)
        row["looked_at"] = True
