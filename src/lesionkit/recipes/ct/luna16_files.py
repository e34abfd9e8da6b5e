"""The tables of LUNA16 -> a score."""

from dataclasses import dataclass, replace
from pathlib import Path

from lesionkit.evaluate.luna16 import luna16_detections, score_luna16
from lesionkit.evaluate.luna16_match import Luna16Settings
from lesionkit.evaluate.operating import applied_figures
from lesionkit.evaluate.score import Score
from lesionkit.read.truth.luna import read_annotations, read_case_table, read_marks, read_series_list
from lesionkit.recipes.scoring import load_score, marks_file, with_inputs


@dataclass(frozen=True)
class Luna16Files:
    """Where the truth lies.

    Attributes:
        truth: annotations.csv; further columns may make subgroups.
        series: seriesuids.csv, every scan that was searched.
        excluded: annotations_excluded.csv.
        cases: a table with seriesuid and columns that tell scans apart.
        thresholds: folder of an earlier score, whose thresholds are applied here.
    """

    truth: Path
    series: Path
    excluded: Path | None = None
    cases: Path | None = None
    thresholds: Path | None = None


def score_luna16_files(files: Luna16Files, marks: Path, settings: Luna16Settings) -> Score:
    """Read the tables and score a submission or the candidates of a run.

    Raises:
        LesionkitError: a table cannot be used; says which row and what to do.
    """
    marks = marks_file(marks)
    tables = (
        read_marks(marks),
        read_annotations(files.truth),
        read_annotations(files.excluded) if files.excluded else None,
        read_series_list(files.series),
    )
    score = score_luna16(*tables, settings, read_case_table(files.cases) if files.cases else None)
    if files.thresholds:
        points = load_score(files.thresholds).operating_points
        found = luna16_detections(*tables, settings)
        applied = applied_figures(points, found, settings.bootstrap_samples, settings.seed)
        score = replace(score, figures={**score.figures, **applied})
    inputs = {"truth": files.truth, "excluded": files.excluded, "series": files.series, "cases": files.cases}
    return with_inputs(score, {**inputs, "thresholds": files.thresholds, "marks": marks})
