"""A data set -> one table with a row per case, and its rows -> cases with their truth."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.image import Image, upright
from lesionkit.core.names import path_from_text, path_to_text, printable
from lesionkit.core.untrusted import reads
from lesionkit.read.layout.of_folder import image_set
from lesionkit.read.layout.rows import set_rows
from lesionkit.read.same_scan import without_duplicates
from lesionkit.read.scan import ScanOptions, open_scan, scan_name, survey_scans
from lesionkit.read.truth.join import join_truth, lesions_from_json

Row: TypeAlias = dict[str, Any]

COLUMNS = pa.schema(
    [
        ("case_id", pa.string()),  # series UID, or the file name without its suffix
        ("patient_id", pa.string()),  # the case id where nothing tells
        ("path", pa.string()),  # absolute
        ("format", pa.string()),  # dicom, metaimage, nifti, nrrd
        ("fold", pa.string()),  # the folder subset0 … subset9 of LUNA16 the scan lies in, or null
        ("shape", pa.list_(pa.int64())),  # z, y, x
        ("spacing_mm", pa.list_(pa.float64())),  # z, y, x
        ("origin_mm", pa.list_(pa.float64())),  # x, y, z of the first sample, LPS
        ("direction", pa.list_(pa.float64())),  # 3x3 by rows; rows x, y, z, columns z, y, x
        ("kernel", pa.string()),
        ("slice_thickness_mm", pa.float64()),
        ("looked_at", pa.bool_()),  # whether somebody searched the scan: without lesions it is healthy
        ("lesion_count", pa.int64()),
        ("lesions", pa.string()),  # JSON list of {centre_mm, diameter_mm, kind, lesion_id, facts}
        ("excluded", pa.string()),  # the same for findings that count neither way
        ("lung_cover_ratio", pa.float64()),  # filled in by preparation
        ("processing_seconds", pa.float64()),  # filled in by preparation
        ("warnings", pa.list_(pa.string())),
        ("duplicates", pa.list_(pa.string())),  # other paths with the same samples at the same place
        ("content_hash", pa.string()),  # of samples and geometry
        ("failure", pa.string()),  # why the scan cannot be used, or null
    ]
)
"""Columns of the table and how Parquet holds them."""


def build_catalogue(
    data: Path,
    options: ScanOptions | None = None,
    each: Callable[[Callable[[Path], Row], list[Path]], Iterable[Row]] = map,
    partial: bool = False,
    lesion_labels: Sequence[str] = (),
) -> pd.DataFrame:
    """One row for each case of a data set: a folder of scans with LUNA16's tables, LIDC's XML files, DICOM SEG or
    RTSTRUCT, or Slicer's markups beside them; or a data set of nnU-Net, nnDetection or MONAI, see `image_set`.

    Scans lie in `data/scans`, or anywhere in `data` where that is absent, in any layout. A scan that cannot be read,
    and what is no scan though it looks like one, becomes a row with its `failure`; a scan that is there twice, by
    content, becomes one row that lists its `duplicates`.

    Args:
        each: applies a function to every path, in any order; pass a parallel map to use more processes.
        partial: allow truth for series that are not there, as in a part of a downloaded set.
        lesion_labels: names of the labels of label maps that are lesions; none: those whose names say so.

    Raises:
        LesionkitError: there is no scan; two scans with one id differ; a table has no such column, or a row that names
            a series that is not there or lies outside its scan (named by file and row).
    """
    data = Path(data)
    scans = data / "scans"
    options = options or ScanOptions()
    if (images := image_set(data, lesion_labels)) is not None:
        described = list(each(_Describe(options), [entry.path for entry in images.entries]))
        return _frame(set_rows(described, images))
    survey = survey_scans(scans if scans.is_dir() else data, options)
    rows = sorted(each(_Describe(options), list(survey.scans)), key=lambda row: str(row["path"]))
    rows += [
        _row(Path(name).name, Path(name).name, Path(name)) | {"failure": why} for name, why in survey.unused.items()
    ]
    if survey.notes and rows:
        rows[0]["warnings"] = [*rows[0]["warnings"], *survey.notes]
    return _frame(join_truth(without_duplicates(rows), data, partial))


def describe_scan(path: Path, options: ScanOptions | None = None) -> Row:
    """A catalogue row of one scan, without its truth. Never raises for a bad scan: `failure` says why."""
    path = Path(path).resolve()
    try:
        case = open_scan(path, options)
    except LesionkitError as error:
        return failed_row(path, str(error), options)
    grid = case.image.grid
    return _row(case.case_id, case.patient_id, path) | {
        "format": case.facts["format"],
        "shape": list(grid.shape),
        "spacing_mm": list(grid.spacing_mm),
        "origin_mm": list(grid.origin_mm),
        "direction": np.array(grid.direction).ravel().tolist(),
        "kernel": case.facts.get("kernel") or None,
        "slice_thickness_mm": case.facts.get("slice_thickness_mm"),
        "warnings": list(case.facts["warnings"]),
        "content_hash": content_hash(case.image),
    }


def failed_row(path: Path, reason: str, options: ScanOptions | None = None) -> Row:
    """A catalogue row of a scan that cannot be used, named by its series UID where headers tell, else by its file."""
    path = Path(path).resolve()
    case_id = scan_name(path, options)
    return _row(case_id, case_id, path) | {"failure": reason}


def content_hash(image: Image) -> str:
    """A hash of samples and geometry: equal for the same series in whatever format or slice order it is stored.

    Geometry counts to a hundredth of a millimetre, because formats round differently.
    """
    turned = upright(image)
    digest = hashlib.blake2b(digest_size=16)
    affine = np.round(turned.grid.affine, 2) + 0.0  # no negative zeros
    digest.update(repr((turned.grid.shape, affine.tolist(), str(turned.array.dtype))).encode())
    digest.update(turned.array.data)
    return digest.hexdigest()


def update_catalogue(frame: pd.DataFrame, case_id: str, **values: Any) -> pd.DataFrame:
    """The table with values of one case replaced, such as `lung_cover_ratio=0.3, processing_seconds=1.2`.

    Raises:
        LesionkitError: there is no such case or column.
    """
    rows = frame.index[frame["case_id"] == case_id]
    unknown = [name for name in values if name not in COLUMNS.names]
    if len(rows) != 1 or unknown:
        what = f"column {unknown[0]}" if unknown else f"case '{case_id}'"
        raise LesionkitError(f"the catalogue has no {what}; it has {len(frame)} cases and {', '.join(COLUMNS.names)}")
    frame = frame.copy()
    for name, value in values.items():
        frame.at[rows[0], name] = value
    return frame


def write_catalogue(frame: pd.DataFrame, path: Path) -> Path:
    """Write the table as Parquet and return the path. Inverse of `read_catalogue`."""
    records = [{name: _kept(name, row[name]) for name in COLUMNS.names} for row in frame.to_dict("records")]
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_pylist(records, schema=COLUMNS), temporary)
    return Path(path)


@reads("a catalogue")
def read_catalogue(path: Path) -> pd.DataFrame:
    """Read the table that `write_catalogue` wrote.

    Raises:
        LesionkitError: the file is missing, no Parquet, or lacks a column.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise LesionkitError(f"{path}: a catalogue must be a Parquet file, got {str(error).splitlines()[0]}") from error
    missing = [name for name in COLUMNS.names if name not in table.column_names]
    if missing:
        raise LesionkitError(
            f"{path}: a catalogue needs the column {missing[0]}, got {', '.join(table.column_names)}; "
            "index the data again"
        )
    rows = table.to_pylist()
    for row in rows:
        row["path"], row["duplicates"] = path_from_text(row["path"]), [*map(path_from_text, row["duplicates"] or [])]
    return _frame(rows)


