"""Candidates and truth of prepared cases -> a LUNA16 score."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from lesionkit.core.case import Case
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.evaluate.luna16 import luna16_detections, score_luna16
from lesionkit.evaluate.luna16_match import Luna16Settings
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.score import Score
from lesionkit.evaluate.tally import Tally
from lesionkit.infer.calibrate import Calibration
from lesionkit.recipes.card import dotted
from lesionkit.recipes.ct.search import FoundScan
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.recipes.ct.truth import KnownScan, known_of
from lesionkit.recipes.kind import Scored

_TEXTURE = "texture"
_PLACE = ["seriesuid", "coordX", "coordY", "coordZ"]


def score_cases(cases: Sequence[Case], found: Mapping[str, Sequence[Candidate]], settings: Luna16Settings) -> Score:
    """Score what was found in cases whose truth is known; cases without truth are left out of everything."""
    known = {c.case_id: KnownScan(c.truth, c.excluded) for c in cases if c.truth is not None}
    return score_known(known, found, settings, {c.case_id: c.patient_id for c in cases if c.patient_id})


def score_known(
    known: Mapping[str, KnownScan],
    found: Mapping[str, Sequence[Candidate]],
    settings: Luna16Settings,
    patients: Mapping[str, str] | None = None,
) -> Score:
    """Score what was found in scans whose lesions are known, by case id.

    Args:
        patients: by case id; None where each scan is of another.
    """
    return score_luna16(*_tables(known, found), settings, patients=patients)


def tally_known(
    known: Mapping[str, KnownScan],
    found: Mapping[str, Sequence[Candidate]],
    patients: Mapping[str, str] | None = None,
) -> Tally:
    """The score of every candidate beside what it hits, by the exact protocol; arguments as for `score_known`."""
    detections = luna16_detections(*_tables(known, found), Luna16Settings(protocol="exact"))
    return Tally(detections, Patients.of(list(known), patients), "scan")


def _tables(
    known: Mapping[str, KnownScan], found: Mapping[str, Sequence[Candidate]]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, list[str]]:
    rows = [(name, *mark.centre_mm, mark.score) for name in known for mark in found.get(name, ())]
    marks = pd.DataFrame(rows, columns=[*_PLACE, "probability"])
    lesions = lesion_table({name: one.lesions or () for name, one in known.items()})
    excluded = lesion_table({name: one.excluded for name, one in known.items()})
    return marks, lesions, excluded, list(known)


def score_found(found: Sequence[FoundScan], model: Path, settings: CtSettings) -> Scored:
    """Join what is known of searched scans, and score; see `Kind.score`."""
    every = {one.item.case_id: known_of(one.item, one.grid, str(one.facts.get("format"))) for one in found}
    known = {name: one for name, one in every.items() if one.lesions is not None}
    warnings = [sentence for one in every.values() for sentence in one.warnings]
    sources = sorted({one.source for one in known.values() if one.source})
    marks = {one.item.case_id: one.candidates for one in found}
    patients = {one.item.case_id: one.patient_id for one in found if one.patient_id}
    tally = tally_known(known, marks, patients) if known else None
    if not any(one.lesions for one in known.values()):
        nothing = ["no searched scan has a known lesion, so there is nothing to score"] if known else []
        return Scored(known, {}, [*warnings, *nothing], sources, tally)
    score = score_known(known, marks, _with_groups(settings.score, known), patients)
    return Scored(known, {settings.score.protocol: score}, warnings, sources, tally)


def _with_groups(settings: Luna16Settings, known: Mapping[str, KnownScan]) -> Luna16Settings:
    """Where nobody asks for other groups: nodules by diameter, and by texture where the truth tells it."""
    if settings.by:
        return settings
    lesions = [lesion for one in known.values() for lesion in one.lesions or ()]
    told = ["diameter_mm"] if any(lesion.diameter_mm > 0 for lesion in lesions) else []
    told += [_TEXTURE] if any(isinstance(lesion.facts.get(_TEXTURE), str) for lesion in lesions) else []
    return settings.model_copy(update={"by": tuple(told)})


def scores_of(found: Sequence[FoundScan], model: Path, settings: CtSettings) -> list[float]:
    """Of every candidate; see `Kind.scores`."""
    del model, settings
    return [candidate.score for one in found for candidate in one.candidates]


def rescored(one: FoundScan, curve: Calibration) -> FoundScan:
    """With calibrated candidates; see `Kind.rescored`."""
    values = curve([candidate.score for candidate in one.candidates]).tolist() if one.candidates else []
    pairs = zip(one.candidates, values, strict=True)
    return replace(one, candidates=tuple(replace(candidate, score=value) for candidate, value in pairs))


def basis(settings: CtSettings) -> dict[str, Any]:
    """See `Kind.basis`."""
    unlike = {"precision", "device", "largest_window", "threshold", "limit", "foreign"}
    groups = {"prepare": settings.prepare.model_dump(), "infer": settings.infer.model_dump(exclude=unlike)}
    return dotted({**groups, "screen": settings.screen.model_dump(include={"model"})})


def lesion_table(lesions: Mapping[str, Sequence[Lesion]]) -> pd.DataFrame:
    """Lesions in LUNA16's columns with their plain facts (texture, attachment, votes) as further ones."""
    rows = [
        {
            **dict(zip(_PLACE, (case_id, *lesion.centre_mm), strict=True)),
            "diameter_mm": lesion.diameter_mm if lesion.diameter_mm > 0 else -1.0,
            **{name: value for name, value in lesion.facts.items() if isinstance(value, str | int | float)},
        }
        for case_id, several in lesions.items()
        for lesion in several
    ]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=[*_PLACE, "diameter_mm"])
