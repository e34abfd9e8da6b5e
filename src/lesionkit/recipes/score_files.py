"""Files of a truth and of marks -> a score, by every protocol of `lesionkit evaluate`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, cast

import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.agreement import score_readers
from lesionkit.evaluate.camelyon16 import Protocol, score_camelyon16
from lesionkit.evaluate.camelyon16_settings import Camelyon16Settings
from lesionkit.evaluate.camelyon17 import Camelyon17Settings, score_camelyon17
from lesionkit.evaluate.luna16 import luna16_detections, score_luna16
from lesionkit.evaluate.luna16_match import Luna16Settings
from lesionkit.evaluate.operating import applied_figures
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.score import Score
from lesionkit.evaluate.siim import SiimSettings, score_siim
from lesionkit.evaluate.slides import SlidesSettings, score_slides
from lesionkit.read.truth.camelyon import read_mark_folder, read_stage_table
from lesionkit.read.truth.camelyon_lesions import read_lesion_annotations
from lesionkit.read.truth.luna import read_annotations, read_case_table, read_marks, read_series_list
from lesionkit.read.truth.readings import read_readings
from lesionkit.read.truth.siim import read_siim_table
from lesionkit.read.truth.slide_tables import paired_tables, read_slide_labels, read_slide_patients, read_slide_scores
from lesionkit.recipes.scoring import load_score, marks_file, with_inputs

Given: TypeAlias = Mapping[str, Any]
"""The settings of a protocol that were named; the others keep their defaults."""

Scorer: TypeAlias = Callable[[Path], Score]
"""Scores the marks of one system against a truth that is known already.

Raises:
    LesionkitError: a table cannot be used; says which row and what to do.
"""


@dataclass(frozen=True)
class Luna16Files:
    """Where the truth lies.

    Attributes:
        truth: annotations.csv; further columns may make subgroups.
        series: seriesuids.csv, every scan that was searched.
        excluded: annotations_excluded.csv.
        cases: a table with seriesuid and columns that tell scans apart; its patient_id makes patients the unit of the
            bootstrap.
        thresholds: folder of an earlier score, whose thresholds are applied here.
    """

    truth: Path
    series: Path
    excluded: Path | None = None
    cases: Path | None = None
    thresholds: Path | None = None


def luna16_scorer(files: Luna16Files, given: Given) -> Scorer:
    """Of a submission, or of the candidates of a run."""
    settings = Luna16Settings.parse(given)

    def score(marks: Path) -> Score:
        marks = marks_file(marks)
        tables = (
            read_marks(marks),
            read_annotations(files.truth),
            read_annotations(files.excluded) if files.excluded else None,
            read_series_list(files.series),
        )
        cases = read_case_table(files.cases) if files.cases else None
        patients = _patients_of(cases)
        scored = score_luna16(*tables, settings, cases, patients)
        if files.thresholds:
            points = load_score(files.thresholds).operating_points
            found = luna16_detections(*tables, settings)
            whose = Patients.of(tables[-1], patients)
            applied = applied_figures(points, found, settings.bootstrap, settings.seed, whose)
            scored = replace(scored, figures={**scored.figures, **applied})
        return with_inputs(scored, {**vars(files), "marks": marks})

    return score


def _patients_of(cases: pd.DataFrame | None) -> dict[str, str] | None:
    """The patient of each series; None where the table of cases does not name them."""
    if cases is None or "patient_id" not in cases.columns:
        return None
    named = cases[cases["patient_id"].notna()]
    return dict(zip(named["seriesuid"], named["patient_id"].astype(str), strict=True))


@dataclass(frozen=True)
class Camelyon16Files:
    """Where the truth lies.

    Attributes:
        truth: outlines or masks, a folder or one file.
        labels: every scored slide and whether it holds tumour; its case_id or patient_id makes patients the unit of
            the bootstrap.
        slide_scores: probability of tumour of every slide, of the system that is scored.
    """

    truth: Path
    labels: Path | None = None
    slide_scores: Path | None = None


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
        scored = score_camelyon16(
            read_mark_folder(marks),
            read_lesion_annotations(files.truth, mask_downsample),
            cast(Protocol, protocol),
            read_slide_labels(files.labels) if files.labels else None,
            read_slide_scores(files.slide_scores, score_column or "") if files.slide_scores else None,
            settings,
            patients=read_slide_patients(files.labels) if files.labels else None,
        )
        if mask_downsample is not None:
            scored = replace(scored, facts={**scored.facts, "mask_downsample": mask_downsample})
        return with_inputs(scored, {**vars(files), "marks": marks})

    return score


def camelyon17_scorer(truth: Path, given: Given) -> Scorer:
    """Of a table of stages."""
    settings = Camelyon17Settings.parse(given)
    return lambda marks: with_inputs(
        score_camelyon17(read_stage_table(truth), read_stage_table(marks), settings), {"truth": truth, "marks": marks}
    )


def slides_scorer(truth: Path, given: Given, score_column: str | None = None) -> Scorer:
    """Of a table of scores of slides or cases, joined with the labels by the names that both tables have.

    Args:
        score_column: of the scores, where the table does not tell it by its name.
    """
    settings = SlidesSettings.parse(given)
    return lambda marks: with_inputs(
        score_slides(*paired_tables(truth, marks, score_column or ""), settings, read_slide_patients(truth)),
        {"truth": truth, "marks": marks},
    )


def siim_scorer(truth: Path, shape: tuple[int, int], given: Given) -> Scorer:
    """Of a table of run-length codes.

    Args:
        shape: (rows, columns) of every image.
    """
    if min(shape) < 1:
        raise LesionkitError(f"--shape must be the rows and columns of every image, got {shape[0]} and {shape[1]}")
    settings = SiimSettings.parse(given)
    table = read_siim_table(truth)
    return lambda marks: with_inputs(
        score_siim(table, read_siim_table(marks), shape, settings=settings), {"truth": truth, "marks": marks}
    )


def readers_scorer(levels: Sequence[str], ordered: bool, given: Given) -> Scorer:
    """Of a table of readings: how far readers agree.

    Args:
        levels: every answer there is, in order; none: those that were given, numbers by size.
        ordered: an answer that is more steps away disagrees more.
        given: arguments of `score_readers`.
    """

    def score(path: Path) -> Score:
        readings = read_readings(path, levels)
        known = list(levels) or _sorted(set(readings.to_numpy().ravel().tolist()))
        if ordered and not levels and not _are_numbers(known):
            raise LesionkitError(
                f"answers that are no numbers have no order of their own, got {', '.join(known)}; give --levels in "
                "order"
            )
        return with_inputs(score_readers(readings, known, ordered, **given), {"readings": path})

    return score


def _sorted(answers: set[str]) -> list[str]:
    return sorted(answers, key=float) if _are_numbers(answers) else sorted(answers)


def _are_numbers(answers: Iterable[str]) -> bool:
    try:
        return all(float(answer) == float(answer) for answer in answers)
    except ValueError:
        return False
