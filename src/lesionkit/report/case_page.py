"""The section of one scan: what was found, where, and what it looks like."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from lesionkit.core.lesion import Candidate
from lesionkit.evaluate.points import Decision
from lesionkit.report.crops import crops, slice_number
from lesionkit.report.found import FoundCase
from lesionkit.report.gallery import lung_cuts
from lesionkit.report.mip import overview
from lesionkit.report.picture import Picture
from lesionkit.report.render import fact_groups, format_mm, render, total_seconds
from lesionkit.report.scene import Scene
from lesionkit.report.verdict import Judged, Verdict, rings_of


@dataclass(frozen=True)
class Room:
    """How much of each scan a page shows.

    Attributes:
        rows: candidates in the table.
        crops: candidates with pictures.
        overviews: how many of the four overview pictures.
        marks: candidates marked in the overview; more would hide what they point at.
    """

    rows: int
    crops: int
    overviews: int
    marks: int = 20

    @classmethod
    def among(cls, n_cases: int) -> "Room":
        """One scan is shown in full; of many each gets less, so that the page stays light enough to send."""
        if n_cases == 1:
            return cls(rows=30, crops=30, overviews=4)
        return cls(rows=30, crops=6, overviews=4) if n_cases <= 20 else cls(rows=10, crops=2, overviews=1)


@dataclass(frozen=True, eq=False)
class Row:
    """A candidate as the table and the cards show it."""

    rank: int
    score: float
    share: float
    centre_mm: tuple[float, ...]
    diameter_mm: float | None
    slice: int
    side: str | None
    pleura: str
    leaves_scan: bool
    verdict: Verdict | None
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class LesionRow:
    """A known lesion, the rank of the candidate that hits it, and whether that is below the line."""

    name: str
    centre_mm: tuple[float, ...]
    diameter_mm: float | None
    rank: int | None
    weaker: bool = False


def candidate_rows(case: FoundCase, scene: Scene, judged: Judged | None, room: Room) -> tuple[Row, ...]:
    """The first candidates with all that is said of each."""
    return tuple(
        _row(case, scene, rank, None if judged is None else judged.verdicts[rank - 1], with_pictures=rank <= room.crops)
        for rank in range(1, min(len(case.candidates), room.rows) + 1)
    )


def n_above(case: FoundCase, decision: Decision) -> int:
    """How many candidates are findings: the first so many; all where nothing decides."""
    return decision.count([candidate.score for candidate in case.candidates])


def case_section(
    case: FoundCase,
    scene: Scene,
    rows: Sequence[Row],
    judged: Judged | None,
    room: Room,
    decision: Decision,
    **place: Any,
) -> Markup:
    """The HTML of one scan.

    Args:
        decision: candidates below the line are folded.
        place: `anchor` (the section's id) and `alone` (whether it is the only scan of the page).
    """
    told, above = case.facts.get("lung") or {}, n_above(case, decision)
    pictures = overview(scene, case.candidates[: min(room.marks, above)], rings_of(case))[: room.overviews]
    return render(
        "case.html",
        **place,
        case_id=case.case_id,
        warning_sentences=case_warnings(case),
        numbers=_numbers(case, judged, decision),
        searched=case.facts.get("searched"),
        overview=pictures,
        overview_width=max(sum(p.width for p in pictures[:2]), 900),
        overview_note=_overview_note(case, scene, room, above),
        rows=[row for row in rows if row.rank <= above],
        weaker=[row for row in rows if row.rank > above],
        n_weaker=len(case.candidates) - above,
        decision=decision,
        rest_note=_rest_note(len(case.candidates), room),
        has_lung=scene.has_lung,
        has_truth=judged is not None,
        n_slices=scene.grid.shape[0],
        slice_mm=scene.grid.spacing_mm[0],
        lesions=_lesion_rows(case, judged, above),
        lungs=lung_cuts(scene, axial_at=(0.75, 0.5, 0.25)) if place["alone"] else (),
        lung_note=lung_note(told),
        groups=fact_groups(_other_facts(case)),
    )


def case_warnings(case: FoundCase) -> list[str]:
    """The sentences a scan's section warns with; a failed lung segmentation is said once."""
    sentences = list(case.facts.get("warnings", ()))
    failure = (case.facts.get("lung") or {}).get("failure")
    if failure and not any(failure in sentence for sentence in sentences):
        sentences.append(f"the lungs were not found: {failure}")
    return sentences


def lung_note(told: Any) -> str:
    """The numbers of a lung mask in one line."""
    parts = []
    if told.get("volume_l") is not None:
        parts.append(f"{told['volume_l']:.1f} L")
    if told.get("left_right_ratio") is not None:
        parts.append(f"left/right {told['left_right_ratio']:.2f}")
    if told.get("cover_ratio") is not None:
        parts.append(f"cover ratio {told['cover_ratio']:.2f}")
    if told.get("preset"):
        parts.append(f"preset {told['preset']}")
    return " · ".join(parts)


def _row(case: FoundCase, scene: Scene, rank: int, verdict: Verdict | None, *, with_pictures: bool) -> Row:
    candidate = case.candidates[rank - 1]
    return Row(
        rank=rank,
        score=candidate.score,
        share=score_share(candidate, case.candidates[0]),
        centre_mm=candidate.centre_mm,
        diameter_mm=candidate.diameter_mm,
        slice=slice_number(scene, candidate.centre_mm),
        side=scene.side(candidate.centre_mm),
        pleura=_pleura(scene.pleura_mm(candidate.centre_mm)),
        leaves_scan=candidate.leaves_scan,
        verdict=verdict,
        pictures=crops(scene, candidate, rings_of(case)) if with_pictures else (),
    )


def score_share(candidate: Candidate, strongest: Candidate) -> float:
    """Length of a score's bar: a probability as it is, other scores as a share of the strongest."""
    full = max(1.0, strongest.score)
    return min(max(candidate.score / full, 0.0), 1.0)


def _pleura(distance_mm: float | None) -> str:
    if distance_mm is None:
        return "–"
    if distance_mm == 0:
        return "outside"
    return "> 40" if distance_mm == float("inf") else format_mm(distance_mm)


def _numbers(case: FoundCase, judged: Judged | None, decision: Decision) -> list[dict[str, str]]:
    told, above = case.facts.get("lung") or {}, n_above(case, decision)
    what = "candidate" if decision.threshold is None else "finding"
    numbers = [{"value": str(above), "name": what if above == 1 else f"{what}s"}]
    if decision.threshold is not None:
        numbers.append({"value": str(len(case.candidates) - above), "name": "weaker"})
    if case.candidates:
        numbers.append({"value": f"{case.candidates[0].score:.2f}", "name": "strongest score"})
    if judged is not None and judged.found_by:
        found = judged.n_found_among(above)
        numbers.append({"value": f"{found} of {len(judged.found_by)}", "name": "known lesions found"})
    if told.get("volume_l") is not None:
        numbers.append({"value": f"{told['volume_l']:.1f} L", "name": "lungs"})
    if (seconds := total_seconds(case.facts)) is not None:
        numbers.append({"value": f"{seconds:.1f} s", "name": "time"})
    return numbers


def _other_facts(case: FoundCase) -> dict[str, Any]:
    """What is not said elsewhere in the section; "lung_…" of a prepared case repeats "lung"."""
    said = {"warnings", "searched", "at_scan_end"}
    return {
        k: v for k, v in case.facts.items() if k not in said and not ("lung" in case.facts and k.startswith("lung_"))
    }


def _overview_note(case: FoundCase, scene: Scene, room: Room, above: int) -> str:
    seen = (
        "Inside the lungs the brightest sample along each line of sight; around them, dimly, the mean."
        if scene.has_lung
        else "There is no lung mask: the mean along each line of sight, like a radiograph."
    )
    parts = [seen]
    if above:
        first = f"the first {room.marks} of " if above > room.marks else ""
        what = "candidates" if above == len(case.candidates) else "findings"
        parts.append(f"Yellow corners are {first}{above} {what}, numbered by rank.")
    if case.truth:
        parts.append("Dashed green circles are known lesions.")
    if case.excluded:
        parts.append("Dotted violet circles are findings that count neither way.")
    return " ".join(parts)


def _rest_note(n_candidates: int, room: Room) -> str:
    parts = []
    if n_candidates > room.rows:
        parts.append(f"The first {room.rows} of {n_candidates} candidates are listed; candidates.csv holds all.")
    if n_candidates > room.crops:
        parts.append(f"Pictures are shown of the first {room.crops}.")
    return " ".join(parts)


def _lesion_rows(case: FoundCase, judged: Judged | None, above: int) -> list[LesionRow]:
    if judged is None or case.truth is None:
        return []
    return [
        LesionRow(
            *(lesion.lesion_id or str(number), lesion.centre_mm, lesion.diameter_mm or None),
            *(rank, rank is not None and rank > above),
        )
        for number, (lesion, rank) in enumerate(zip(case.truth, judged.found_by, strict=True), 1)
    ]
