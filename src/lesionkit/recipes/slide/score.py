"""Marks, scores and truth of slides -> the scores of CAMELYON16, by both protocols, and of the slides."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.evaluate.camelyon16 import Camelyon16Settings, score_camelyon16
from lesionkit.evaluate.score import Score
from lesionkit.evaluate.slides import SlidesSettings, score_slides
from lesionkit.read.slide.set import SlideEntry
from lesionkit.recipes.slide.case import open_case
from lesionkit.recipes.slide.search import FoundSlide
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.recipes.slide.truth import read_truth

_SAMPLE_UM = 7.776
"""A sample of the mask on which the organisers count: level 5 of slides of 0.243 µm per pixel."""


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of searched slides.

    Attributes:
        tumour: by slide, of those whose places are all known; in pixels of the finest level from the file's corner.
        labels: by slide, of those of which is known whether they hold tumour.
        warnings: truths that could not be used, or in part, in sentences.
    """

    tumour: Mapping[str, Outline | SlideMask]
    labels: Mapping[str, bool]
    warnings: tuple[str, ...]


def known_of(pairs: Sequence[tuple[FoundSlide, SlideEntry]], settings: SlideMetastasis) -> Known:
    """Read the truth of every slide that has one; a truth that cannot be used becomes a warning."""
    tumour: dict[str, Outline | SlideMask] = {}
    labels, warnings = {}, []
    for found, entry in pairs:
        try:
            truth = read_truth(entry, open_case(found.path, settings), settings.truth)
        except LesionkitError as error:
            warnings.append(f"{found.slide_id} is not scored: {error}")
            continue
        if truth is not None:
            warnings += [f"{found.slide_id}: {note}" for note in truth.notes]
            tumour[found.slide_id] = truth.tumour
            labels[found.slide_id] = truth.has_tumour
        elif entry.label is not None:
            labels[found.slide_id] = entry.label
    return Known(tumour, labels, tuple(warnings))


def score_found(
    pairs: Sequence[tuple[FoundSlide, SlideEntry]], scores: Mapping[str, float], known: Known, settings: SlideMetastasis
) -> dict[str, Score]:
    """Scores by name: "official" and "exact" of lesions where tumour is drawn, else "slides" of labels alone.

    Args:
        scores: of every slide.
    """
    found = {one.slide_id: one for one, _ in pairs}
    lesions = {name: value for name, value in known.tumour.items() if name in found}
    if any(value.has_tumour for value in lesions.values()):
        marks = {name: found[name].rows for name in lesions}
        labels = {name: known.labels[name] for name in lesions}
        ranked = {name: scores[name] for name in lesions}
        rule = lesion_settings([found[name] for name in lesions], list(lesions.values()), settings.score)
        return {
            protocol: score_camelyon16(marks, lesions, protocol, labels, ranked, rule)
            for protocol in ("official", "exact")
        }
    truth = {name: label for name, label in known.labels.items() if name in found}
    if len(set(truth.values())) < 2:
        return {}
    draws = SlidesSettings(samples=settings.score.samples, seed=settings.score.seed)
    return {"slides": score_slides(truth, {name: scores[name] for name in truth}, draws)}


def lesion_settings(
    found: Sequence[FoundSlide], tumour: Sequence[Outline | SlideMask], settings: Camelyon16Settings
) -> Camelyon16Settings:
    """The settings of CAMELYON16 for pixels of another size: growth and lengths stay the same in µm.

    What the settings name themselves stays.
    """
    um = float(np.median([one.grid.spacing_mm[0] * 1000 for one in found]))
    steps = {one.downsample for one in tumour if isinstance(one, SlideMask) and one.has_tumour}
    # Of masks their own, if it is one; of outlines what comes nearest to the organisers' samples.
    step = steps.pop() if len(steps) == 1 else 2.0 ** max(0, round(math.log2(_SAMPLE_UM / um)))
    fitting: dict[str, float] = {"level_0_um": um, "downsample": step}
    given = settings.model_fields_set
    return settings.model_copy(update={name: value for name, value in fitting.items() if name not in given})
