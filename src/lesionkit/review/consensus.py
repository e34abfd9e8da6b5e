"""What one reader or several hold to be true of an image: lesions, what is none, and what stays open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from lesionkit.review.decision import Reading, Verdict
from lesionkit.review.finding import Finding
from lesionkit.review.matching import match_nearest

Answer: TypeAlias = Literal["accept", "reject"]


@dataclass(frozen=True)
class Judged:
    """A place with what each reader who looked through the image says of it.

    Attributes:
        finding: as the readers who accept it left it; of several the mean centre and diameter, or the outline of the
            first by name.
        answers: by reader; who looked through an image and says nothing of a place does not accept it.
        shown: whether it lay above the line of the page, so that nobody could pass it over.
        decided: who said something of it.
        how: "found", "resized" or "added".
    """

    finding: Finding
    answers: Mapping[str, Answer]
    shown: bool = True
    decided: frozenset[str] = frozenset()
    how: Literal["found", "resized", "added"] = "found"
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Of the readers who accept it."""
        return sum(answer == "accept" for answer in self.answers.values()) / len(self.answers)


@dataclass(frozen=True)
class Truth:
    """What readers make of one image.

    Attributes:
        readers: who looked through it.
        lesions: what more than half of them accept.
        rejected: what more than half of them reject in so many words.
        open: what half of them accept, or what was shown and nobody decided on; counts neither way.
    """

    case_id: str
    readers: tuple[str, ...]
    lesions: tuple[Judged, ...]
    rejected: tuple[Judged, ...]
    open: tuple[Judged, ...]
    notes: Mapping[str, str] = field(default_factory=dict)


def truth_of(
    case_id: str, readings: Sequence[Reading], findings: Sequence[Finding], line: float | None, reach_mm: float
) -> Truth | None:
    """What the readers who looked through an image hold to be true; None where nobody did.

    Args:
        readings: of this image; those of readers who are not done with it count for nothing.
        line: a finding with a lower score was folded away as weaker; None where all were shown.
        reach_mm: what two readers add within this distance is one place.
    """
    done = sorted((one for one in readings if one.done), key=lambda one: one.reader)
    if not done:
        return None
    judged = judged_of(done, findings, line, reach_mm)
    lesions = tuple(one for one in judged if one.share > 0.5)
    tied = [one for one in judged if one.share == 0.5]
    rest = [one for one in judged if one.share < 0.5]
    nobody = [one for one in rest if one.shown and not one.decided]
    rejected = tuple(one for one in rest if one.decided)
    notes = {one.reader: one.note for one in done if one.note}
    return Truth(case_id, tuple(one.reader for one in done), lesions, rejected, (*tied, *nobody), notes)


def judged_of(
    done: Sequence[Reading], findings: Sequence[Finding], line: float | None, reach_mm: float
) -> list[Judged]:
    """Every place that was found or added, with the answers of all readers."""
    judged = [_judged(one, done, line) for one in findings]
    for group in _added(done, reach_mm):
        answers: dict[str, Answer] = {one.reader: "accept" if one.reader in group else "reject" for one in done}
        notes = {reader: verdict.note for reader, verdict in group.items() if verdict.note}
        judged.append(Judged(_mean(list(group.values())), answers, True, frozenset(group), "added", notes))
    return judged


def _judged(finding: Finding, done: Sequence[Reading], line: float | None) -> Judged:
    said = {one.reader: one.verdicts[finding.finding_id] for one in done if finding.finding_id in one.verdicts}
    answered = {reader: verdict for reader, verdict in said.items() if verdict.answer}
    answers: dict[str, Answer] = {
        one.reader: "accept" if one.reader in answered and answered[one.reader].answer == "accept" else "reject"
        for one in done
    }
    moved = [verdict for verdict in answered.values() if verdict.resized and verdict.answer == "accept"]
    shown = line is None or finding.score is None or finding.score >= line
    notes = {reader: verdict.note for reader, verdict in said.items() if verdict.note}
    kept = _mean(moved, finding) if moved else finding
    return Judged(kept, answers, shown, frozenset(answered), "resized" if moved else "found", notes)


def _added(done: Sequence[Reading], reach_mm: float) -> list[dict[str, Verdict]]:
    """What readers added, by place: reader by reader each new place joins the nearest group within reach."""
    groups: list[dict[str, Verdict]] = []
    for reading in done:
        own = [one for one in reading.verdicts.values() if one.added and one.answer == "accept"]
        places = [_mean(list(group.values())).centre_mm for group in groups]
        joined = {pair.first: pair.second for pair in match_nearest([o.centre_mm for o in own], places, reach_mm)}
        for number, verdict in enumerate(own):
            if number in joined:
                groups[joined[number]][reading.reader] = verdict
            else:
                groups.append({reading.reader: verdict})
    return groups


def _mean(verdicts: Sequence[Verdict], finding: Finding | None = None) -> Finding:
    """One finding for what several readers drew."""
    first = verdicts[0]
    name, score = (finding.finding_id, finding.score) if finding is not None else (first.finding_id, None)
    if first.outline_mm:
        return Finding(name, first.centre_mm, None, (first.outline_mm,), score)
    centre = np.mean([verdict.centre_mm for verdict in verdicts], axis=0).tolist()
    known = [verdict.diameter_mm for verdict in verdicts if verdict.diameter_mm]
    return Finding(name, tuple(centre), float(np.mean(known)) if known else None, (), score)
