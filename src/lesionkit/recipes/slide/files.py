"""The files of CAMELYON16, CAMELYON17 and of slide scores -> a score."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from lesionkit.evaluate.camelyon16 import Camelyon16Settings, Protocol, score_camelyon16
from lesionkit.evaluate.camelyon17 import Camelyon17Settings, score_camelyon17
from lesionkit.evaluate.score import Score
from lesionkit.evaluate.slides import SlidesSettings, score_slides
from lesionkit.read.truth.camelyon import (
    read_lesion_annotations,
    read_mark_folder,
    read_slide_labels,
    read_slide_scores,
    read_stage_table,
)
from lesionkit.read.truth.slide_tables import paired_tables
from lesionkit.recipes.scoring import with_inputs


@dataclass(frozen=True)
class Camelyon16Files:
    """Where the truth lies.

    Attributes:
        truth: outlines or masks, a folder or one file.
        labels: every scored slide and whether it holds tumour.
        slide_scores: probability of tumour of every slide, of the system that is scored.
        score_column: of `slide_scores`, where the table does not tell it by its name.
    """

    truth: Path
    labels: Path | None = None
    slide_scores: Path | None = None
    score_column: str = ""


def score_camelyon16_files(files: Camelyon16Files, marks: Path, protocol: str, given: Mapping[str, Any]) -> Score:
    """Read outlines or masks and a folder of marks, and score.

    Args:
        given: settings that differ from the published ones.
    """
    settings = Camelyon16Settings.parse(given)
    score = score_camelyon16(
        read_mark_folder(marks),
        read_lesion_annotations(files.truth, settings.downsample),
        cast(Protocol, protocol),
        read_slide_labels(files.labels) if files.labels else None,
        read_slide_scores(files.slide_scores, files.score_column) if files.slide_scores else None,
        settings,
    )
    inputs = {"truth": files.truth, "labels": files.labels, "slide_scores": files.slide_scores, "marks": marks}
    return with_inputs(score, inputs)


def score_camelyon17_files(truth: Path, marks: Path, given: Mapping[str, Any]) -> Score:
    """Read two tables of stages, and score."""
    score = score_camelyon17(read_stage_table(truth), read_stage_table(marks), Camelyon17Settings.parse(given))
    return with_inputs(score, {"truth": truth, "marks": marks})


def score_slides_files(labels: Path, marks: Path, given: Mapping[str, Any], column: str = "") -> Score:
    """Read labels and scores of slides, joined by the names that both tables have, and score.

    Args:
        column: of the scores, where the table does not tell it by its name.
    """
    score = score_slides(*paired_tables(labels, marks, column), SlidesSettings.parse(given))
    return with_inputs(score, {"truth": labels, "marks": marks})
