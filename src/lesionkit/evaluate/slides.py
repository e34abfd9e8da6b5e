"""Slides, or any cases, that are positive or not: the area below the ROC curve."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.evaluate.bootstrap import SAMPLES, SEED, draw_key
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.roc import area_of_patients, resample_auc, roc, roc_points
from lesionkit.evaluate.score import Resamples, Score

RULE = "Area below the ROC curve of slides: how often a positive slide outscores a negative one, ties counting half."


class SlidesSettings(Settings):
    """How slide scores are scored."""

    bootstrap: int = SAMPLES
    """Bootstrap draws of slides, which a comparison of two systems needs; the interval is DeLong's."""
    seed: int = SEED
    """Of the draws."""


def score_slides(
    labels: Mapping[str, bool],
    marks: Mapping[str, float],
    settings: SlidesSettings | None = None,
    patients: Mapping[str, str] | None = None,
) -> Score:
    """Score one number per slide.

    Args:
        labels: whether a slide is positive, for every scored slide.
        marks: the score of every slide.
        patients: by slide; the bootstrap draws patients with all of their slides. None where each is of another.

    Raises:
        LesionkitError: slides that only one of the tables has, or a score that is not finite.
    """
    settings = settings or SlidesSettings()
    positive, score = _paired(labels, marks)
    curve = roc(positive, score)
    whose = Patients.of(list(labels), patients)
    return Score(
        protocol="slides",
        rule=RULE,
        figures={"slide AUC": area_of_patients(positive, score, whose, settings.bootstrap, settings.seed)},
        counts={
            "slides": len(positive),
            "positive_slides": int(positive.sum()),
            "negative_slides": int((~positive).sum()),
            "distinct_scores": len(np.unique(score)),
        },
        curves=(curve,),
        operating_points=roc_points(curve),
        warnings=tuple(_warnings(positive, score)),
        facts={"settings": settings.model_dump(mode="json")},
        resamples=Resamples(
            draw_key(labels, [*positive, *whose.key()], settings.bootstrap, settings.seed),
            {"slide AUC": resample_auc(positive, score, whose.draw(settings.bootstrap, settings.seed))},
        ),
    )


def _paired(labels: Mapping[str, bool], marks: Mapping[str, float]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    for first, second, sentence in (
        (labels, marks, "labelled slides have no score"),
        (marks, labels, "scored slides have no label"),
    ):
        without = [slide_id for slide_id in first if slide_id not in second]
        if without or not first:
            raise LesionkitError(
                f"labels and scores must be of the same slides, but {len(without)} of {len(first)} {sentence}"
                + (f", first '{without[0]}'" if without else "; a table is empty")
            )
    score = np.array([marks[slide_id] for slide_id in labels], dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(score))
    if len(wrong):
        raise LesionkitError(f"slide scores must be finite, got {score[wrong[0]]} for '{list(labels)[wrong[0]]}'")
    return np.array([bool(positive) for positive in labels.values()], dtype=bool), score


def _warnings(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> list[str]:
    sentences = []
    if positive.all() or not positive.any():
        sentences.append(
            f"all {len(positive)} slides are {'positive' if positive.all() else 'negative'}: the area is not defined"
        )
    beyond = int(((score < 0) | (score > 1)).sum())
    if beyond:
        sentences.append(f"{beyond} of {len(score)} scores lie outside [0, 1]; they are used as ranking scores")
    return sentences
