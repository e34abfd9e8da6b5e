"""Candidates -> tables: the submission form of LUNA16 with a diameter, and the same as JSON."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from lesionkit.core.files import write_text
from lesionkit.core.lesion import Candidate

NOTICE = "Research use only; not a medical device."
_COLUMNS = ("seriesuid", "coordX", "coordY", "coordZ", "probability", "diameter_mm", "decided")

Above: TypeAlias = Callable[[float], bool | None]
"""Whether a score lies above the line; None where none is drawn."""


def _undecided(score: float) -> None:
    del score


def write_candidates_csv(path: Path, candidates: Mapping[str, Sequence[Candidate]], above: Above = _undecided) -> Path:
    """Write `seriesuid,coordX,coordY,coordZ,probability,diameter_mm,decided`, the strongest of each case first.

    `decided` is 1 of a finding, 0 of what is weaker, and empty where no line is drawn.

    World coordinates in LPS mm. Scores keep all their digits, so that no tie is made; an unknown diameter stays empty.
    LUNA16's evaluator reads the file as it is. Returns the path.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for case_id, found in candidates.items():
        for candidate in _ranked(found):
            x, y, z = (round(float(c), 4) for c in candidate.centre_mm)
            diameter = "" if candidate.diameter_mm is None else round(float(candidate.diameter_mm), 3)
            decided = above(candidate.score)
            row = [case_id, x, y, z, float(candidate.score), diameter]
            table.writerow([*row, "" if decided is None else int(decided)])
    return write_text(path, text.getvalue())


def write_candidates_json(
    path: Path,
    candidates: Mapping[str, Sequence[Candidate]],
    facts: Mapping[str, Any] | None = None,
    above: Above = _undecided,
) -> Path:
    """Write `{"notice", "facts", "cases": {case_id: [{rank, world_mm, probability, diameter_mm, decided}]}}`.

    Returns the path. A candidate whose box reaches beyond the end of the scan has `"leaves_scan": true` as well.

    Args:
        facts: what belongs to the run: versions, settings, model; what JSON can hold.
    """
    cases = {
        case_id: [
            {
                "rank": rank,
                "world_mm": [round(float(c), 4) for c in candidate.centre_mm],
                "probability": float(candidate.score),
                "diameter_mm": None if candidate.diameter_mm is None else round(float(candidate.diameter_mm), 3),
                "decided": above(candidate.score),
                **({"leaves_scan": True} if candidate.leaves_scan else {}),
            }
            for rank, candidate in enumerate(_ranked(found), start=1)
        ]
        for case_id, found in candidates.items()
    }
    content = {"notice": NOTICE, "facts": dict(facts or {}), "cases": cases}
    return write_text(path, json.dumps(content, indent=1) + "\n")


def _ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: -candidate.score)
