"""Files of a truth and of marks on slides -> a score, by the protocols of CAMELYON16 and 17."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias, cast

from numpy.typing import ArrayLike

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.evaluate.camelyon16 import Protocol, score_camelyon16, slide_tally
from lesionkit.evaluate.camelyon16_settings import Camelyon16Settings
from lesionkit.evaluate.camelyon17 import Camelyon17Settings, score_camelyon17
from lesionkit.evaluate.score import Score
from lesionkit.read.truth.camelyon import read_mark_folder, read_stage_table
from lesionkit.read.truth.camelyon_lesions import read_lesion_annotations
from lesionkit.read.truth.slide_tables import read_slide_labels, read_slide_patients, read_slide_scores
from lesionkit.recipes.applied import with_points
from lesionkit.recipes.score_files import SLIDE, Given, Scorer, model_input
from lesionkit.recipes.scoring import with_inputs

SlideMarks: TypeAlias = Mapping[str, ArrayLike]
SlideTruth: TypeAlias = Mapping[str, Outline | SlideMask | None]
"""See `score_camelyon16`."""


@dataclass(frozen=True)
class Camelyon16Files:
    """Where the truth lies.

    Attributes:
        truth: outlines or masks, a folder or one file.
        labels: every scored slide and whether it holds tumour; its case_id or patient_id makes patients the unit of
            the bootstrap.
        slide_scores: probability of tumour of every slide, of the system that is scored.
        model: whose operating points are applied to `slide_scores`.

    Raises:
        LesionkitError: a model without scores of slides.
    """

    truth: Path
    labels: Path | None = None
    slide_scores: Path | None = None
    model: Path | None = None

    def __post_init__(self) -> None:
        if self.model is not None and self.slide_scores is None:
            raise LesionkitError(
                "--model applies thresholds to the scores of slides, but none are given; give --slide-scores, as "
                "scores.csv of a run"
            )

    @property
    def inputs(self) -> dict[str, Path | None]:
        """The files by name."""
        return {**vars(self), "model": model_input(self.model, SLIDE)}

    def score(self, marks: SlideMarks, truth: SlideTruth, protocol: str, how: Camelyon16Settings, column: str) -> Score:
        """Marks by slide, against the truth, with labels, scores of slides and operating points as the files say.

        Args:
            column: of `slide_scores`.
        """
        labels = read_slide_labels(self.labels) if self.labels else None
        patients = read_slide_patients(self.labels) if self.labels else None
        ranked = read_slide_scores(self.slide_scores, column) if self.slide_scores else None
        scored = score_camelyon16(marks, truth, cast(Protocol, protocol), labels, ranked, how, patients=patients)
        if self.model is None or ranked is None:
            return scored
        tally = slide_tally(marks, truth, labels, ranked, how, patients)
        return with_points(scored, tally, self.model, SLIDE, how.bootstrap, how.seed)


def camelyon16_scorer(
    files: Camelyon16Files,
    protocol: str,
    given: Given,
    *,
    mask_downsample: float | None = None,
    score_column: str | None = None,
) -> Scorer:
    """Of a folder of marks, against outlines or masks.

    Args:
        mask_downsample: pixels of the finest level per sample of masks that do not say it.
        score_column: of `slide_scores`, where the table does not tell it by its name.
    """
    settings = Camelyon16Settings.parse(given)

    def score(marks: Path) -> Score:
        truth = read_lesion_annotations(files.truth, mask_downsample)
        scored = files.score(read_mark_folder(marks), truth, protocol, settings, score_column or "")
        if mask_downsample is not None:
            scored = replace(scored, facts={**scored.facts, "mask_downsample": mask_downsample})
        return with_inputs(scored, {**files.inputs, "marks": marks})

    return score


def camelyon17_scorer(truth: Path, given: Given) -> Scorer:
    """Of a table of stages."""
    settings = Camelyon17Settings.parse(given)
    return lambda marks: with_inputs(
        score_camelyon17(read_stage_table(truth), read_stage_table(marks), settings), {"truth": truth, "marks": marks}
    )
