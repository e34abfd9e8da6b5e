"""LUNA16: nodules in CT, by the organisers' algorithm and by an exact one.

Both: a mark hits a nodule when its squared distance to the centre is below the squared radius; of several marks on a
nodule the highest counts and the others are ignored; marks on excluded findings are ignored unless they hit a nodule;
rates are per listed scan, with and without marks.

`official` is the organisers' evaluation script: at most 100 marks per scan, a mark hits every nodule it lies in, and
the sensitivity at a rate is interpolated straight between the points of the curve. `exact` uses all marks, gives a
mark to the nearest nodule only, and quotes the highest sensitivity attained with at most so many false positives.

Source: Setio et al. 2017 (Medical Image Analysis 42) and the published script noduleCADEvaluationLUNA16.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.match import Match
from lesionkit.evaluate.bootstrap import draw_key
from lesionkit.evaluate.cpm import at_rates, band, cpm_figures, cpm_samples, quote
from lesionkit.evaluate.frame import frame_warning
from lesionkit.evaluate.froc import Detections, froc, operating_points
from lesionkit.evaluate.luna16_match import MARKS_PER_SCAN, Luna16Settings, Luna16Tables, kept_marks
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.score import Curve, Resamples, Score
from lesionkit.evaluate.subgroup import Subgrouping, subgroup_rows
from lesionkit.evaluate.table import column_of_cases

RULES = {
    "official": (
        "LUNA16 as the organisers' script counts: at most 100 marks per scan, a hit lies closer than the radius, marks "
        "on excluded findings and second hits are ignored, sensitivity is interpolated between the points of the FROC."
    ),
    "exact": (
        "A mark hits the nearest nodule whose centre is closer than its radius; marks on excluded findings and second "
        "hits are ignored; equal scores enter together; the sensitivity at a rate is the highest attained with at most "
        "that many false positives per scan. No limit on marks."
    ),
}

_MOSTLY = 0.5  # share of scans without marks above which the list of scans is doubted

OFFICIAL = Luna16Settings()
EXACT = Luna16Settings(protocol="exact")


def score_luna16(
    marks: pd.DataFrame,
    annotations: pd.DataFrame,
    excluded: pd.DataFrame | None,
    series: Sequence[str],
    settings: Luna16Settings = OFFICIAL,
    cases: pd.DataFrame | None = None,
    patients: Mapping[str, str] | None = None,
) -> Score:
    """Score a submission.

    Args:
        marks: columns seriesuid, coordX, coordY, coordZ (LPS mm), probability.
        annotations: the nodules: seriesuid, coordX, coordY, coordZ, diameter_mm and any other column.
        excluded: findings that count neither way, same columns; where the diameter is not
            positive, 10 mm is taken.
        series: every scan that was searched, once; their number is the denominator of the rates.
        cases: seriesuid and columns that tell scans apart (centre, scanner), for subgroups; scans without a row are
            "unknown".
        patients: by series; the bootstrap draws patients with all of their scans. None where each is of another.

    Returns:
        Score whose headline is `cpm`; the first curve is the FROC, the second the mean of the bootstrap with its band.

    Raises:
        LesionkitError: see `Luna16Tables.check`; or a column of `settings.by` is in no table.
    """
    tables, kept, matched = _matched(marks, annotations, excluded, series, settings)
    found = tables.detections(matched, kept)
    official = settings.protocol == "official"
    curve = _official_curve(found) if official else froc(found, case_word="scan")
    whose = Patients.of(list(tables.series), patients)
    with_lesion = whose.among(found.lesion_case)
    draws = whose.draw(settings.bootstrap, settings.seed)
    quoted = quote(found, curve, settings.rates, draws)
    warnings = [*tables.warnings, *_about_sets(tables, found)]
    if official:
        warnings += _deviations(tables, kept, matched, settings)
    return Score(
        protocol=f"luna16 {settings.protocol}",
        rule=RULES[settings.protocol],
        figures=cpm_figures(quoted, found.n_lesions, with_lesion, unit="scan"),
        counts=_counts(tables, kept, matched, found),
        curves=(curve, *band(found, curve, settings.rates, draws, with_lesion)),
        operating_points=operating_points(curve, settings.rates, "per scan"),
        subgroups=_subgroups(tables, found, annotations, cases, settings, whose),
        warnings=tuple(warnings),
        facts={"settings": settings.model_dump(mode="json")},
        resamples=Resamples(_key(tables, settings, whose), cpm_samples(quoted)),
    )


def luna16_detections(
    marks: pd.DataFrame,
    annotations: pd.DataFrame,
    excluded: pd.DataFrame | None,
    series: Sequence[str],
    settings: Luna16Settings = OFFICIAL,
) -> Detections:
    """What the marks hit and what they do not, for `apply_operating_point`; arguments as for `score_luna16`."""
    tables, kept, matched = _matched(marks, annotations, excluded, series, settings)
    return tables.detections(matched, kept)


def _matched(
    marks: pd.DataFrame,
    annotations: pd.DataFrame,
    excluded: pd.DataFrame | None,
    series: Sequence[str],
    settings: Luna16Settings,
) -> tuple[Luna16Tables, NDArray[np.bool_], Match]:
    tables = Luna16Tables.check(
        marks, annotations, excluded, series, ignore_unknown_series=settings.ignore_unknown_series
    )
    official = settings.protocol == "official"
    kept = np.ones(len(tables.score), dtype=bool)
    if official:
        kept = kept_marks(tables.marks.places.case, tables.score)
    return tables, kept, tables.match(kept, shared=official)


def _official_curve(found: Detections) -> Curve:
    """The points the organisers write: those in the middle of a run of equal steps are left out."""
    exact = froc(found, case_word="scan")
    n_wrong = np.round(exact.x[1:] * found.n_cases)
    n_hits = np.searchsorted(np.sort(-found.lesion_score), -exact.threshold[1:], side="right")
    keep = np.ones(len(exact.x), dtype=bool)
    if len(n_wrong) > 2:
        keep[2:-1] = (np.diff(n_wrong, 2) != 0) | (np.diff(n_hits, 2) != 0)
    return Curve(
        name=exact.name,
        x_label=exact.x_label,
        y_label=exact.y_label,
        x=exact.x[keep],
        y=exact.y[keep],
        threshold=exact.threshold[keep],
    )


def _counts(tables: Luna16Tables, kept: NDArray[np.bool_], matched: Match, found: Detections) -> dict[str, int]:
    return {
        "scans": found.n_cases,
        "lesions": found.n_lesions,
        "hits": found.n_hits,
        "misses": found.n_lesions - found.n_hits,
        "false_positives": found.n_false_positives,
        "candidates": int(kept.sum()),
        "ignored_on_excluded": int(matched.is_ignored.sum()),
        "ignored_double_detections": len(matched.pairs) - found.n_hits,
        "dropped_over_limit": int((~kept).sum()),
        "excluded_findings": len(tables.excluded.places),
        "scans_without_marks": found.n_cases - len(np.unique(tables.marks.places.case)),
    }


def _subgroups(
    tables: Luna16Tables,
    found: Detections,
    annotations: pd.DataFrame,
    cases: pd.DataFrame | None,
    settings: Luna16Settings,
    whose: Patients,
) -> tuple[dict[str, Any], ...]:
    how = Subgrouping(settings.rates, settings.bootstrap, settings.seed, step=settings.protocol == "exact")
    rows: list[dict[str, Any]] = []
    for column in settings.by:
        if column in annotations.columns:
            values = annotations[column].iloc[tables.nodules.position]
            rows += subgroup_rows(found, column, values, "lesions", how, whose)
        elif cases is not None and column in cases.columns:
            rows += subgroup_rows(found, column, column_of_cases(cases, column, tables.series), "cases", how, whose)
        else:
            known = [*annotations.columns, *(() if cases is None else cases.columns)]
            raise LesionkitError(f"there is no column '{column}' to group by; the tables have {', '.join(known)}")
    return tuple(rows)


def _about_sets(tables: Luna16Tables, found: Detections) -> list[str]:
    """What is odd about the whole of the marks or of the truth."""
    if not found.n_lesions:
        return [f"no nodule in any of {found.n_cases} scans: sensitivity is not defined, only false positives count"]
    if not len(tables.score):
        return [f"there are no marks: sensitivity is 0 for all {found.n_lesions} nodules"]
    sentence = frame_warning(tables.marks.places, tables.nodules.places)
    silent = found.n_cases - len(np.unique(tables.marks.places.case))
    few = (
        f"{silent} of {found.n_cases} listed scans have no mark; they count in the denominator and their nodules as "
        "missed, so list only the scans that were searched"
    )
    return [*([sentence] if sentence else []), *([few] if silent > _MOSTLY * found.n_cases else [])]


def _deviations(tables: Luna16Tables, kept: NDArray[np.bool_], matched: Match, settings: Luna16Settings) -> list[str]:
    """A sentence for each known deviation of the official protocol that changed this CPM."""
    found = tables.detections(matched, kept)
    if not found.n_lesions:
        return []
    if not found.n_hits:
        return ["official deviation: without any hit the organisers' script divides by zero; 0 is reported"]
    official = _official_cpm(found, settings.rates)
    without = {"interpolation between the points of the curve": float(at_rates(froc(found), settings.rates).mean())}
    if not kept.all():
        what = f"the limit of {MARKS_PER_SCAN} marks per scan, which dropped {int((~kept).sum())} marks,"
        every = np.ones(len(kept), dtype=bool)
        everything = tables.detections(tables.match(every, shared=True), every)
        without[what] = _official_cpm(everything, settings.rates)
    twice = len(matched.pairs) - len(np.unique(matched.pairs.mark))
    if twice:
        nearest_only = tables.detections(tables.match(kept, shared=False), kept)
        without["counting one mark for several nodules"] = _official_cpm(nearest_only, settings.rates)
    return [
        f"official deviation: {what} changed the CPM from {value:.6f} to {official:.6f}"
        for what, value in without.items()
        if abs(value - official) > 1e-12
    ]


def _official_cpm(found: Detections, rates: Sequence[float]) -> float:
    return float(at_rates(_official_curve(found), rates).mean())


def _key(tables: Luna16Tables, settings: Luna16Settings, whose: Patients) -> str:
    places = tables.nodules.places
    truth = (places.case.tobytes(), places.centre_mm.tobytes(), settings.protocol, *whose.key())
    return draw_key(tables.series, truth, settings.bootstrap, settings.seed)
