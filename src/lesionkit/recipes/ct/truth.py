"""What is known of a scan that was searched: from tables and LIDC readings beside it, or from a catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Lesion
from lesionkit.read.layout.of_folder import image_set
from lesionkit.read.layout.rows import entry_to_json
from lesionkit.read.scan import scan_name, survey_scans
from lesionkit.read.truth.beside import Tables, tables_beside
from lesionkit.read.truth.beside_marks import marks_in
from lesionkit.read.truth.join import find_table, lesions_from_json, lesions_to_json, refuse_outside
from lesionkit.read.truth.label_map import read_label_map
from lesionkit.read.truth.lidc import read_lidc
from lesionkit.read.truth.lidc_xml import read_lidc_file
from lesionkit.read.truth.marked_files import MarkedSet, is_object, read_marked
from lesionkit.recipes.base import Item
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.recipes.kind import Listed


def items_of(scans: Path, truth: Path | None, settings: CtSettings) -> Listed:
    """The scans of a file or a folder with what tables beside them say; see `Kind.items`.

    Raises:
        LesionkitError: there is no scan, or a table cannot be used.
    """
    if truth is None and (images := image_set(scans, settings.lesion_labels)) is not None:
        return Listed([Item(one.case_id, one.path, known=entry_to_json(one)) for one in images.entries], images.notes)
    survey = survey_scans(scans, settings.read)
    marked = truth if truth is not None and _is_marked(truth) else None
    tables = tables_beside(scans, truth if marked is None else None)
    if marked is not None:
        # What is given counts, and not what lies beside the scans; but that says who is who.
        tables = replace(tables, lesions={}, excluded={})
    items = [_item(path, scan_name(path, settings.read), tables) for path in survey.scans]
    marks = marks_in(scans) if marked is None else read_marked(marked)
    # Of one file of many, marks beside it that do not say whose they are may be another's.
    alone = len(items) == 1 and (scans.is_dir() or (marked is not None and marked.is_file()))
    marked_items = [_with_marks(item, marks, alone, given=marked is not None) for item in items]
    notes = [*survey.notes, *marks.problems, *(note for _, found in marked_items for note in found)]
    if marked is not None and not any((item.known or {}).get("lesions_file") for item, _ in marked_items):
        notes.append(f"{marked} says nothing of any of the {len(items)} scans, the first '{items[0].case_id}'")
    return Listed([item for item, _ in marked_items], notes, survey.unused)


def _is_marked(truth: Path) -> bool:
    """Whether a truth is something that was drawn, and no table."""
    if truth.is_dir():
        return find_table(truth, "annotations.csv") is None
    return truth.suffix.lower() not in (".csv", ".tsv", ".txt", ".xlsx", "") or is_object(truth)


def _with_marks(item: Item, marks: MarkedSet, alone: bool, given: bool) -> tuple[Item, Sequence[str]]:
    """A scan with what was marked in it, unless a table says what is there and nobody gave the marks."""
    known = marks.of(item.case_id, alone)
    if known is None or (not given and "lesions" in (item.known or {})):
        return item, ()
    told = {**(item.known or {}), "lesions": lesions_to_json(known.lesions), "lesions_file": str(known.path)}
    return replace(item, known=told), known.notes


def _item(path: Path, name: str, tables: Tables) -> Item:
    known: dict[str, Any] = {}
    if name in tables.lesions:
        known |= {"lesions": lesions_to_json(tables.lesions[name]), "lesions_file": str(tables.lesions_file)}
    if name in tables.excluded:
        known |= {"excluded": lesions_to_json(tables.excluded[name]), "excluded_file": str(tables.excluded_file)}
    return Item(name, path, tables.patients.get(name, ""), known or None)


def item_of_row(row: Mapping[str, Any]) -> Item:
    """A scan with the ids and the truth of its catalogue row."""
    known = {"excluded": str(row["excluded"])} | ({"lesions": str(row["lesions"])} if row["looked_at"] else {})
    return Item(str(row["case_id"]), Path(row["path"]), str(row["patient_id"]), known)


def refuse_elsewhere(item: Item, grid: Grid) -> None:
    """Refuse a scan whose table names a place outside of it.

    Raises:
        LesionkitError: a lesion lies outside the scan; names the row.
    """
    known = item.known or {}
    for name in ("lesions", "excluded"):
        if f"{name}_file" in known:
            refuse_outside(Path(known[f"{name}_file"]), item.case_id, lesions_from_json(known[name]), grid)


@dataclass(frozen=True)
class KnownScan:
    """What is known of a scan.

    Attributes:
        lesions: none where somebody looked and found nothing.
        warnings: a reading that could not be used, in sentences.
        source: the file that says so, "" where it is the catalogue of the run.
    """

    lesions: tuple[Lesion, ...] | None
    excluded: tuple[Lesion, ...] = ()
    warnings: tuple[str, ...] = ()
    source: str = ""


def known_of(item: Item, grid: Grid, format: str) -> KnownScan:
    """What tables say of a scan; where they say nothing of lesions, what an LIDC reading (*.xml) beside it says.

    Args:
        grid, format: of the scan, as it was read.
    """
    known = item.known or {}
    excluded = lesions_from_json(known["excluded"]) if "excluded" in known else ()
    if "labels" in known:
        return _drawn(known)
    if "lesions" in known:
        return KnownScan(lesions_from_json(known["lesions"]), excluded, source=known.get("lesions_file", ""))
    # Outlines are rows and columns of the DICOM images; another format may hold them in another order.
    folders = [item.path, item.path.parent] if item.path.is_dir() else [item.path.parent]
    readings = (_readings(folder) for folder in folders if format == "dicom")
    file = next((found[item.case_id] for found in readings if item.case_id in found), None)
    if file is None:
        return KnownScan(None, excluded)
    try:
        reading = read_lidc(file, grid)
    except LesionkitError as error:
        return KnownScan(None, excluded, (f"{item.case_id}: the reading was left out: {error}",))
    return KnownScan(reading.lesions, reading.excluded, source=str(file))


def _drawn(known: Mapping[str, Any]) -> KnownScan:
    """The lesions of a label map of a data set of another framework."""
    file = Path(known["labels"])
    try:
        return KnownScan(read_label_map(file, known["values"] or None, known["instances"]), source=str(file))
    except LesionkitError as error:
        return KnownScan(None, warnings=(f"the label map was left out: {error}",))


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
