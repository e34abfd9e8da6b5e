"""What is known of a set of slides -> tables. Inverse of `read_slide_labels` of `lesionkit.read.truth.camelyon`."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text


def write_slide_labels(
    path: Path, labels: Mapping[str, bool], more: Mapping[str, Mapping[str, Any]] | None = None
) -> Path:
    """Write `labels.csv` (slide,label and further columns): "tumor" or "normal" per slide; returns the path.

    Args:
        more: by column, its values by slide: {"stage": {"a": "micro"}}.

    Raises:
        LesionkitError: a column without the value of a slide.
    """
    columns = dict(more or {})
    for name, values in columns.items():
        missing = [slide_id for slide_id in labels if slide_id not in values]
        if missing:
            raise LesionkitError(f"column '{name}' must have a value for every slide, but '{missing[0]}' has none")
    rows: list[list[Any]] = [["slide", "label", *columns]]
    for slide_id, is_tumour in labels.items():
        word = "tumor" if is_tumour else "normal"
        rows.append([slide_id, word, *(values[slide_id] for values in columns.values())])
    return _write(path, rows)


def write_slide_patients(path: Path, patients: Mapping[str, str]) -> Path:
    """Write `patients.csv` (slide,patient_id) from patient ids by slide; returns the path."""
    return _write(path, [["slide", "patient_id"], *([slide_id, patient] for slide_id, patient in patients.items())])


def _write(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return write_text(path, text.getvalue())
