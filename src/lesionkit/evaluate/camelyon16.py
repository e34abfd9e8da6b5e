"""CAMELYON16: metastases in slides of lymph nodes, lesion by lesion and slide by slide.

Both protocols: tumour is grown by 37.5 µm, its holes are filled, its pieces are lesions; pieces shorter than 275 µm are
isolated tumour cells, on which marks count neither way. A mark hits the lesion it lies in; of several in one lesion the
highest counts and the others are ignored. Rates are per scored slide, with and without marks.

`official` makes the curve as the organisers' script does, see `camelyon16_official`; `exact` is a step curve in which
equal scores enter together, and quotes the highest sensitivity attained with at most so many false positives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.evaluate.bootstrap import draw_key
from lesionkit.evaluate.camelyon16_marks import Slide, find_hits, frame_warning
from lesionkit.evaluate.camelyon16_official import (
    OfficialScores,
    in_single_precision,
    official_froc,
    resample_official,
)
from lesionkit.evaluate.camelyon16_settings import Camelyon16Settings
from lesionkit.evaluate.camelyon16_slides import SlideQuestion, listed_slides, slide_question
from lesionkit.evaluate.cpm import Quoted, at_rates, cpm_figures, cpm_samples, quote
from lesionkit.evaluate.froc import Detections, froc, operating_points, sensitivity_at
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.roc import area_of_patients, roc
from lesionkit.evaluate.score import Curve, Figure, Resamples, Score
from lesionkit.evaluate.subgroup import Subgrouping, subgroup_rows
from lesionkit.evaluate.tally import Tally

Protocol = Literal["official", "exact"]

RULES = {
    "official": (
        "CAMELYON16 as the organisers' script counts: tumour grown by 37.5 um, holes filled, isolated tumour cells and "
        "second hits ignored; the lowest score is dropped, sensitivity is interpolated between points of the FROC."
    ),
    "exact": (
        "Tumour grown by 37.5 um, holes filled; a mark hits the lesion it lies in; isolated tumour cells and second "
        "hits are ignored; equal scores enter together; the sensitivity at a rate is the highest attained with at most "
        "that many false positives per slide."
    ),
}


_MACRO_UM = 2000.0
"""Where the TNM classification parts micro- from macrometastases."""


def score_camelyon16(
    marks: Mapping[str, ArrayLike],
    truth: Mapping[str, Outline | SlideMask | None],
    protocol: Protocol = "official",
    slide_labels: Mapping[str, bool] | None = None,
    slide_scores: Mapping[str, float] | None = None,
    settings: Camelyon16Settings | None = None,
    slide_um: Mapping[str, float] | None = None,
    patients: Mapping[str, str] | None = None,
) -> Score:
    """Score marks on slides.

    Args:
        marks: per slide (n, 3) rows of probability, x and y in pixels of the finest level; (0, 3) or () for none.
        truth: per slide its tumour; None or an outline without rings where it is healthy.
        slide_labels: whether a slide holds tumour, for every scored slide. Without them the scored slides are those of
            truth and marks together, and a slide that only the marks know is healthy, as in the organisers' script.
        slide_scores: probability of tumour per slide; without them a slide's highest mark, 0 without marks.
        slide_um: size of a pixel of the finest level, of slides of which it is known.
        patients: by slide; the bootstrap draws patients with all of their slides. None where each is of another.

    Returns:
        Score whose headline is `cpm`; `slide AUC` is a figure where there are slides of both kinds.

    Raises:
        LesionkitError: marks on slides that labels or truth do not know, marks that are not on the slide, labels that
            contradict the truth, a slide without score.
    """
    settings = settings or Camelyon16Settings()
    if protocol not in RULES:
        raise LesionkitError(f"the protocol of CAMELYON16 must be 'official' or 'exact', got '{protocol}'")
    listed, warnings = listed_slides(marks, truth, slide_labels)
    ids = _without(listed, settings.left_out_of_froc)
    question = slide_question(marks, truth, _without(listed, settings.left_out_of_auc), slide_labels, slide_scores)
    how = {slide_id: settings.regions((slide_um or {}).get(slide_id)) for slide_id in ids}
    slides = find_hits(marks, truth, how)
    found = _detections(slides)
    whose = Patients.of(ids, patients)
    draws = whose.draw(settings.bootstrap, settings.seed)
    curve, quoted, deviations = _quote(slides, found, settings.rates, draws, protocol)
    figures, slide_curve = _slide_figure(question, patients, settings)
    itc = [slide.regions.is_itc.tolist() for slide in slides]
    key = draw_key(ids, [*itc, *whose.key()], len(draws), settings.seed)
    return Score(
        protocol=f"camelyon16 {protocol}",
        rule=RULES[protocol],
        figures={**cpm_figures(quoted, found.n_lesions, whose.among(found.lesion_case), unit="slide"), **figures},
        counts={**_counts(slides, found), "excluded_by_name": len(listed) - len(ids)},
        curves=(curve, *slide_curve),
        operating_points=operating_points(curve, settings.rates, "per slide"),
        subgroups=_by_size(slides, found, settings, whose),
        warnings=(*warnings, *_notes(truth), *_warnings(slides, found), *deviations),
        facts={
            "settings": settings.model_dump(mode="json"),
            "slides_ranked_by": question.ranked_by,
            "level_0_um": {slide.slide_id: slide.settings.level_0_um for slide in slides},
        },
        resamples=Resamples(f"camelyon16 {protocol}, {key}", cpm_samples(quoted)),
    )


def slide_tally(
    marks: Mapping[str, ArrayLike],
    truth: Mapping[str, Outline | SlideMask | None],
    slide_labels: Mapping[str, bool] | None,
    slide_scores: Mapping[str, float],
    settings: Camelyon16Settings,
    patients: Mapping[str, str] | None = None,
) -> Tally:
    """The scores of the slides that `slide AUC` is of, beside whether they hold tumour; see `score_camelyon16`."""
    listed, _ = listed_slides(marks, truth, slide_labels)
    question = slide_question(marks, truth, _without(listed, settings.left_out_of_auc), slide_labels, slide_scores)
    whose = Patients.of(question.slide_ids, patients)
    return Tally.of_images(question.positive, question.score, whose, "slide")


def _notes(truth: Mapping[str, Outline | SlideMask | None]) -> list[str]:
    """What was left out of outlines, by slide."""
    return [
        f"{slide_id}: {note}"
        for slide_id, tumour in truth.items()
        if isinstance(tumour, Outline)
        for note in tumour.notes
    ]


def _without(listed: Sequence[str], names: Sequence[str]) -> list[str]:
    folded = {name.casefold() for name in names}
    kept = [slide_id for slide_id in listed if slide_id.casefold() not in folded]
    if not kept:
        raise LesionkitError(f"no slide is left to score: {len(listed)} are listed, {', '.join(names)} are excluded")
    return kept


def _detections(slides: Sequence[Slide]) -> Detections:
    lesions = [(n, score) for n, s in enumerate(slides) for score in s.region_score[~s.regions.is_itc]]
    false = [(n, score) for n, s in enumerate(slides) for score in s.score[s.is_false]]
    lesion_case, lesion_score = zip(*lesions, strict=True) if lesions else ((), ())
    false_case, false_score = zip(*false, strict=True) if false else ((), ())
    return Detections(
        len(slides), np.array(lesion_case), np.array(lesion_score), np.array(false_case), np.array(false_score)
    )


def _quote(
    slides: Sequence[Slide], found: Detections, rates: Sequence[float], draws: NDArray[np.int32], protocol: Protocol
) -> tuple[Curve, Quoted, list[str]]:
    """The curve, what is read from it, and sentences on the deviations that changed that."""
    exact = froc(found, case_word="slide")
    if protocol == "exact":
        return exact, quote(found, exact, rates, draws), []
    scores = _official_scores(slides, found)
    curve = _official_curve(scores, found)
    at = at_rates(curve, rates)
    quoted = Quoted(np.asarray(rates, dtype=np.float64), at, resample_official(scores, rates, draws))
    return curve, quoted, _deviations(scores, found, curve, rates)


def _official_scores(slides: Sequence[Slide], found: Detections) -> OfficialScores:
    regions = [(n, score) for n, s in enumerate(slides) for score in np.where(s.regions.is_itc, 0.0, s.region_score)]
    slide, score = np.array(regions, dtype=np.float64).reshape(-1, 2).T
    return OfficialScores(
        found.n_cases,
        slide.astype(np.intp),
        np.maximum(score, 0.0),
        np.bincount(found.lesion_case, minlength=found.n_cases),
        found.false_case,
        found.false_score,
    )


def _official_curve(scores: OfficialScores, found: Detections, drop_lowest: bool = True) -> Curve:
    return official_froc(scores.false_score, scores.region_score, found.n_lesions, found.n_cases, drop_lowest)


def _deviations(scores: OfficialScores, found: Detections, curve: Curve, rates: Sequence[float]) -> list[str]:
    """A sentence for each known deviation of the script that changed the average sensitivity."""
    if not found.n_lesions:
        return []
    official = float(at_rates(curve, rates).mean())
    without = {
        "dropping the lowest score": at_rates(_official_curve(scores, found, drop_lowest=False), rates).mean(),
        "interpolation between the points of the curve": sensitivity_at(curve, rates).mean(),
    }
    sentences = [
        f"official deviation: {what} changed the CPM from {value:.6f} to {official:.6f}"
        for what, value in without.items()
        if abs(value - official) > 1e-12
    ]
    single = at_rates(_official_curve(in_single_precision(scores), found), rates).mean()
    if abs(single - official) > 1e-6:
        sentences.append(
            "the organisers' script rounds the scores of hits, but not of false positives, to single precision, which "
            f"breaks their ties and would give a CPM of {single:.6f}; here they stay tied"
        )
    return sentences


def _slide_figure(
    question: SlideQuestion, patients: Mapping[str, str] | None, settings: Camelyon16Settings
) -> tuple[dict[str, Figure], tuple[Curve, ...]]:
    if question.positive.all() or not question.positive.any():
        return {}, ()
    name = f"slides ranked by {question.ranked_by}"
    whose = Patients.of(question.slide_ids, patients)
    figure = area_of_patients(question.positive, question.score, whose, settings.bootstrap, settings.seed)
    return {"slide AUC": replace(figure, note=f"{name}; {figure.note}")}, (
        roc(question.positive, question.score, name),
    )


def _by_size(
    slides: Sequence[Slide], found: Detections, settings: Camelyon16Settings, whose: Patients
) -> tuple[dict[str, Any], ...]:
    """Micro- and macrometastases apart; always by the exact curve, for the lowest score is not a subgroup's own."""
    if not found.n_lesions:
        return ()
    length_um = np.concatenate([slide.regions.length_um[~slide.regions.is_itc] for slide in slides])
    names = np.where(length_um < _MACRO_UM, "below 2 mm", "2 mm or more")
    how = Subgrouping(settings.rates, settings.bootstrap, settings.seed, step=True)
    return subgroup_rows(found, "major axis", pd.Series(names), "lesions", how, whose)