def load_case(row: Mapping[str, Any], options: ScanOptions | None = None) -> Case:
    """The case of a catalogue row (a dict or a row of the frame) with truth and excluded findings.

    `truth` is None where nobody looked.

    Raises:
        LesionkitError: the scan failed when the catalogue was built, or cannot be read now.
    """
    failure = _plain(row["failure"])
    if failure:
        raise LesionkitError(f"case '{row['case_id']}' cannot be used: {failure}")
    case = open_scan(Path(row["path"]), options)
    if row["format"] == "dicom" and not str(row["case_id"]).endswith(case.case_id):
        raise LesionkitError(
            f"{row['path']}: the series '{row['case_id']}' was read when the catalogue was built, got "
            f"'{case.case_id}'; index the data again"
        )
    return Case(
        case_id=str(row["case_id"]),
        patient_id=str(row["patient_id"]),
        image=case.image,
        truth=lesions_from_json(row["lesions"]) if row["looked_at"] else None,
        excluded=lesions_from_json(row["excluded"]),
        facts=case.facts,
    )


class _Describe:
    """`describe_scan` with its options; a class so that it can travel to another process."""

    def __init__(self, options: ScanOptions) -> None:
        self.options = options

    def __call__(self, path: Path) -> Row:
        return describe_scan(path, self.options)


def _row(case_id: str, patient_id: str, path: Path) -> Row:
    fold = next((part for part in reversed(path.parts) if part[:6] == "subset" and part[6:].isdigit()), None)
    empty: Row = dict.fromkeys(COLUMNS.names)
    return empty | {
        "case_id": case_id,
        "patient_id": patient_id,
        "path": str(path),
        "fold": fold,
        "looked_at": False,
        "lesion_count": 0,
        "lesions": "[]",
        "excluded": "[]",
        "lung_cover_ratio": None,
        "warnings": [],
        "duplicates": [],
    }


def _frame(rows: Iterable[Row]) -> pd.DataFrame:
    """What is missing is None in columns of text and lists, NaN in columns of numbers."""
    records = [[row[name] for name in COLUMNS.names] for row in rows]
    frame = pd.DataFrame(records, columns=COLUMNS.names, dtype=object)
    types = {pa.float64(): float, pa.int64(): int, pa.bool_(): bool}
    return frame.astype({field.name: types[field.type] for field in COLUMNS if field.type in types})


def _kept(name: str, value: Any) -> Any:
    """As Parquet takes it: names of files may hold bytes that are no text."""
    text = path_to_text if name in ("path", "duplicates") else printable
    if isinstance(value, str):
        return text(value)
    return (
        [text(part) if isinstance(part, str) else part for part in value] if isinstance(value, list) else _plain(value)
    )


def _plain(value: Any) -> Any:
    """NaN as None: what Parquet and JSON call nothing."""
    if isinstance(value, float) and np.isnan(value):
        return None
    return value
