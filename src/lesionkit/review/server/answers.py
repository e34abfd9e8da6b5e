"""What the page is told, as JSON holds it, and what it may ask to be kept."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.settings import Settings
from lesionkit.review.agreement import compared
from lesionkit.review.decision import Decision, Reading, Row, Verdict, readings
from lesionkit.review.finding import Finding, ring_centre
from lesionkit.review.growth import doubling_days
from lesionkit.review.matching import match_nearest
from lesionkit.review.session import Session, Sheet
from lesionkit.review.store import DecisionStore

_NEW = "added-"


class Asked(Settings):
    """What a page asks to be kept. Places are (z, y, x) or (y, x) samples of what is shown, and may be broken.

    Attributes:
        seen: the last row of this reader that the page knows.
    """

    seen: int = Field(ge=0)
    case: int = Field(ge=0)
    action: Literal["accept", "reject", "add", "resize", "note", "done", "reopen", "undo"]
    finding_id: str = Field(default="", max_length=80)
    place: tuple[float, ...] = Field(default=(), max_length=3)
    diameter: float | None = Field(default=None, gt=0, le=100_000)
    outline: tuple[tuple[float, float], ...] = Field(default=(), max_length=4000)
    note: str = Field(default="", max_length=4000)


def session_document(session: Session) -> dict[str, Any]:
    """What the page shows of the run as a whole."""
    rows = session.store.rows(session.reader)
    own = readings(rows)
    line = session.line
    return {
        "title": session.title,
        "noun": session.noun,
        "lesion": session.lesion,
        "reader": session.reader,
        "seen": last_of(rows),
        "points": [{"name": p.name, "threshold": p.threshold, "told": list(p.told)} for p in line.points],
        "line": {"threshold": line.threshold, "name": line.name, "of": line.of, "why": line.why},
        "shown_from": line.shown_from,
        "compares": session.shift is not None,
        "cases": [_case_row(number, sheet, session, own) for number, sheet in enumerate(session.sheets)],
    }


def _case_row(number: int, sheet: Sheet, session: Session, own: dict[tuple[str, str], Reading]) -> dict[str, Any]:
    reading = own.get((session.reader, sheet.case_id))
    return {
        "number": number,
        "case_id": sheet.case_id,
        "patient_id": sheet.patient_id,
        "score": sheet.score,
        "day": sheet.day.isoformat() if sheet.day else None,
        "missing": sheet.missing,
        "findings": len(sheet.findings),
        "decided": sum(bool(one.answer) for one in reading.verdicts.values()) if reading else 0,
        "done": bool(reading and reading.done),
    }


def case_document(session: Session, number: int) -> dict[str, Any]:
    """What the page shows of one image, but its pixels."""
    sheet = session.sheet(number)
    rows = session.store.rows(session.reader)
    return {
        "number": number,
        "case_id": sheet.case_id,
        "patient_id": sheet.patient_id,
        "shape": list(sheet.grid.shape),
        "spacing": list(sheet.grid.spacing_mm),
        "unit": sheet.unit,
        "score": sheet.score,
        "missing": sheet.missing,
        "warnings": list(sheet.warnings),
        "findings": [_finding(one, sheet.grid) for one in sheet.findings],
        **state_document(session, sheet, rows),
    }


def state_document(session: Session, sheet: Sheet, rows: Sequence[Row]) -> dict[str, Any]:
    """What this reader holds of an image, and the last of his rows."""
    reading = readings(rows).get((session.reader, sheet.case_id), Reading(session.reader, sheet.case_id))
    return {
        "seen": last_of(rows),
        "done": reading.done,
        "note": reading.note,
        "verdicts": {name: _verdict(one, sheet.grid) for name, one in reading.verdicts.items()},
    }


def last_of(rows: Sequence[Row]) -> int:
    """The number of the last row, 0 where there is none."""
    return rows[-1].number if rows else 0


def keep(session: Session, asked: Asked) -> dict[str, Any]:
    """Keep what a page asks for, and tell what the reader holds then.

    Raises:
        LesionkitError: it makes no sense, it was decided elsewhere meanwhile, or it cannot be kept.
    """
    sheet = session.sheet(asked.case)
    store: DecisionStore = session.store
    if asked.action == "undo":
        row = store.undo(session.reader, asked.seen)
        told = {} if row is None else {"undone": _case_number(session, row), "finding_id": row.decision.finding_id}
        return {**told, **state_document(session, sheet, store.rows(session.reader))}
    row = store.add(session.reader, _decision(session, sheet, asked), asked.seen)
    told = {"finding_id": row.decision.finding_id}
    return {**told, **state_document(session, sheet, store.rows(session.reader))}


def _case_number(session: Session, row: Row) -> int | None:
    names = [sheet.case_id for sheet in session.sheets]
    return names.index(row.decision.case_id) if row.decision.case_id in names else None


def _decision(session: Session, sheet: Sheet, asked: Asked) -> Decision:
    if asked.action in ("done", "reopen") or (asked.action == "note" and not asked.finding_id):
        return Decision(case_id=sheet.case_id, action=asked.action, note=asked.note)
    before = _known(session, sheet, asked)
    drawn = asked.action in ("add", "resize")
    centre, outline = _drawn(sheet.grid, asked) if drawn else (before.centre_mm if before else (), ())
    diameter = asked.diameter if drawn else before.diameter_mm if before else None
    return Decision(
        case_id=sheet.case_id,
        action=asked.action,
        finding_id=asked.finding_id,
        centre_mm=centre,
        diameter_mm=None if outline else diameter,
        outline_mm=outline,
        score=before.score if before else None,
        note=asked.note,
    )


def _known(session: Session, sheet: Sheet, asked: Asked) -> Finding | None:
    """The finding that is decided on; None of one that is new or that the reader added."""
    found = next((one for one in sheet.findings if one.finding_id == asked.finding_id), None)
    own = readings(session.store.rows(session.reader)).get((session.reader, sheet.case_id))
    added = own is not None and own.verdicts.get(asked.finding_id, Verdict("")).added
    is_new = asked.action == "add" and asked.finding_id.startswith(_NEW) and not added
    if (found is None and not added and not is_new) or (asked.action == "add" and not is_new):
        raise LesionkitError(
            f"'{asked.action}' must name a finding of {sheet.case_id}, got '{asked.finding_id}'; load the page again"
        )
    return found


def _drawn(grid: Grid, asked: Asked) -> tuple[tuple[float, ...], tuple[tuple[float, float], ...]]:
    """Centre and outline of what was drawn, in mm of the world."""
    if asked.outline:
        if grid.ndim != 2 or len(asked.outline) < 3:
            raise LesionkitError("an outline must have three places or more on a picture; draw around the finding")
        ring = tuple((float(x), float(y)) for x, y in grid.index_to_world(asked.outline).tolist())
        return ring_centre(ring), ring
    if len(asked.place) != grid.ndim or asked.diameter is None:
        raise LesionkitError(f"what is drawn must have a place of {grid.ndim} numbers and a diameter; draw it again")
    centre = grid.index_to_world(asked.place)
    if not grid.contains(centre):
        raise LesionkitError("what is drawn must lie on the image; draw it again")
    return tuple(centre.tolist()), ()


def _finding(one: Finding, grid: Grid) -> dict[str, Any]:
    return {
        "id": one.finding_id,
        "score": one.score,
        "diameter": one.diameter_mm,
        "size": one.size_mm,
        "place": grid.world_to_index(one.centre_mm).tolist(),
        "rings": [grid.world_to_index(ring).round(2).tolist() for ring in one.rings_mm],
    }


def _verdict(one: Verdict, grid: Grid) -> dict[str, Any]:
    told = {"answer": one.answer, "note": one.note, "added": one.added, "resized": one.resized}
    if not one.centre_mm:
        return told
    place = grid.world_to_index(one.centre_mm).tolist()
    rings = [grid.world_to_index(one.outline_mm).tolist()] if one.outline_mm else []
    drawn = Finding(one.finding_id, one.centre_mm, one.diameter_mm, (one.outline_mm,) if one.outline_mm else ())
    return {**told, "place": place, "diameter": one.diameter_mm, "size": drawn.size_mm, "rings": rings}


def comparison_document(session: Session, earlier: int, later: int, days: float | None) -> dict[str, Any]:
    """Findings of two images of a patient side by side, as the reader left them, and how fast they grow.

    Raises:
        LesionkitError: images of this kind cannot be laid upon each other, or not these.
    """
    first, second = session.sheet(earlier), session.sheet(later)
    if session.shift is None:
        raise LesionkitError(f"two {session.noun}s cannot be laid upon each other")
    shift = session.shift(first, second)
    if days is None and first.day and second.day:
        days = float((second.day - first.day).days)
    one, other = _standing(session, first), _standing(session, second)
    pairs = match_nearest([f.centre_mm for f in one], [f.centre_mm for f in other], session.reach_mm, shift.shift_mm)
    told = [
        {
            "first": _finding(one[pair.first], first.grid),
            "second": _finding(other[pair.second], second.grid),
            "distance_mm": pair.distance_mm,
            "doubling_days": _doubling(one[pair.first], other[pair.second], days),
        }
        for pair in pairs
    ]
    alone = [{pair.first for pair in pairs}, {pair.second for pair in pairs}]
    return {
        "days": days,
        "shift_mm": list(shift.shift_mm),
        "method": f"{shift.method}; then pairs are the nearest places within {session.reach_mm:g} mm",
        "pairs": told,
        "only_first": [_finding(f, first.grid) for i, f in enumerate(one) if i not in alone[0]],
        "only_second": [_finding(f, second.grid) for i, f in enumerate(other) if i not in alone[1]],
    }


def _doubling(first: Finding, second: Finding, days: float | None) -> float | str | None:
    """Days, "unchanged", or None where it cannot be told; JSON knows no infinity."""
    if not days or days <= 0 or not first.diameter_mm or not second.diameter_mm:
        return None
    found = doubling_days(first.diameter_mm, second.diameter_mm, days)
    return "unchanged" if abs(found) == float("inf") else found


def _standing(session: Session, sheet: Sheet) -> list[Finding]:
    """What a reader holds to be there, and what lies above the line and he did not reject."""
    own = readings(session.store.rows(session.reader)).get((session.reader, sheet.case_id))
    verdicts = dict(own.verdicts) if own else {}
    line = session.line.shown_from
    kept: list[Finding] = []
    for one in sheet.findings:
        verdict = verdicts.pop(one.finding_id, Verdict(one.finding_id))
        above = line is None or (one.score or 0) >= line
        if verdict.answer == "accept" or (verdict.answer == "" and above):
            size = verdict.diameter_mm if verdict.resized else one.diameter_mm
            kept.append(Finding(one.finding_id, verdict.centre_mm or one.centre_mm, size, (), one.score))
    added = [one for one in verdicts.values() if one.added and one.answer == "accept"]
    return kept + [Finding(one.finding_id, one.centre_mm, one.diameter_mm) for one in added]


def agreement_document(session: Session) -> dict[str, Any]:
    """How far the readers of a run agree, and on what not."""
    every = readings(session.store.rows())
    by_case = {
        sheet.case_id: ([one for one in every.values() if one.case_id == sheet.case_id], sheet.findings)
        for sheet in session.sheets
    }
    readers, places = compared(by_case, session.line.shown_from, session.reach_mm)
    figures = dict(session.agreement(readers, places)) if session.agreement is not None else {}
    numbers = {sheet.case_id: number for number, sheet in enumerate(session.sheets)}
    return {
        "readers": readers,
        "figures": figures,
        "places": [
            {
                "case": numbers[one.case_id],
                "case_id": one.case_id,
                "finding_id": one.judged.finding.finding_id,
                "how": one.judged.how,
                "answers": dict(one.judged.answers),
                "notes": dict(one.judged.notes),
            }
            for one in places
        ],
    }
