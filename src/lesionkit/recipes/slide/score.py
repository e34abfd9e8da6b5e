"""Marks, scores and truth of slides -> the scores of CAMELYON16, by both protocols, and of the slides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.evaluate.camelyon16 import score_camelyon16
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.score import Score
from lesionkit.evaluate.slides import SlidesSettings, score_slides
from lesionkit.evaluate.tally import Tally
from lesionkit.recipes.card import dotted
from lesionkit.recipes.kind import Scored
from lesionkit.recipes.slide.case import open_case
from lesionkit.recipes.slide.drawn import read_truth
from lesionkit.recipes.slide.scorer import read_scorer, void_calibration
from lesionkit.recipes.slide.search import FoundSlide
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.recipes.slide.truth import entry_of


@dataclass(frozen=True, eq=False)
class KnownSlide:
    """What is known of a slide.

    Attributes:
        tumour: in pixels of the finest level from the file's corner; None where not all its places are known.
    """

    has_tumour: bool
    tumour: Outline | SlideMask | None = None


Known = Mapping[str, KnownSlide]


def known_of(found: Sequence[FoundSlide], settings: SlideMetastasis) -> tuple[dict[str, KnownSlide], list[str]]:
    """Read the truth of every slide that has one; of a truth that cannot be used a sentence."""
    known: dict[str, KnownSlide] = {}
    warnings = []
    for one in found:
        entry = entry_of(one.item)
        try:
            truth = read_truth(entry, open_case(entry.path, settings), settings.truth)
        except LesionkitError as error:
            warnings.append(f"{one.slide_id} is not scored: {error}")
            continue
        if truth is not None:
            warnings += [f"{one.slide_id}: {note}" for note in truth.notes]
            known[one.slide_id] = KnownSlide(truth.has_tumour, truth.tumour)
        elif entry.label is not None:
            known[one.slide_id] = KnownSlide(entry.label)
    return known, warnings


def score_found(found: Sequence[FoundSlide], model: Path, settings: SlideMetastasis) -> Scored:
    """Join the truth of slides, and score those that have one; see `Kind.score`."""
    known, warnings = known_of(found, settings)
    warnings += void_calibration(model, settings)
    ranked = slide_scores(found, model, settings)
    scores = score_slides_found(found, ranked, known, settings)
    if known and not scores:
        warnings.append("the slides whose truth is known are all of one kind, so there is nothing to score")
    return Scored(known, scores, warnings, tally=_tally(found, ranked, known) if known else None)


def _tally(found: Sequence[FoundSlide], scores: Mapping[str, float], known: Known) -> Tally:
    patients = {one.slide_id: one.item.patient_id for one in found if one.item.patient_id}
    ill, ranked = [one.has_tumour for one in known.values()], [scores[name] for name in known]
    return Tally.of_images(ill, ranked, Patients.of(list(known), patients), "slide")


def scores_of(found: Sequence[FoundSlide], model: Path, settings: SlideMetastasis) -> list[float]:
    """Of every slide; see `Kind.scores`."""
    return list(slide_scores(found, model, settings).values())


def basis(settings: SlideMetastasis) -> dict[str, Any]:
    """See `Kind.basis`: what maps depend on, and how a score is made of them."""
    return settings.map_basis | dotted(
        {"answer": settings.answer.model_dump(), "ensemble": settings.ensemble.model_dump()}
    )


def slide_scores(found: Sequence[FoundSlide], model: Path, settings: SlideMetastasis) -> dict[str, float]:
    """The score of every slide, by its name."""
    score_of = read_scorer(model, settings)
    return {one.slide_id: score_of(one) for one in found}


def score_slides_found(
    slides: Sequence[FoundSlide], scores: Mapping[str, float], known: Known, settings: SlideMetastasis
) -> dict[str, Score]:
    """Scores by name: "official" and "exact" of lesions where tumour is drawn, else "slides" of labels alone.

    Args:
        scores: of every slide.
    """
    found = {one.slide_id: one for one in slides}
    patients = {one.slide_id: one.item.patient_id for one in slides if one.item.patient_id}
    lesions = {name: one.tumour for name, one in known.items() if one.tumour is not None}
    if any(value.has_tumour for value in lesions.values()):
        marks = {name: found[name].rows for name in lesions}
        labels = {name: known[name].has_tumour for name in lesions}
        ranked = {name: scores[name] for name in lesions}
        um = {name: found[name].grid.spacing_mm[0] * 1000 for name in lesions}
        return {
            protocol: score_camelyon16(marks, lesions, protocol, labels, ranked, settings.score, um, patients)
            for protocol in ("official", "exact")
        }
    truth = {name: one.has_tumour for name, one in known.items()}
    if len(set(truth.values())) < 2:
        return {}
    draws = SlidesSettings(bootstrap=settings.score.bootstrap, seed=settings.score.seed)
    return {"slides": score_slides(truth, {name: scores[name] for name in truth}, draws, patients)}
