"""Files of a truth and of marks -> a score, by every protocol of `lesionkit evaluate`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.agreement import score_readers
from lesionkit.evaluate.luna16 import luna16_detections, score_luna16
from lesionkit.evaluate.luna16_match import Luna16Settings
from lesionkit.evaluate.operating import applied_figures
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.score import Score
from lesionkit.evaluate.siim import SiimSettings, score_siim
from lesionkit.evaluate.slides import SlidesSettings, score_slides
from lesionkit.evaluate.tally import Tally
from lesionkit.read.truth.boxes import is_box_marks, read_box_marks
from lesionkit.read.truth.luna import read_annotations, read_case_table, read_marks, read_series_list
from lesionkit.read.truth.readings import read_readings
from lesionkit.read.truth.siim import read_siim_table
from lesionkit.read.truth.slide_tables import paired_tables, read_slide_patients
from lesionkit.recipes.applied import with_points
from lesionkit.recipes.scoring import (
    PREDICTIONS_FILE,
    SCORES_FILE,
    SUBMISSION_FILE,
    load_score,
    marks_file,
    with_inputs,
)
from lesionkit.runs.models import chosen_model

Given: TypeAlias = Mapping[str, Any]
"""The settings of a protocol that were named; the others keep their defaults."""

Scorer: TypeAlias = Callable[[Path], Score]
"""Scores the marks of one system against a truth that is known already.

Raises:
    LesionkitError: a table cannot be used; says which row and what to do.
"""


CT, XRAY, SLIDE = "ct-nodule", "xray-pneumothorax", "slide-metastasis"
"""The recipes whose models the protocols are for."""


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
        model: whose operating points are applied here.
    """

    truth: Path
    series: Path
    excluded: Path | None = None
    cases: Path | None = None
    thresholds: Path | None = None
    model: Path | None = None


def luna16_scorer(files: Luna16Files, given: Given) -> Scorer:
    """Of a submission, or of the candidates of a run."""
    settings = Luna16Settings.parse(given)

    def score(marks: Path) -> Score:
        marks = marks_file(marks)
        tables = (
            read_box_marks(marks) if is_box_marks(marks) else read_marks(marks),
            read_annotations(files.truth),
            read_annotations(files.excluded) if files.excluded else None,
            read_series_list(files.series),
        )
        cases = read_case_table(files.cases) if files.cases else None
        patients = _patients_of(cases)
        scored = score_luna16(*tables, settings, cases, patients)
        if files.thresholds or files.model:
            tally = Tally(luna16_detections(*tables, settings), Patients.of(tables[-1], patients), "scan")
            draws = settings.bootstrap, settings.seed
            if files.thresholds:
                points = load_score(files.thresholds).operating_points
                applied = applied_figures(points, tally.found, *draws, tally.patients)
                scored = replace(scored, figures={**scored.figures, **applied})
            if files.model:
                scored = with_points(scored, tally, files.model, CT, *draws)
        return with_inputs(scored, {**vars(files), "model": model_input(files.model, CT), "marks": marks})

    return score


def model_input(model: Path | None, recipe: str) -> Path | None:
    """The file that `--model` means, to be named among the inputs."""
    return None if model is None else chosen_model(model, recipe)


def _patients_of(cases: pd.DataFrame | None) -> dict[str, str] | None:
    """The patient of each series; None where the table of cases does not name them."""
    if cases is None or "patient_id" not in cases.columns:
        return None
    named = cases[cases["patient_id"].notna()]
    return dict(zip(named["seriesuid"], named["patient_id"].astype(str), strict=True))


def slides_scorer(truth: Path, given: Given, score_column: str | None = None, model: Path | None = None) -> Scorer:
    """Of a table of scores of slides or cases, joined with the labels by the names that both tables have.

    Args:
        score_column: of the scores, where the table does not tell it by its name.
        model: whose operating points are applied.
    """
    settings = SlidesSettings.parse(given)

    def score(marks: Path) -> Score:
        marks = marks_file(marks, SCORES_FILE)
        labels, scores = paired_tables(truth, marks, score_column or "")
        patients = read_slide_patients(truth)
        scored = score_slides(labels, scores, settings, patients)
        if model is not None:
            ranked, whose = [scores[name] for name in labels], Patients.of(list(labels), patients)
            tally = Tally.of_images(list(labels.values()), ranked, whose, "slide")
            scored = with_points(scored, tally, model, SLIDE, settings.bootstrap, settings.seed)
        return with_inputs(scored, {"truth": truth, "marks": marks, "model": model_input(model, SLIDE)})

    return score


def siim_scorer(truth: Path, shape: tuple[int, int], given: Given, model: Path | None = None) -> Scorer:
    """Of a table of run-length codes, or of what a run found.

    Args:
        shape: (rows, columns) of every image.
        model: whose operating points are applied to the scores of images.
    """
    if min(shape) < 1:
        raise LesionkitError(f"--shape must be the rows and columns of every image, got {shape[0]} and {shape[1]}")
    settings = SiimSettings.parse(given)
    table = read_siim_table(truth)

    def score(marks: Path) -> Score:
        ranked = _predictions(marks) if marks.is_dir() else None
        marks = marks_file(marks, SUBMISSION_FILE)
        found = read_siim_table(marks)
        scored = score_siim(table, found, shape, ranked, settings)
        if model is not None:
            tally = _tally_of_codes(table, found, ranked)
            scored = with_points(scored, tally, model, XRAY, settings.bootstrap, settings.seed)
        return with_inputs(scored, {"truth": truth, "marks": marks, "model": model_input(model, XRAY)})

    return score


def _predictions(run: Path) -> dict[str, float]:
    """The scores of images that a run found."""
    table = pd.read_csv(marks_file(run, PREDICTIONS_FILE), dtype={"case_id": str})
    return dict(zip(table["case_id"], table["probability"].astype(float), strict=True))


def _tally_of_codes(truth: pd.DataFrame, found: pd.DataFrame, scores: Mapping[str, float] | None) -> Tally:
    if scores is None:
        if "score" not in found:
            raise LesionkitError(
                "--model applies thresholds of scores, but the marks have none; give a column score, or the folder of "
                "a run"
            )
        best = found.groupby("image_id")["score"].max()
        scores = {str(name): float(value) for name, value in best.items()}
    known = truth.groupby("image_id", sort=False)["encoded"].agg(lambda codes: bool((codes != "-1").any()))
    named = truth.drop_duplicates("image_id")
    patients = (
        dict(zip(named["image_id"], named["patient_id"].astype(str), strict=True)) if "patient_id" in truth else None
    )
    names = [str(name) for name in known.index]
    whose = Patients.of(names, patients)
    return Tally.of_images(known.to_numpy(), [scores[name] for name in names], whose, "radiograph")


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
