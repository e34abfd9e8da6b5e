"""Patches of which somebody says whether their middle holds tumour -> their score."""

from collections.abc import Mapping
from dataclasses import replace

from lesionkit.evaluate.score import Score
from lesionkit.evaluate.slides import SlidesSettings, score_slides
from lesionkit.recipes.slide.settings import SlideMetastasis

_RULE = (
    "Area below the ROC curve of patches: how often one with tumour in its middle outscores one without, ties counting "
    "half. Patches of one slide are alike, and which are of one slide is not known: the interval, after DeLong, takes "
    "each for a slide of its own, so it is too narrow."
)


def score_of_patches(labels: Mapping[str, bool], scores: Mapping[str, float], settings: SlideMetastasis) -> Score:
    """The area below the ROC curve of labelled patches, each a case of its own; as of slides, in other words."""
    how = SlidesSettings(bootstrap=settings.score.bootstrap, seed=settings.score.seed)
    score = score_slides(labels, scores, how)
    return replace(
        score,
        protocol="patches",
        rule=_RULE,
        figures={name.replace("slide", "patch"): figure for name, figure in score.figures.items()},
        counts={name.replace("slides", "patches"): count for name, count in score.counts.items()},
        warnings=tuple(sentence.replace("slides", "patches") for sentence in score.warnings),
        # A comparison asks for the figures by name.
        resamples=None,
    )
