"""Which patient an image is of, told on a page and in a table only where somebody asks: `--with-identifiers`.

Records and catalogues keep the patient's id, for images of one patient must never stand on two sides of a split. What
is written for people – pages, tables, logs, sentences – names images by their case ids alone.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lesionkit.core.files import write_text

FILE = "identifiers.csv"


def identified(folder: Path, found: Sequence[Any], asked: bool) -> Mapping[str, str]:
    """Case id -> patient's id of what was found, and `identifiers.csv` with them; if not asked, neither.

    Args:
        found: of any kind, each with its `item`, and where the file told it, its own `patient_id`.
    """
    if not asked:
        (folder / FILE).unlink(missing_ok=True)
        return {}
    patients = {one.item.case_id: str(one.item.patient_id or getattr(one, "patient_id", "")) for one in found}
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([["case_id", "patient_id"], *sorted(patients.items())])
    write_text(folder / FILE, text.getvalue())
    return patients
