"""What was mined, example by example: where it lies, who found it, in which round, and what it is."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.core.untrusted import reads
from lesionkit.recipes.ensemble import file_name

ExampleKind: TypeAlias = Literal["false positive", "missed", "weak", "easy"]
KINDS: tuple[str, ...] = get_args(ExampleKind)
COLUMNS = (
    *("seriesuid", "coordX", "coordY", "coordZ", "diameter_mm", "probability"),
    *("kind", "round", "network"),
)


@dataclass(frozen=True)
class Example:
    """One place in a training case.

    Attributes:
        centre_mm: world position (x, y, z): of a candidate, or of a true lesion.
        diameter_mm: of the same; None where nobody knows.
        score: of the candidate that says so; None of a lesion that none hits.
        kind: "false positive", or a true lesion that was "missed", found but "weak", or "easy".
        round: after which it was mined, from 1.
        network: that was wrong, where a run trains several; "" where it trains one.
    """

    case_id: str
    centre_mm: tuple[float, float, float]
    diameter_mm: float | None
    score: float | None
    kind: ExampleKind
    round: int
    network: str = ""


def mined_file(run: Path, number: int, network: str = "") -> Path:
    """Where a run keeps what was mined after a round."""
    return run / f"mined-{file_name(f'{network} {number}'.strip())}.csv"


def write_examples(path: Path, examples: Sequence[Example]) -> Path:
    """Write a table of examples. Inverse of `read_examples` up to the third decimal."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for one in examples:
        places = (f"{value:.3f}" for value in one.centre_mm)
        diameter = "" if one.diameter_mm is None else f"{one.diameter_mm:.2f}"
        score = "" if one.score is None else f"{one.score:.6g}"
        table.writerow([one.case_id, *places, diameter, score, one.kind, one.round, one.network])
    return write_text(path, text.getvalue())


@reads("a table of mined examples")
def read_examples(path: Path) -> list[Example]:
    """The examples of a table.

    Raises:
        LesionkitError: there is no such file, or it is no such table; names the row.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LesionkitError(f"{path} must be a table of mined examples, but cannot be read ({error})") from error
    missing = [name for name in COLUMNS if rows and name not in rows[0]]
    if missing or (not rows and not path.read_text(encoding="utf-8-sig").startswith(COLUMNS[0])):
        raise LesionkitError(
            f"{path} must have the columns {', '.join(COLUMNS)}, but lacks {', '.join(missing) or 'all'}; "
            "'lesionkit mine' writes such a table"
        )
    return [_example(path, number, row) for number, row in enumerate(rows, 2)]


def _example(path: Path, number: int, row: Mapping[str, str]) -> Example:
    try:
        x, y, z = (float(row[name]) for name in COLUMNS[1:4])
        diameter, score = (float(row[name]) if row[name] else None for name in COLUMNS[4:6])
        kind = row["kind"]
        numbers = [value for value in (x, y, z, diameter, score) if value is not None]
        if kind not in KINDS or not all(map(math.isfinite, numbers)):
            raise ValueError(f"kind '{kind}'" if kind not in KINDS else "a number that is not finite")
        known = cast(ExampleKind, kind)
        return Example(row["seriesuid"], (x, y, z), diameter, score, known, int(row["round"]), row["network"] or "")
    except (ValueError, TypeError) as error:
        raise LesionkitError(f"{path}, row {number}: must be a mined example, but is not ({error})") from error


def places_of(examples: Sequence[Example], *kinds: ExampleKind) -> dict[str, NDArray[np.float64]]:
    """World positions (n, 3) of the examples of some kinds, by case id."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for one in examples:
        if one.kind in kinds:
            found.setdefault(one.case_id, []).append(one.centre_mm)
    return {case_id: np.array(places) for case_id, places in found.items()}


def counts_of(examples: Sequence[Example]) -> dict[str, int]:
    """How many examples of each kind there are, as it is told."""
    return {kind: sum(one.kind == kind for one in examples) for kind in KINDS}
