"""What is said of a detector that was trained: its score on the validation cases, and its card."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.score import Score
from lesionkit.infer.detectors import Detector, search_all
from lesionkit.infer.domain import Domain
from lesionkit.recipes.card import card_of_run
from lesionkit.recipes.ct.insert import bank_facts
from lesionkit.recipes.ct.score import score_cases
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.runs.run_folder import RunFolder

CPM = "validation CPM"
NOT_MEASURED = "not measured: no validation cases"
LEARNED_FROM, ROUND = "learned_from", "round"
"""Entries of a card: which cases the model learned from, as `digest_of` tells them; and after which round it is."""


def validation_score(detector: Detector, cases: Sequence[Case], settings: CtSettings) -> Score | None:
    """The score of a detector on cases that took no part in training; None without cases or lesions in them."""
    if not any(case.truth for case in cases):
        return None
    return score_cases(cases, search_all(detector, cases), settings.score)


def digest_of(case_ids: Iterable[str]) -> str:
    """Which cases these are, in any order, without their names."""
    return hashlib.sha256("\n".join(sorted(case_ids)).encode(errors="surrogateescape")).hexdigest()[:16]


def model_card(
    run: RunFolder, cases: Sequence[Case], settings: CtSettings, score: Score | None, seconds: int
) -> dict[str, Any]:
    """What a model file says of itself: data, settings, versions, domain, measured limits.

    Args:
        cases: that were learned from.
    """
    if not cases:
        raise LesionkitError("the training split is empty; check splits.json")
    card: dict[str, Any] = {
        **card_of_run(run, settings),
        "seconds": seconds,
        "bank": bank_facts(settings),
        "training_cases": len(cases),
        "training_patients": len({case.patient_id for case in cases}),
        "training_lesions": sum(len(case.truth or ()) for case in cases),
        LEARNED_FROM: digest_of(case.case_id for case in cases),
        "domain": Domain.of(cases).model_dump(mode="json"),
    }
    if score is not None:
        card["validation"] = {
            "protocol": score.protocol,
            "counts": dict(score.counts),
            "figures": {name: [f.value, f.lower, f.upper] for name, f in score.figures.items()},
        }
    return card
