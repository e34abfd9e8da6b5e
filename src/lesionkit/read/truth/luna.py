"""The tables of LUNA16 and Tianchi: annotations, excluded findings, submissions, series lists.

Every row of a table that is returned is named by its row in the file as a spreadsheet counts: the header is row 1.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Lesion
from lesionkit.core.untrusted import reads
from lesionkit.read.rows import read_frame, read_rows, without_index

PLACE = ("coordX", "coordY", "coordZ")
_FARTHEST_MM = 100_000.0
"""Nobody is 100 m long: a number beyond is no place and no diameter."""
_MISSING_NUMBERS = ("na", "n/a", "nan", "null", "none")
"""What stands for no number in a column of numbers."""


@reads("a table of nodules")
def read_annotations(path: Path) -> pd.DataFrame:
    """`annotations.csv` or `annotations_excluded.csv`: seriesuid, coordX, coordY, coordZ, diameter_mm and other ones.

    World coordinates in LPS mm; a diameter of -1 (0 in the frame) is unknown. The index is the row in the file.

    Raises:
        LesionkitError: a column is missing, or a row holds something else than finite numbers; the row is named.
    """
    frame = _read(path, [*PLACE, "diameter_mm"])
    frame["diameter_mm"] = frame["diameter_mm"].clip(lower=0)
    return frame


@reads("a table of marks")
def read_marks(path: Path) -> pd.DataFrame:
    """A submission: seriesuid, coordX, coordY, coordZ, probability and, where it tells, diameter_mm.

    World coordinates in LPS mm; the index is the row in the file.

    Raises:
        LesionkitError: a column is missing, or a row holds something else than finite numbers; the row is named.
    """
    return _read(path, [*PLACE, "probability"], optional=["diameter_mm"])


@reads("a list of series")
def read_series_list(path: Path) -> list[str]:
    """`seriesuids.csv`: one series a line, with or without the header `seriesuid`.

    Raises:
        LesionkitError: the file is missing or empty, or a series stands in it twice; the rows are named.
    """
    rows: dict[str, int] = {}
    for row in without_index(read_rows(path, "a list of series")):
        uid = row.cells[0]
        if not uid or (not rows and uid.lower() in ("seriesuid", "seriesuids", "series_uid")):
            continue
        if uid in rows:
            raise LesionkitError(
                f"{path}: a series is listed once, but rows {rows[uid]} and {row.number} both are '{uid}'"
            )
        rows[uid] = row.number
    if not rows:
        raise LesionkitError(f"{path}: the list of series must not be empty")
    return list(rows)


@reads("a table of cases")
def read_case_table(path: Path) -> pd.DataFrame:
    """A table of cases: `seriesuid` and any other columns, which tell cases apart; the index is the row in the file.

    Raises:
        LesionkitError: the column `seriesuid` or one of its values is missing; the row is named.
    """
    return _read(path, [])


@reads("a table of patients")
def read_patients(path: Path) -> dict[str, str]:
    """`patients.csv` (seriesuid,patient_id): patient ids by case id.

    Raises:
        LesionkitError: a column or a value is missing, or a series has two patients; the row is named.
    """
    frame = _read(path, [], texts=["patient_id"])
    twice = frame["seriesuid"].duplicated()
    if twice.any():
        row = frame.index[twice][0]
        raise LesionkitError(f"{path}: row {row}: a series has one row, but '{frame.loc[row, 'seriesuid']}' has two")
    return dict(zip(frame["seriesuid"], frame["patient_id"], strict=True))


def lesions_by_case(frame: pd.DataFrame) -> dict[str, tuple[Lesion, ...]]:
    """Lesions of each series that has a row, in the order of the rows; other columns become facts.

    `facts["row"]` is the row in the file.
    """
    extra = [c for c in frame.columns if c not in ("seriesuid", *PLACE, "diameter_mm")]
    result: dict[str, list[Lesion]] = {}
    for number, row in zip(frame.index, frame.to_dict("records"), strict=True):
        facts = {"row": int(number)} | {str(c): row[c] for c in extra if not _is_missing(row[c])}
        centre = (float(row["coordX"]), float(row["coordY"]), float(row["coordZ"]))
        lesion = Lesion(centre, max(float(row["diameter_mm"]), 0.0), facts=facts)
        result.setdefault(str(row["seriesuid"]), []).append(lesion)
    return {uid: tuple(lesions) for uid, lesions in result.items()}


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and bool(np.isnan(value)))


def _read(path: Path, numbers: Sequence[str], optional: Sequence[str] = (), texts: Sequence[str] = ()) -> pd.DataFrame:
    """A table with the columns `seriesuid`, `texts` and finite `numbers`; `optional` ones may be missing or empty.

    Of the other columns those become numbers that hold nothing else, but patients keep their names.
    """
    texts = ["seriesuid", *texts]
    frame = read_frame(path)
    missing = [name for name in [*texts, *numbers] if name not in frame.columns]
    if missing:
        raise LesionkitError(
            f"{path}: the table needs the columns {', '.join([*texts, *numbers])}, "
            f"got {', '.join(map(str, frame.columns))}; {', '.join(missing)} is missing"
        )
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise LesionkitError(f"{path}: every column has a name of its own, but '{twice[0]}' comes twice; rename one")
    for name in texts:
        _refuse_first(path, frame[name] == "", frame[name], name, "given")
    for name in numbers:
        frame[name] = _finite(path, frame[name])
        if name in PLACE or name == "diameter_mm":
            far = frame[name].abs() > _FARTHEST_MM
            _refuse_first(path, far, frame[name], name, f"within {_FARTHEST_MM:,.0f} mm")
    for name in optional:
        if name in frame.columns:
            given = frame[name] != ""
            frame[name] = _finite(path, frame[name][given]).reindex(frame.index)
    for name in frame.columns.difference([*texts, *numbers, *optional]):
        frame[name] = _given(frame[name]) if name == "patient_id" else _numbers_if_all(frame[name])
    return frame


def _numbers_if_all(column: pd.Series) -> pd.Series:
    """Numbers with nan where nothing is given, or the text as it is with None."""
    given = column.where(column.ne("") & ~column.str.lower().isin(_MISSING_NUMBERS))
    numbers = pd.to_numeric(given, errors="coerce")
    if given.notna().any() and numbers.notna().equals(given.notna()):
        return numbers
    return _given(column)


def _given(column: pd.Series) -> pd.Series:
    """The text as it is, None where there is none."""
    return column.astype(object).where(column.ne(""), None)


def _finite(path: Path, column: pd.Series) -> pd.Series:
    values = pd.to_numeric(column, errors="coerce").astype(float)
    _refuse_first(path, ~values.abs().lt(np.inf), column, str(column.name), "a finite number")
    return values


def _refuse_first(path: Path, bad: pd.Series, column: pd.Series, name: str, wanted: str) -> None:
    if bad.any():
        row = bad.index[bad.to_numpy()][0]
        raise LesionkitError(f"{path}: row {row}: {name} must be {wanted}, got '{column.loc[row]}'")
