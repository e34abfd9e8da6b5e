"""Score a table of readings: how far readers agree."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.agreement import score_readers
from lesionkit.evaluate.score import Score
from lesionkit.read.truth.readings import read_readings
from lesionkit.recipes.scoring import with_inputs


def score_readings_file(path: Path, levels: Sequence[str], ordered: bool, given: Mapping[str, Any]) -> Score:
    """Read a table of readings, and score.

    Args:
        levels: every answer there is, in order; none: those that were given, numbers by size.
        ordered: an answer that is more steps away disagrees more.
        given: arguments of `score_readers`.

    Raises:
        LesionkitError: answers that are no numbers are to be ordered, and nobody says how; what the reading raises.
    """
    readings = read_readings(path)
    known = list(levels) or _sorted(set(readings.to_numpy().ravel().tolist()))
    if ordered and not levels and not _are_numbers(known):
        raise LesionkitError(
            f"answers that are no numbers have no order of their own, got {', '.join(known)}; give --levels in order"
        )
    return with_inputs(score_readers(readings, known, ordered, **given), {"readings": path})


def _sorted(answers: set[str]) -> list[str]:
    return sorted(answers, key=float) if _are_numbers(answers) else sorted(answers)


def _are_numbers(answers: Sequence[str] | set[str]) -> bool:
    try:
        return all(float(answer) == float(answer) for answer in answers)
    except ValueError:
        return False