def _counts(slides: Sequence[Slide], found: Detections) -> dict[str, int]:
    n_itc = sum(int(s.regions.is_itc.sum()) for s in slides)
    n_marks = sum(len(s.score) for s in slides)
    on_itc = sum(int(s.regions.is_itc[s.region[~s.is_false] - 1].sum()) for s in slides)
    return {
        "slides": found.n_cases,
        "slides_with_tumour": sum(s.regions.has_tumour for s in slides),
        "lesions": found.n_lesions,
        "hits": found.n_hits,
        "misses": found.n_lesions - found.n_hits,
        "false_positives": found.n_false_positives,
        "candidates": n_marks,
        "isolated_tumour_cells": n_itc,
        "ignored_on_isolated_tumour_cells": on_itc,
        "ignored_double_detections": n_marks - found.n_false_positives - on_itc - found.n_hits,
        "slides_without_marks": sum(not len(s.score) for s in slides),
    }


def _warnings(slides: Sequence[Slide], found: Detections) -> list[str]:
    sentences = []
    if not found.n_lesions:
        sentences.append(f"no lesion on any of {found.n_cases} slides: sensitivity is not defined")
    elif not any(len(s.score) for s in slides):
        sentences.append(f"there are no marks: sensitivity is 0 for all {found.n_lesions} lesions")
    absent = [s.slide_id for s in slides if not s.has_marks]
    if absent:
        sentences.append(
            f"{len(absent)} of {len(slides)} slides are not in the marks, first '{absent[0]}'; they count as searched "
            "with nothing found, where the organisers' script would leave them and their lesions out"
        )
    beyond = [s for s in slides if ((s.score < 0) | (s.score > 1)).any()]
    if beyond:
        row = int(np.flatnonzero((beyond[0].score < 0) | (beyond[0].score > 1))[0])
        sentences.append(
            f"marks of {len(beyond)} slides have probabilities outside [0, 1], first {beyond[0].score[row]:g} in row "
            f"{row + 1} of '{beyond[0].slide_id}'; they are used as ranking scores"
        )
    other = [s for s in slides if s.regions.has_tumour and s.regions.downsample != s.settings.downsample]
    if other:
        sentences.append(
            f"masks are {min(s.regions.downsample for s in other):g} times smaller than the slide, not "
            f"{other[0].settings.downsample:g} times as in the protocol; growth and size are in micrometres all the "
            "same"
        )
    frame = frame_warning(slides)
    return [*sentences, frame] if frame else sentences
