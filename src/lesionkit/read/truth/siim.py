"""Tables of the SIIM-ACR pneumothorax challenge: truth and submissions have one format (system 3, section 0.2)."""

from pathlib import Path

import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import reads
from lesionkit.read.rows import Row, read_rows, without_index

_NOTHING = ("", "nan", "na", "null", "none")
"""What stands for no finding beside -1: no value, as the challenge's own table has it, and words for that."""
_NAMES = {"imageid": "image_id", "encodedpixels": "encoded", "patientid": "patient_id"}


@reads("a table of run-length codes")
def read_siim_table(path: Path | str) -> pd.DataFrame:
    """Run-length codes by image, one row per row of the file.

    Known variants are read alike: the header `ImageId, EncodedPixels` with blanks around its names, the value `-1` with
    blanks around, no value or a word for that (NaN) for an image without finding, and a file without a header.

    Returns:
        Columns `image_id` (text), `encoded` (text in rle_siim, `-1` where empty) and `row`, the number of the row in
        the file, counted from 1 with the header. Other columns keep their name and become numbers where all of their
        values are; `patient_id` groups images in the bootstrap and `score` ranks them.

    Raises:
        LesionkitError: no such file, no rows, a missing column, a row without image.
    """
    path = Path(path)
    rows = without_index(read_rows(path, "a CSV file with ImageId and EncodedPixels"))
    if not rows:
        raise LesionkitError(f"{path} must hold rows of ImageId and EncodedPixels, but it is empty")
    header = _header(rows[0].cells)
    if header:
        rows = rows[1:]
    else:
        header = ["image_id", "encoded"]
    _check(path, header, rows)
    cells = {name: [row.cells[i] for row in rows] for i, name in enumerate(header)}
    cells["encoded"] = ["-1" if text.lower() in _NOTHING else text for text in cells["encoded"]]
    table = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in cells.items()})
    for name in set(header) - {"image_id", "encoded", "patient_id"}:
        table[name] = _numbers_if_all(table[name])
    table["row"] = [row.number for row in rows]
    return table


def _header(row: list[str]) -> list[str] | None:
    """Our names of the columns, or None where the first row already is data."""
    if len(row) == 2 and (row[1].lower() in _NOTHING or row[1].split()[0].lstrip("-").isdigit()):
        return None
    return [_NAMES.get(word.lower().replace("_", "").replace(" ", ""), word) for word in row]


def _check(path: Path, header: list[str], rows: list[Row]) -> None:
    for name, original in (("image_id", "ImageId"), ("encoded", "EncodedPixels")):
        if header.count(name) != 1:
            raise LesionkitError(f"{path} must have one column {original}, got the columns {', '.join(header)}")
    if not rows:
        raise LesionkitError(f"{path} must hold at least one image, got a header and no rows")
    for number, row in rows:
        if len(row) != len(header):
            raise LesionkitError(f"{path}, row {number} must have {len(header)} values like the header, got {len(row)}")
        if not row[header.index("image_id")].strip():
            raise LesionkitError(f"{path}, row {number} has no image; every run-length code belongs to one")


def _numbers_if_all(column: "pd.Series[str]") -> "pd.Series[float] | pd.Series[str]":
    try:
        return pd.to_numeric(column)
    except (ValueError, TypeError):
        return column
