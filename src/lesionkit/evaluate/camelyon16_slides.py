"""The other half of CAMELYON16: does a slide hold tumour? And which slides are scored at all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.evaluate.camelyon16_marks import checked_marks

Truth = Mapping[str, Outline | SlideMask | None]


def listed_slides(
    marks: Mapping[str, ArrayLike], truth: Truth, labels: Mapping[str, bool] | None
) -> tuple[list[str], list[str]]:
    """The slides whose number is the denominator, and sentences on how they were found.

    Labels list every slide. Without them, truth that also names healthy slides does; and where the truth only knows
    slides with tumour, a slide with marks alone is healthy.

    Raises:
        LesionkitError: marks or truth of slides that are not listed, or no slide in common.
    """
    if labels is not None:
        _refuse_unknown(truth, labels, "truth", "slide labels")
        _refuse_unknown(marks, labels, "marks", "slide labels")
        return list(labels), []
    unknown = [slide_id for slide_id in marks if slide_id not in truth]
    if unknown and (len(unknown) == len(marks) or any(not has_tumour(value) for value in truth.values())):
        _refuse_unknown(marks, truth, "marks", "truth")
    if not unknown:
        return list(truth), []
    listed = [*truth, *unknown]
    return listed, [
        f"{len(unknown)} of {len(listed)} slides have marks but no truth, first '{unknown[0]}'; as in the organisers' "
        f"script they count as healthy, and rates are per {len(listed)} slides; give slide labels to be sure"
    ]


def has_tumour(tumour: Outline | SlideMask | None) -> bool:
    """Whether anything is annotated."""
    return tumour is not None and tumour.has_tumour


@dataclass(frozen=True, eq=False)
class SlideQuestion:
    """Does a slide hold tumour: the answers, and the scores.

    Attributes:
        slide_ids, positive, score: (n,).
        ranked_by: what the scores are.
    """

    slide_ids: tuple[str, ...]
    positive: NDArray[np.bool_]
    score: NDArray[np.float64]
    ranked_by: str


def slide_question(
    marks: Mapping[str, ArrayLike],
    truth: Truth,
    slide_ids: Iterable[str],
    labels: Mapping[str, bool] | None,
    scores: Mapping[str, float] | None,
) -> SlideQuestion:
    """Truth and score of every slide; the score of a slide is its own or that of its highest mark.

    Raises:
        LesionkitError: labels and annotations contradict each other; scores are missing, unknown or not finite.
    """
    ids = list(slide_ids)
    positive = np.array([has_tumour(truth.get(i)) for i in ids], dtype=bool)
    if labels is not None:
        labelled = np.array([bool(labels[i]) for i in ids], dtype=bool)
        wrong = np.flatnonzero(labelled != positive)
        if len(wrong):
            first = wrong[0]
            raise LesionkitError(
                f"labels and annotations must agree, but {len(wrong)} of {len(ids)} do not, first '{ids[first]}', "
                f"labelled {'tumour' if labelled[first] else 'healthy'} and {'with' if positive[first] else 'without'} "
                "annotated tumour"
            )
    if scores is None:
        highest = [checked_marks(i, marks.get(i, ()))[:, 0].max(initial=0.0) for i in ids]
        return SlideQuestion(tuple(ids), positive, np.array(highest), "their highest mark")
    without = [i for i in ids if i not in scores]
    if without:
        raise LesionkitError(
            f"every slide needs a score, but {len(without)} of {len(ids)} have none, first '{without[0]}'"
        )
    values = np.array([scores[i] for i in ids], dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise LesionkitError(f"slide scores must be finite, got {values[wrong[0]]} for '{ids[wrong[0]]}'")
    return SlideQuestion(tuple(ids), positive, values, "the slide scores")


def _refuse_unknown(given: Iterable[str], known: Iterable[str], name: str, list_name: str) -> None:
    listed = set(known)
    unknown = [slide_id for slide_id in given if slide_id not in listed]
    if unknown:
        twins = [i for i in listed if i.casefold() == unknown[0].casefold()]
        hint = f"; did you mean '{twins[0]}'?" if twins else ""
        raise LesionkitError(
            f"{len(unknown)} slides of the {name} are not among the {len(listed)} of the {list_name}, "
            f"first '{unknown[0]}'{hint}"
        )
