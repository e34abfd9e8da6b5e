"""What is known of a scan that was searched: from tables and LIDC readings beside it, or from a catalogue."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.read.truth.join import lesions_from_json, refuse_outside
from lesionkit.read.truth.lidc import read_lidc
from lesionkit.read.truth.lidc_xml import read_lidc_file
from lesionkit.recipes.ct.search import Found
from lesionkit.recipes.ct.tables import Tables

Join: TypeAlias = Callable[[Found], Found]
"""Adds what is known of a scan. Raises LesionkitError where a lesion lies outside it."""


def join_tables(found: Found, tables: Tables) -> Found:
    """A scan with what tables say of it; where they say nothing, what an LIDC reading (*.xml) beside it says.

    Raises:
        LesionkitError: a lesion lies outside the scan; names the row.
    """
    truth, excluded = tables.lesions.get(found.case_id), tables.excluded.get(found.case_id, ())
    refuse_outside(tables.lesions_file, found.case_id, truth or (), found.grid)
    refuse_outside(tables.excluded_file, found.case_id, excluded, found.grid)
    patient_id = tables.patients.get(found.case_id, found.patient_id)
    known = replace(found, truth=truth, excluded=excluded, patient_id=patient_id)
    return known if truth is not None else _with_reading(known)


def join_catalogue(found: Found, rows: Mapping[str, Mapping[str, object]]) -> Found:
    """A scan with the ids and the truth of its row.

    Args:
        rows: of a catalogue by path, see `rows_by_path`.
    """
    row = rows[str(found.path)]
    return replace(
        found,
        case_id=str(row["case_id"]),
        patient_id=str(row["patient_id"]),
        truth=lesions_from_json(str(row["lesions"])) if row["looked_at"] else None,
        excluded=lesions_from_json(str(row["excluded"])),
    )


def rows_by_path(catalogue: pd.DataFrame) -> dict[str, dict[str, object]]:
    """The columns of a catalogue that `join_catalogue` reads, small enough to hand to other processes."""
    table = catalogue.set_index("path")[["case_id", "patient_id", "looked_at", "lesions", "excluded"]]
    return {str(path): {str(k): v for k, v in row.items()} for path, row in table.to_dict("index").items()}


def _with_reading(found: Found) -> Found:
    # Outlines are rows and columns of the DICOM images; another format may hold them in another order.
    if found.facts.get("format") != "dicom":
        return found
    folders = [found.path, found.path.parent] if found.path.is_dir() else [found.path.parent]
    file = next((readings[found.case_id] for f in folders if found.case_id in (readings := _readings(f))), None)
    if file is None:
        return found
    try:
        reading = read_lidc(file, found.grid)
    except LesionkitError as error:
        warnings = [*found.facts.get("warnings", ()), f"the reading was left out: {error}"]
        return replace(found, facts={**found.facts, "warnings": warnings})
    return replace(found, truth=reading.lesions, excluded=reading.excluded)


@lru_cache(maxsize=64)
def _readings(folder: Path) -> Mapping[str, Path]:
    """Series UID -> LIDC reading file that lies directly in a folder; XML of other kinds is passed over."""
    found = {}
    for file in sorted(folder.glob("*.xml")):
        try:
            found[read_lidc_file(file).series_uid] = file
        except LesionkitError:
            continue
    return found
