"""JSON and CSV files of one folder -> a score, as plain values. The inverse of `lesionkit.write.score`."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import reads


@reads("a folder with a score")
def read_score(folder: Path) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """The document and the tables in the folder that an evaluation wrote.

    Args:
        folder: or the `score.json` in it.

    Raises:
        LesionkitError: the folder holds no score, or a file of it is damaged.
    """
    folder = Path(folder)
    file = folder / "score.json" if folder.is_dir() else folder
    if not file.is_file():
        raise LesionkitError(f"{folder} holds no score (no score.json); pass a folder that 'evaluate --out' named")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(document, dict) or "protocol" not in document:
            raise ValueError("it has no entry 'protocol'")
        names = ("curve", "subgroups", "bootstrap")
        paths = {name: file.parent / f"{name}.csv" for name in names}
        return document, {name: pd.read_csv(path) for name, path in paths.items() if path.is_file()}
    except (ValueError, UnicodeDecodeError) as error:
        raise LesionkitError(f"{file} is damaged ({error}); evaluate again") from error
