"""Nodules in numbers -> tables."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lesionkit.core.files import write_text
from lesionkit.write.candidates import NOTICE


def write_measurements(folder: Path, rows: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> list[Path]:
    """Write `measurements.csv` and `measurements.json`: a row per nodule with the same names in both.

    Args:
        rows: plain values; None where something is not known.
        facts: what made them.
    """
    document = {"notice": NOTICE, "facts": dict(facts), "nodules": [dict(row) for row in rows]}
    return [
        write_rows(folder / "measurements.csv", rows),
        write_text(folder / "measurements.json", json.dumps(document, indent=1) + "\n"),
    ]


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write a table with a column for every name, in the order of first mention; returns the path."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return write_text(path, text.getvalue())
