"""Tables of CAMELYON16 and CAMELYON17: marks by slide, stages of patients, slide labels and scores.

Rows are numbered as a spreadsheet counts them, from 1 with the header if there is one. A slide is named by its file
without the suffix: `Test_001.tif`, `Test_001.csv` and `Test_001` are one slide.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import reads
from lesionkit.read.rows import Row, read_rows
from lesionkit.read.truth.camelyon_lesions import read_lesion_annotations, slide_name
from lesionkit.read.truth.slide_tables import SCORE_NAMES, read_slide_labels, read_slide_scores

__all__ = [
    "read_lesion_annotations",
    "read_mark_folder",
    "read_slide_labels",
    "read_slide_scores",
    "read_stage_table",
    "slide_name",
]

_NODE = re.compile(r"(?P<patient>.+)_node_\d+")


@reads("a folder of marks")
def read_mark_folder(folder: Path | str) -> dict[str, NDArray[np.float64]]:
    """Marks of a CAMELYON16 submission: one CSV file per slide, rows of probability, x and y.

    A header that names the columns is understood in any order. An empty file is a slide without marks. Two files of one
    slide are taken together.

    Returns:
        Per slide (n, 3) rows of probability, x and y in pixels of the finest level.

    Raises:
        LesionkitError: no such folder or no file in it, or a row that is not three numbers, finite and not negative in
            x and y; the row is named.
    """
    folder = Path(folder)
    files = sorted(folder.glob("*.csv")) if folder.is_dir() else []
    if not files:
        raise LesionkitError(f"{folder} must be a folder of CSV files, one per slide with probability, x, y; got none")
    parts: dict[str, list[NDArray[np.float64]]] = {}
    for path in files:
        parts.setdefault(slide_name(path.stem), []).append(_read_marks(path))
    return {slide_id: np.concatenate(arrays) for slide_id, arrays in parts.items()}


@reads("a table of stages")
def read_stage_table(path: Path | str) -> pd.DataFrame:
    """Stages of patients and labels of their nodes, as CAMELYON17 writes them: `patient,stage`.

    Returns:
        Columns `patient_id`; `node`, the name of the node, empty in the row of the patient's own stage; `label`, as
        written but nodes in small letters; and `row`.

    Raises:
        LesionkitError: no such file, a missing column, a row without a name or a label.
    """
    path = Path(path)
    header, rows = _table(path, ("patient", "stage"))
    names = [slide_name(cells[header["patient"]]) for _, cells in rows]
    labels = [cells[header["stage"]] for _, cells in rows]
    for (number, _), name, label in zip(rows, names, labels, strict=True):
        if not name or not label:
            raise LesionkitError(
                f"{path}, row {number} must name a patient or node and its stage, got '{name},{label}'"
            )
    nodes = [_NODE.fullmatch(name) for name in names]
    return pd.DataFrame(
        {
            "patient_id": [node["patient"] if node else name for name, node in zip(names, nodes, strict=True)],
            "node": [name if node else "" for name, node in zip(names, nodes, strict=True)],
            "label": [label.lower() if node else label for label, node in zip(labels, nodes, strict=True)],
            "row": [number for number, _ in rows],
        },
        dtype=object,
    )


def _read_marks(path: Path) -> NDArray[np.float64]:
    rows = read_rows(path)
    headless = order = [0, 1, 2]
    if rows and _number(rows[0][1][0]) is None:
        words = [word.lower() for word in rows[0][1]]
        named = [next((words.index(name) for name in names if name in words), -1) for names in (SCORE_NAMES, "x", "y")]
        scores = [name for name in SCORE_NAMES if name in words]
        if len(scores) > 1:
            raise LesionkitError(
                f"{path} must have one column of probabilities, got {' and '.join(scores)}; leave out what is none"
            )
        if -1 in named:
            raise LesionkitError(f"{path} must have the columns probability, x and y, got {', '.join(rows[0][1])}")
        order, rows = named, rows[1:]
    marks = np.empty((len(rows), 3))
    for i, (number, cells) in enumerate(rows):
        values = [_number(cells[k]) if k < len(cells) else None for k in order]
        beyond = [cell for cell in cells[3:] if cell] if order is headless else []
        if beyond or not all(value is not None and math.isfinite(value) for value in values):
            raise LesionkitError(f"{path}, row {number} must be a finite probability, x and y, got '{','.join(cells)}'")
        marks[i] = values
        if (marks[i, 1:] < 0).any():
            raise LesionkitError(
                f"{path}, row {number}: x and y must be pixels of the finest level, not negative, got "
                f"'{','.join(cells)}'"
            )
    return marks


def _table(path: Path, columns: Sequence[str]) -> tuple[dict[str, int], list[Row]]:
    """Positions of the named columns, and the rows below the header."""
    rows = read_rows(path)
    words = [word.lower() for word in rows[0][1]] if rows else []
    missing = [name for name in columns if name not in words]
    if missing:
        raise LesionkitError(f"{path} must have the columns {', '.join(columns)}, got {', '.join(words) or 'nothing'}")
    for number, cells in rows[1:]:
        if len(cells) != len(words):
            raise LesionkitError(
                f"{path}, row {number} must have {len(words)} values like the header, got {len(cells)}"
            )
    return {name: words.index(name) for name in columns}, rows[1:]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
