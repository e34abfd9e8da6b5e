"""What a reader decides, one row each, and what his rows come to; a row is never changed, also not by an undo."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, get_args

from lesionkit.core.errors import LesionkitError

Action: TypeAlias = Literal["accept", "reject", "add", "resize", "note", "done", "reopen", "undo"]
"""`accept` and `reject` a finding, `add` one that was missed, `resize` one (centre, diameter or outline), `note` on a
finding or an image, an image is `done` when all of it was looked at, `reopen` it, `undo` a row."""

ACTIONS: tuple[str, ...] = get_args(Action)
OF_IMAGES = ("done", "reopen")
Ring: TypeAlias = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One thing that a reader did.

    Attributes:
        finding_id: "" where it is about the image.
        centre_mm: world (x, y[, z]) of the finding as it is from now on; empty where it is about the image.
        diameter_mm: None where it has an outline instead, or nobody knows.
        outline_mm: vertices (x, y) in mm of the world; empty where there is none.
        score: what the detector said of the finding; None of what a reader added.
        undoes: number of the row that is taken back.
    """

    case_id: str
    action: Action
    finding_id: str = ""
    centre_mm: tuple[float, ...] = ()
    diameter_mm: float | None = None
    outline_mm: Ring = ()
    score: float | None = None
    note: str = ""
    undoes: int | None = None

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise LesionkitError(f"a decision must be one of {', '.join(ACTIONS)}, got '{self.action}'")
        about_image = self.action in OF_IMAGES or (self.action in ("note", "undo") and not self.finding_id)
        if not about_image and not self.finding_id:
            raise LesionkitError(f"'{self.action}' must name a finding, got none; select one first")
        if self.action in ("add", "resize") and not self.centre_mm:
            raise LesionkitError(f"'{self.action}' must say where the finding lies, got no place; draw it on the image")


@dataclass(frozen=True)
class Row:
    """A decision as it is kept.

    Attributes:
        number: from 1, growing.
        made_at: time in UTC, ISO 8601.
    """

    number: int
    made_at: str
    reader: str
    decision: Decision


@dataclass(frozen=True)
class Verdict:
    """What a reader holds of one finding after all his rows.

    Attributes:
        answer: "" where he has decided nothing yet.
        centre_mm, diameter_mm, outline_mm: as he left them; empty and None where he changed nothing.
        added, resized: whether he drew it, or changed what was drawn.
    """

    finding_id: str
    answer: Literal["accept", "reject", ""] = ""
    centre_mm: tuple[float, ...] = ()
    diameter_mm: float | None = None
    outline_mm: Ring = ()
    score: float | None = None
    note: str = ""
    added: bool = False
    resized: bool = False


@dataclass(frozen=True)
class Reading:
    """What a reader holds of one image.

    Attributes:
        done: whether he looked at all of it, so that what he did not add is not there.
    """

    reader: str
    case_id: str
    done: bool = False
    note: str = ""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)


def standing(rows: Iterable[Row]) -> list[Row]:
    """Rows that count: without those that were undone, and without the undoing."""
    rows = list(rows)
    undone = {row.decision.undoes for row in rows if row.decision.action == "undo"}
    return [row for row in rows if row.decision.action != "undo" and row.number not in undone]


def readings(rows: Iterable[Row]) -> dict[tuple[str, str], Reading]:
    """What each reader holds of each image that he has a row about, by (reader, case id).

    >>> row = Row(1, "2026-01-01T00:00:00Z", "ann", Decision(case_id="a", action="accept", finding_id="f"))
    >>> readings([row])["ann", "a"].verdicts["f"].answer
    'accept'
    """
    found: dict[tuple[str, str], Reading] = {}
    for row in standing(rows):
        key = row.reader, row.decision.case_id
        found[key] = _after(found.get(key, Reading(*key)), row.decision)
    return found


def _after(reading: Reading, decision: Decision) -> Reading:
    if decision.action in OF_IMAGES:
        return replace(reading, done=decision.action == "done")
    if not decision.finding_id:
        return replace(reading, note=decision.note)
    before = reading.verdicts.get(decision.finding_id, Verdict(decision.finding_id, score=decision.score))
    return replace(reading, verdicts={**reading.verdicts, decision.finding_id: _changed(before, decision)})


def _changed(verdict: Verdict, decision: Decision) -> Verdict:
    if decision.action == "note":
        return replace(verdict, note=decision.note)
    if decision.action == "reject":
        return replace(verdict, answer="reject")
    if decision.action == "accept":
        return replace(verdict, answer="accept")
    # Who draws a finding anew, or measures it again, holds it to be one.
    return replace(
        verdict,
        answer="accept",
        centre_mm=decision.centre_mm,
        diameter_mm=decision.diameter_mm,
        outline_mm=decision.outline_mm,
        added=verdict.added or decision.action == "add",
        resized=decision.action == "resize",
    )
