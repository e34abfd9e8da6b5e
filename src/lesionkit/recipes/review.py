"""A finished run -> a page to work in, whatever the kind of image."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic

from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import Handed
from lesionkit.evaluate.points import Decision, StoredPoint
from lesionkit.recipes.base import ReviewRequest
from lesionkit.recipes.deciding import deciding_of
from lesionkit.recipes.export import finished_search, model_that_searched
from lesionkit.recipes.handing import Handing, maker_of
from lesionkit.recipes.kind import Kind
from lesionkit.recipes.moved import found_again
from lesionkit.recipes.reviewing import Reviewing
from lesionkit.recipes.searching import F, Opened, S
from lesionkit.review.finding import Finding
from lesionkit.review.session import Line, Point, Session, Sheet, Shift
from lesionkit.review.store import DecisionStore
from lesionkit.runs.run_folder import RunFolder

REVIEW, STORE = "review", "decisions.sqlite"


@dataclass(frozen=True, eq=False)
class Reviewed(Generic[S, F]):
    """A run that is reviewed: what was found in each image, and what there is to decide on.

    Attributes:
        findings: by case id.
        missing: by case id why an image is not there.
    """

    found: Sequence[F]
    handed: Mapping[str, Handed]
    findings: Mapping[str, Sequence[Finding]]
    missing: Mapping[str, str]
    scores: Mapping[str, float]
    line: Line
    parts: Reviewing[S, F]
    handing: Handing[S, F]


def review(
    run: RunFolder, request: ReviewRequest, settings: S, kind: Kind[S, F, Opened], recipe: str
) -> tuple[Session, Sequence[str]]:
    """See `ReviewVerbs.open`: the session, and sentences on images that are not there."""
    reviewed = reviewed_run(run, request.images, settings, kind, recipe)
    parts, noun = reviewed.parts, kind.search.noun
    sheets = [_sheet(one, reviewed, parts) for one in reviewed.found]
    lay = parts.shift

    def shift(first: Sheet, second: Sheet) -> Shift:
        if lay is None:
            raise LesionkitError(f"two {noun}s cannot be laid upon each other")
        return lay(reviewed.handed[first.case_id], reviewed.handed[second.case_id], settings)

    session = Session(
        title=run.path.name,
        noun=noun,
        lesion=next(iter(reviewed.handed.values())).lesion,
        reader=request.reader,
        sheets=sheets,
        store=store_of(run),
        line=reviewed.line,
        reach_mm=parts.reach_mm,
        shift=None if lay is None else shift,
        agreement=agreement_figures,
    )
    return session, tuple(reviewed.missing.values())


def store_of(run: RunFolder) -> DecisionStore:
    """The decisions on the findings of a run.

    Raises:
        LesionkitError: the file is of another run.
    """
    return DecisionStore(run.path / REVIEW / STORE, run_identity(run))


def run_identity(run: RunFolder) -> str:
    """What tells a run from others: recipe, when it began, and the content of what it searched."""
    inputs = {
        name: value.get("sha256") if isinstance(value, Mapping) else value
        for name, value in run.record["inputs"].items()
    }
    told = json.dumps([run.record["recipe"], run.record.get("started"), inputs], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()


def reviewed_run(
    run: RunFolder, images: Path | None, settings: S, kind: Kind[S, F, Opened], recipe: str
) -> Reviewed[S, F]:
    """What was found in a run, with the images where they are now, and the scores that its page shows.

    Raises:
        LesionkitError: the kind cannot be reviewed, the search is not finished, or none of its images is there.
    """
    if kind.reviewing is None or kind.handing is None:
        raise LesionkitError(f"findings of {recipe} cannot be reviewed; its kind of image gives no page to work in")
    parts = kind.reviewing
    found = finished_search(run, kind)
    model = model_that_searched(run, recipe)
    decision, scores = Decision(why="the model that searched is gone"), {}
    if model.is_file():
        deciding = deciding_of(model, settings, kind)
        found, decision = deciding.rescored(found, kind), deciding.decision
        if parts.of == "image":
            values = kind.scores(found, model, settings)
            scores = {one.item.case_id: float(value) for one, value in zip(found, values, strict=True)}
    found, missing = found_again(found, parts.there, images, kind.search.noun)
    maker = maker_of(run, model)
    handed = {one.item.case_id: kind.handing.hand(one, run.path, settings, maker) for one in found}
    findings = {one.item.case_id: parts.findings(one, handed[one.item.case_id]) for one in found}
    return Reviewed(found, handed, findings, missing, scores, _line(decision, parts), parts, kind.handing)


def _line(decision: Decision, parts: Reviewing[S, F]) -> Line:
    stored = decision.stored.points if decision.stored else ()
    points = tuple(Point(point.name, point.threshold, _told(point)) for point in stored)
    return Line(points, decision.threshold, decision.name, parts.of, decision.why)


def _told(point: StoredPoint) -> tuple[str, ...]:
    """What a point gave on validation."""
    told = []
    for name, figure in point.figures.items():
        interval = "" if figure.lower is None else f" ({figure.lower:.3g} to {figure.upper:.3g})"
        told.append(f"{name} {figure.value:.3g}{interval}")
    return tuple(told)


def _sheet(one: F, reviewed: Reviewed[S, F], parts: Reviewing[S, F]) -> Sheet:
    name = one.item.case_id
    handed, missing = reviewed.handed[name], reviewed.missing.get(name, "")
    return Sheet(
        case_id=name,
        patient_id=handed.patient_id,
        path=one.item.path,
        grid=parts.grid(one),
        findings=reviewed.findings[name],
        open=partial(parts.open, handed),
        unit=parts.unit,
        score=reviewed.scores.get(name),
        day=None if missing else parts.day(one.item.path),
        missing=missing,
        warnings=tuple(one.facts.get("warnings", ())),
    )


def agreement_figures(readers: Sequence[str], places: Sequence[Any]) -> dict[str, str]:
    """Cohen's kappa of each two readers, and of more than two Fleiss' kappa too, in words; see `evaluate.agreement`."""
    import pandas as pd

    from lesionkit.evaluate.agreement import score_readers

    if len(readers) < 2 or not places:
        return {
            "kappa": "not known, for two readers must have finished the same images, with something decided on them"
        }
    answers = pd.DataFrame(
        [[one.judged.answers[reader] for reader in readers] for one in places], columns=list(readers)
    )
    score = score_readers(answers, ["reject", "accept"])
    told = {
        f"Cohen's kappa of {row['readers']}": _kappa(row["kappa"], row["lower"], row["upper"])
        for row in score.subgroups
    }
    if len(readers) > 2:
        fleiss = score.figures["fleiss kappa"]
        told["Fleiss' kappa of all"] = _kappa(fleiss.value, fleiss.lower, fleiss.upper)
    told["places all agree on"] = f"{score.counts['unanimous_items']} of {score.counts['items']}"
    return told


def _kappa(value: float | None, lower: float | None, upper: float | None) -> str:
    if value is None or value != value:
        return "not defined, for all give one and the same answer"
    return f"{value:.3f}" + ("" if lower is None or upper is None else f" ({lower:.3f} to {upper:.3f})")
