"""Check tables of marks and truth against the list of cases, and turn them into arrays.

Row numbers in messages count the rows of the file: the header is row 1. They are the index of a frame where that is
named "row", as the readers name it, and else counted from 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.match import Places

COORDINATES = ["coordX", "coordY", "coordZ"]
_FIRST_ROW = 2


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table that belong to listed cases.

    Attributes:
        places: their case and position; (n,).
        position: (n,) position of each row in the table it came from.
        elsewhere: how many rows belong to cases that are not listed.
        first_elsewhere: a sentence part that names the first of them, "row 7 (series '1.3.6')".
    """

    places: Places
    position: NDArray[np.intp]
    elsewhere: int = 0
    first_elsewhere: str = ""


def checked_series(series: Sequence[str]) -> pd.Index:
    """The list of scored cases; its length is the denominator of every rate.

    Raises:
        LesionkitError: it is empty or names a case twice.
    """
    index = pd.Index([str(uid) for uid in series], dtype=object)
    if not len(index):
        raise LesionkitError("the list of series is empty; it must name every scan that was searched")
    if index.has_duplicates:
        first = int(np.flatnonzero(index.duplicated())[0])
        raise LesionkitError(
            f"every series must be listed once, but '{index[first]}' comes again as entry {first + 1} of "
            f"{len(index)}; remove the duplicate, it would change the denominator"
        )
    return index


def rows_of(frame: pd.DataFrame, series: pd.Index, name: str, radius_mm: NDArray[np.float64] | None = None) -> Rows:
    """The rows of listed cases as arrays.

    Args:
        frame: columns seriesuid, coordX, coordY, coordZ (LPS mm).
        name: what the table is called in messages.
        radius_mm: (rows,) for lesions.

    Raises:
        LesionkitError: a column is missing or a coordinate is not finite.
    """
    missing = [column for column in ("seriesuid", *COORDINATES) if column not in frame.columns]
    if missing:
        raise LesionkitError(
            f"{name} must have columns seriesuid, coordX, coordY, coordZ; {', '.join(missing)} missing, "
            f"got {', '.join(map(str, frame.columns)) or 'none'}"
        )
    centre = np.stack([_numbers(frame[column]) for column in COORDINATES], axis=1)
    refuse_rows(frame, ~np.isfinite(centre.sum(axis=1)), f"{name}: coordinates must be finite numbers")
    case = series.get_indexer(pd.Index(frame["seriesuid"].astype(str).to_numpy(dtype=object)))
    listed = np.flatnonzero(case >= 0)
    first = ""
    if len(listed) < len(case):
        unknown = int(np.flatnonzero(case < 0)[0])
        first = f"row {row_number(frame, unknown)} (series '{frame['seriesuid'].iloc[unknown]}')"
    places = Places(case[listed], centre[listed], None if radius_mm is None else radius_mm[listed])
    return Rows(places, listed, len(case) - len(listed), first)


def number_column(frame: pd.DataFrame, column: str, name: str) -> NDArray[np.float64]:
    """A column of finite numbers (rows,).

    Raises:
        LesionkitError: the column is missing or a value is not finite; names the first row.
    """
    if column not in frame.columns:
        raise LesionkitError(f"{name} must have a column {column}, got {', '.join(map(str, frame.columns)) or 'none'}")
    values = _numbers(frame[column])
    refuse_rows(frame, ~np.isfinite(values), f"{name}: {column} must be a finite number")
    return values


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    """Floats; what is no number becomes nan."""
    return np.asarray(pd.to_numeric(column, errors="coerce"), dtype=np.float64)


def row_number(frame: pd.DataFrame, position: int) -> int:
    """The row of the file that a position of the frame came from."""
    return int(frame.index[position]) if frame.index.name == "row" else position + _FIRST_ROW


def refuse_rows(frame: pd.DataFrame, wrong: NDArray[np.bool_], sentence: str) -> None:
    """Raise with the number of wrong rows and the first of them."""
    if wrong.any():
        first = row_number(frame, int(np.flatnonzero(wrong)[0]))
        raise LesionkitError(f"{sentence}, but {int(wrong.sum())} of {len(wrong)} rows are not, first row {first}")


def outside_unit_interval(frame: pd.DataFrame, score: NDArray[np.float64]) -> str | None:
    """A warning if a probability lies outside [0, 1]; the ranking is still meaningful."""
    wrong = (score < 0) | (score > 1)
    if not wrong.any():
        return None
    first = int(np.flatnonzero(wrong)[0])
    return (
        f"{int(wrong.sum())} of {len(score)} probabilities lie outside [0, 1], first {score[first]:g} in row "
        f"{row_number(frame, first)}; they are used as ranking scores"
    )


def column_of_cases(cases: pd.DataFrame, column: str, series: pd.Index) -> pd.Series:
    """(cases,) a column of a table of cases in the order of the list; a case without a row is missing.

    Raises:
        LesionkitError: the table has no seriesuid or names a case twice.
    """
    if "seriesuid" not in cases.columns:
        raise LesionkitError(f"the table of cases must have a column seriesuid, got {', '.join(cases.columns)}")
    twice = cases["seriesuid"].duplicated().to_numpy()
    refuse_rows(cases, twice, "the table of cases: every series must be named once")
    return cases.set_index("seriesuid")[column].reindex(series)
