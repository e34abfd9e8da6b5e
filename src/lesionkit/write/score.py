"""A score -> JSON and CSV files in one folder. The inverse of `lesionkit.read.score`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lesionkit.core.files import replacing, write_text

SCORE_FILE = "score.json"


def write_score(folder: Path, document: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> Path:
    """Write `score.json` and one CSV file per table, each in one step; the JSON comes last.

    Args:
        folder: made if need be.
        document: plain values, see `lesionkit.evaluate.document.to_document`; refused if not strict JSON.
        tables: by name: "curve" becomes `curve.csv`; floats are written so that they read back exactly.

    Returns:
        The path of `score.json`.
    """
    for name, table in tables.items():
        with replacing(Path(folder) / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False)
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
    return write_text(Path(folder) / SCORE_FILE, text + "\n")
