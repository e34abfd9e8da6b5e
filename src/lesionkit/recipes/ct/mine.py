"""Where a model is wrong on its own training cases: places to draw negatives from in the next round of training.

System 2 (row 2.32) trains each level on what the level before got wrong and starts from its weights; its rule for
choosing is not published. Here it is: of each case without a lesion the strongest false positives, of all cases where
none is without.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.case import Case
from lesionkit.core.files import write_text
from lesionkit.core.lesion import Candidate
from lesionkit.infer.detectors import Detector
from lesionkit.recipes.ensemble import file_name
from lesionkit.runs.run_folder import RunFolder

HARD = "hard_negatives.json"
_AROUND_MM = 4.0


@dataclass(frozen=True)
class MineRule:
    """How many false positives of a case are kept, the strongest first, and the lowest score of one."""

    per_case: int = 60
    least_score: float = 0.1


def hard_negatives(
    run: RunFolder, detector: Callable[[], Detector], cases: Sequence[Case], name: str = "", rule: MineRule = MineRule()
) -> dict[str, NDArray[np.float64]]:
    """World positions (n, 3) of the strongest false positives of a net per case id; kept in the run folder.

    Args:
        detector: makes what is to be wrong.
        name: of the network, where a run trains several.
        rule: how many of each case, and how strong.
    """
    file = run.path / (f"hard_negatives-{file_name(name)}.json" if name else HARD)
    run.once(f"mine {name}".rstrip(), lambda: _mine(file, detector(), cases, rule))
    kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return {case_id: np.array(places, dtype=float).reshape(-1, 3) for case_id, places in kept.items()}


def hit_of(case: Case, places_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) which world positions (n, 3) lie within a true lesion's radius, or within 4 mm of its centre."""
    truth = case.truth or ()
    if not truth or not len(places_mm):
        return np.zeros(len(places_mm), bool)
    centres = np.array([lesion.centre_mm for lesion in truth])
    reach = np.array([max(lesion.radius_mm, _AROUND_MM) for lesion in truth])
    away = np.linalg.norm(places_mm[:, None] - centres[None], axis=2)
    return np.asarray((away <= reach).any(axis=1))


def false_positives(case: Case, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates that lie in no lesion and no excluded finding, nor within 4 mm of one; in the order given."""
    known = [*(case.truth or ()), *case.excluded]
    if not known:
        return list(candidates)
    centres = np.array([lesion.centre_mm for lesion in known])
    reach = np.array([max(lesion.radius_mm, 5.0) + _AROUND_MM for lesion in known])
    return [c for c in candidates if (np.linalg.norm(centres - c.centre_mm, axis=1) > reach).all()]


def _mine(file: Path, detector: Detector, cases: Sequence[Case], rule: MineRule = MineRule()) -> Mapping[str, Any]:
    places: dict[str, list[tuple[float, ...]]] = {}
    looked_at = [case for case in cases if case.truth is not None]
    for case in [case for case in looked_at if not case.truth] or looked_at:
        strong = [c for c in detector.find(case) if c.score >= rule.least_score]
        places[case.case_id] = [c.centre_mm for c in false_positives(case, strong)[: rule.per_case]]
    write_text(file, json.dumps(places) + "\n")
    return {"cases": len(places), "hard negatives": sum(map(len, places.values()))}
