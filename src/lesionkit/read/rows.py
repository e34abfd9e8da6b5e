"""The rows of a table as a person sees them: text, numbered as a spreadsheet counts, blank ones left out."""

import codecs
import csv
import io
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import reads

_UNNAMED = re.compile(r"|unnamed: \d+(\.\d+)*", re.IGNORECASE)
_COMMA_OF_A_TABLE = re.compile(r"(?<!\d),|,(?!\d)")
_NOTHING = " \t\r\n,;"
_LONGEST = 2**31 - 1


class Row(NamedTuple):
    """A row that is not blank.

    Attributes:
        number: of the row in the file; the first is 1, blank rows count.
        cells: without blanks around.
    """

    number: int
    cells: list[str]


@reads("a table")
def read_rows(path: Path | str, wanted: str = "a CSV file") -> list[Row]:
    """The rows of a table with commas, or with semicolons or tabs where the first row has no comma.

    Everything stays text: `007`, `NA` and `null` are names like others.

    Args:
        wanted: what to give instead, for the sentence.

    Raises:
        LesionkitError: no such file, or no text in UTF-8 (UTF-16 if it says so).
    """
    before = csv.field_size_limit(_LONGEST)  # the code of a whole mask is one cell
    try:
        text = _text(Path(path))
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(_blank_and_first(text)[1]))
        return [
            Row(number, [cell.strip() for cell in cells])
            for number, cells in enumerate(rows, start=1)
            if any(map(str.strip, cells))
        ]
    except (OSError, UnicodeError, csv.Error) as error:
        raise LesionkitError(f"cannot read {path}: {error}; give {wanted}") from error
    finally:
        csv.field_size_limit(before)


@reads("a table")
def read_frame(path: Path | str) -> pd.DataFrame:
    """A table with a header, of any length: text without blanks around, "" where there is nothing.

    Its index is named "row" and holds the number of each row in the file, the header being row 1; blank rows count.
    A column that only numbers the rows is left out.

    Raises:
        LesionkitError: no such file, no text, or a row that is longer than the header; the row is named.
    """
    path = Path(path)
    if not path.is_file():
        raise LesionkitError(f"{path}: there is no such file")
    try:
        text = _text(path)
        blank, first = _blank_and_first(text)
        read = pd.read_csv(
            io.StringIO(text, newline=""),
            sep=_delimiter(first),
            dtype=str,
            keep_default_na=False,
            header=None,
            skiprows=blank,
            skip_blank_lines=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError, OSError) as error:
        raise LesionkitError(f"{path}: the file must be a table with commas, got {str(error).strip()}") from error
    frame: pd.DataFrame = read.fillna("").apply(lambda column: column.str.strip())
    frame.columns = pd.Index(frame.iloc[0].tolist())
    frame.index = pd.RangeIndex(blank + 1, blank + 1 + len(frame), name="row")
    frame = frame.iloc[1:]
    frame = frame[(frame != "").any(axis=1)]
    while frame.shape[1] > 1 and is_unnamed(str(frame.columns[0])) and counts_up(frame.iloc[:, 0].tolist()):
        frame = frame.iloc[:, 1:]
    return frame


def without_index(rows: Sequence[Row]) -> list[Row]:
    """The rows without the column that pandas writes first: one without a name that counts from 0.

    >>> without_index([Row(1, ["", "slide"]), Row(2, ["0", "a"]), Row(3, ["1", "b"])])
    [Row(number=1, cells=['slide']), Row(number=2, cells=['a']), Row(number=3, cells=['b'])]
    """
    kept = list(rows)
    while len(kept) > 1 and len(kept[0].cells) > 1 and is_unnamed(kept[0].cells[0]) and _is_index(kept):
        kept = [Row(row.number, row.cells[1:]) for row in kept]
    return kept


def counts_up(words: Sequence[str]) -> bool:
    """Whether cells are 0, 1, 2 … or some of these in ascending order, as after a selection of rows."""
    if not words or not all(word.isascii() and word.isdigit() for word in words):
        return False
    return all(int(before) < int(after) for before, after in itertools.pairwise(words))


def is_unnamed(name: str) -> bool:
    """Whether a column has no name, or the one that pandas gives to such."""
    return bool(_UNNAMED.fullmatch(name))


def _is_index(rows: Sequence[Row]) -> bool:
    return counts_up([row.cells[0] for row in rows[1:]])


def _text(path: Path) -> str:
    content = path.read_bytes()
    return content.decode("utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig")


def _blank_and_first(text: str) -> tuple[int, str]:
    """How many blank lines come first, and the line after them."""
    for number, line in enumerate(io.StringIO(text)):
        if line.strip(_NOTHING):
            return number, line
    return 0, ""


def _delimiter(line: str) -> str:
    # In "a;0,5" the comma is that of a number.
    if ";" in line and not _COMMA_OF_A_TABLE.search(line):
        return ";"
    return next((mark for mark in ",;\t" if mark in line), ",")
