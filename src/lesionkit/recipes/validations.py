"""Every validation of a training: what the kept weights were worth after which step, of which network and round."""

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from lesionkit.core.files import write_text
from lesionkit.core.untrusted import reads

VALIDATIONS = "validations.csv"


@dataclass(frozen=True)
class Validation:
    """One figure of one validation.

    Attributes:
        network: that was validated, where a run trains several; "" where it trains one.
        round: in which it was trained, from 1.
        step: after which it was asked, from the beginning of its round.
        figure: what was measured: "CPM".
        value: the figure, with its 95 % interval; None where there is none.
    """

    network: str
    round: int
    step: int
    figure: str
    value: float
    lower: float | None = None
    upper: float | None = None


def note_validation(run: Path, one: Validation) -> Path:
    """Add a validation to those of a run; one of the same network, round and step takes the place of the earlier."""
    file = run / VALIDATIONS
    before = read_validations(file) if file.is_file() else []
    others = [v for v in before if (v.network, v.round, v.step) != (one.network, one.round, one.step)]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([field.name for field in fields(Validation)])
    for row in [*others, one]:
        table.writerow(["" if value is None else value for value in astuple(row)])
    return write_text(file, text.getvalue())


@reads("a table of validations")
def read_validations(path: Path) -> list[Validation]:
    """The validations of a run, in the order in which they were made. Inverse of `note_validation`.

    Raises:
        LesionkitError: it is no such table.
    """
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
    return [
        Validation(
            row["network"],
            int(row["round"]),
            int(row["step"]),
            row["figure"],
            float(row["value"]),
            *(float(row[name]) if row[name] else None for name in ("lower", "upper")),
        )
        for row in rows
    ]


def best_of_rounds(validations: Sequence[Validation]) -> list[Validation]:
    """The best validation of each network and round, in their order; of equal ones the first."""
    best: dict[tuple[str, int], Validation] = {}
    for one in validations:
        key = (one.network, one.round)
        if key not in best or one.value > best[key].value:
            best[key] = one
    return list(best.values())
