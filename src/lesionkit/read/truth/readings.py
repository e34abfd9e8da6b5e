"""What several readers said of the same items."""

import csv
from pathlib import Path

import pandas as pd

from lesionkit.core.errors import LesionkitError


def read_readings(path: Path | str) -> pd.DataFrame:
    """Answers of readers: one row per item (a lesion, a case), one column per reader, after the item's name.

    Returns:
        Text of the answers; the index is the item.

    Raises:
        LesionkitError: no such file or no text, fewer than two readers, two readers or two items of one name, a row of
            another length, or a missing answer; the row is named, counted from 1 with the header.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [(n, row) for n, row in enumerate(csv.reader(file), 1) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError) as error:
        raise LesionkitError(f"{path} must be a readable CSV table, got: {error}; check the path") from error
    header = [cell.strip() for cell in rows[0][1]] if rows else []
    if len(header) < 3 or len(set(header)) < len(header) or len(rows) < 2:
        raise LesionkitError(
            f"{path} must have a header of the item and at least two readers of different names, and a row per item, "
            f"got {len(rows)} row(s), the first with {', '.join(header) or 'nothing'}"
        )
    items: dict[str, list[str]] = {}
    for number, row in rows[1:]:
        cells = [cell.strip() for cell in row]
        if len(cells) != len(header) or not all(cells):
            raise LesionkitError(
                f"{path}, row {number}, must have an item and the answer of each of the {len(header) - 1} readers, got "
                f"{', '.join(cells)}; leave out items that somebody did not read"
            )
        if cells[0] in items:
            raise LesionkitError(f"{path}, row {number}, must be an item of its own, but '{cells[0]}' is there already")
        items[cells[0]] = cells[1:]
    return pd.DataFrame.from_dict(items, orient="index", columns=header[1:])
