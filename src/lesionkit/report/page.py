"""The page of `lesionkit find`: one scan in full, or many with an index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from lesionkit.core.lesion import Lesion
from lesionkit.evaluate.points import Decision
from lesionkit.evaluate.score import Score
from lesionkit.report.about import About
from lesionkit.report.case_page import (
    Room,
    Row,
    candidate_rows,
    case_section,
    case_warnings,
    lung_note,
    n_above,
    score_share,
)
from lesionkit.report.crops import crops
from lesionkit.report.curves import curves_svg, histogram_svg
from lesionkit.report.found import FoundCase
from lesionkit.report.gallery import LungView, lung_cuts
from lesionkit.report.picture import LUNG, SOFT_TISSUE, Picture
from lesionkit.report.planes import AXIAL
from lesionkit.report.render import Table, fact_groups, total_seconds, write_page
from lesionkit.report.scene import Scene
from lesionkit.report.verdict import Judged, judge, rings_of

_TILES = 12
_LUNG_TILES = 60
_ERRORS = 200
"""Rows of the table of errors; nodule_errors.csv has all."""


@dataclass(frozen=True, eq=False)
class Tile:
    """A small picture with its caption and the section it leads to."""

    picture: Picture
    caption: str
    anchor: str


@dataclass
class Shelf:
    """The first dozen of one kind of picture among all scans, by a key."""

    title: str
    note: str
    empty: str
    kept: list[tuple[float, Tile]] = field(default_factory=list)

    def put(self, key: float, tile: Tile) -> None:
        """Keep a picture if its key is among the smallest so far."""
        self.kept = sorted([*self.kept, (key, tile)], key=lambda pair: pair[0])[:_TILES]

    @property
    def tiles(self) -> list[Tile]:
        return [tile for _, tile in self.kept]


@dataclass(frozen=True, eq=False)
class LungTile:
    """The lung cuts of one scan in the gallery."""

    case_id: str
    anchor: str
    pictures: tuple[Picture, ...]
    failure: str | None
    note: str


def write_find_report(
    out: Path,
    cases: Sequence[FoundCase],
    facts: Mapping[str, Any],
    score: Score | None = None,
    title: str = "",
    about: About | None = None,
    errors: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write OUT/report.html: one self-contained page.

    Args:
        cases: scans in the order they are to appear; images are read one after the other.
        facts: what holds for the whole run, with the keys of `FoundCase.facts`, and "failed": case id (or path) ->
            sentence, for scans that could not be searched.
        score: figures and curves, where the truth is known.
        about: where the line is drawn, and the card of the model.
        errors: a row of plain values for each known lesion: how far the finding that hits it lies, and how it differs.

    Returns:
        The path of the page.
    """
    about = about or About()
    room, alone, decision = Room.among(len(cases)), len(cases) == 1, about.decision
    shelves, sections = _shelves(), []
    lungs: list[tuple[float, LungTile]] = []
    for number, case in enumerate(cases, 1):
        scene, judged, anchor = Scene.of(case.image, case.lung, case.lung_proper), judge(case), f"case-{number}"
        rows = candidate_rows(case, scene, judged, room)
        _fill(shelves, case, scene, rows, judged, anchor, n_above(case, decision))
        sections.append(case_section(case, scene, rows, judged, room, decision, anchor=anchor, alone=alone))
        if not alone:
            lungs = _with_lung_tile(lungs, LungView.of(case), scene, lung_note(case.facts.get("lung") or {}), anchor)
    has_truth = any(case.truth is not None for case in cases)
    return write_page(
        Path(out) / "report.html",
        "report_page.html",
        title=title or "Lung nodule candidates",
        lead=_lead(cases),
        about=about,
        lung_window=LUNG.label,
        soft_window=SOFT_TISSUE.label,
        warning_sentences=list(facts.get("warnings", ())),
        index=[] if alone else [_index_row(case, f"case-{number}", decision) for number, case in enumerate(cases, 1)],
        note=_note(cases, room),
        failed=facts.get("failed") or {},
        nothing=not cases,
        has_truth=has_truth,
        distributions=() if alone else _distributions(cases),
        score=score,
        subgroups=Table.of(score.subgroups) if score and score.subgroups else None,
        plot=curves_svg(score.curves, score.operating_points) if score and score.curves else None,
        errors=Table.of(errors[:_ERRORS]) if errors else None,
        more_errors=max(len(errors) - _ERRORS, 0),
        shelves=shelves if any(case.truth for case in cases) else [],
        lungs=[tile for _, tile in lungs],
        sections=sections,
        groups=fact_groups(facts, leave_out=("warnings", "failed")),
    )


def _shelves() -> list[Shelf]:
    return [
        Shelf("Misses", "Known lesions that no finding hits, the largest first.", "No known lesion was missed."),
        Shelf("Hits", "Known lesions that were found, the least certain first.", "No known lesion was found."),
        Shelf("False positives", "Findings that are no known lesion, the most certain first.", ""),
    ]


def _fill(
    shelves: Sequence[Shelf],
    case: FoundCase,
    scene: Scene,
    rows: Sequence[Row],
    judged: Judged | None,
    anchor: str,
    above: int,
) -> None:
    """Put what lies above the line onto the shelves; a lesion that only a weaker candidate hits is a miss."""
    if judged is None or case.truth is None:
        return
    misses, hits, wrong = shelves
    for lesion, rank in zip(case.truth, judged.found_by, strict=True):
        if rank is None or rank > above:
            picture = crops(scene, lesion, rings_of(case), planes=(AXIAL,))[0]
            what = "missed" if rank is None else f"below the line, rank {rank}"
            misses.put(-lesion.diameter_mm, Tile(picture, f"{what}{_size(lesion)}", anchor))
        else:
            candidate = case.candidates[rank - 1]
            picture = crops(scene, candidate, rings_of(case), planes=(AXIAL,))[0]
            caption = f"score {candidate.score:.2f}, rank {rank}{_size(lesion)}"
            hits.put(candidate.score, Tile(picture, caption, anchor))
    for row in rows:
        if row.verdict == "false positive" and row.pictures and row.rank <= above:
            wrong.put(-row.score, Tile(row.pictures[0], f"score {row.score:.2f}, rank {row.rank}", anchor))


def _size(lesion: Lesion) -> str:
    return f", {lesion.diameter_mm:.1f} mm" if lesion.diameter_mm > 0 else ""


def _with_lung_tile(
    tiles: list[tuple[float, LungTile]], view: LungView, scene: Scene, note: str, anchor: str
) -> list[tuple[float, LungTile]]:
    """The oddest lungs so far, with those of one more scan."""
    if len(tiles) == _LUNG_TILES and view.oddness <= -tiles[-1][0]:
        return tiles
    tile = LungTile(view.case_id, anchor, lung_cuts(scene), view.failure, note)
    return sorted([*tiles, (-view.oddness, tile)], key=lambda pair: pair[0])[:_LUNG_TILES]


def _lead(cases: Sequence[FoundCase]) -> str:
    if len(cases) == 1:
        grid = cases[0].image.grid
        spacing = " × ".join(f"{s:.3g}" for s in grid.spacing_mm)
        return f"{cases[0].case_id} · {' × '.join(map(str, grid.shape))} samples of {spacing} mm"
    return f"{len(cases)} scans, {sum(len(case.candidates) for case in cases)} candidates"


def _note(cases: Sequence[FoundCase], room: Room) -> str:
    if all(len(case.candidates) <= room.crops for case in cases):
        return ""
    return (
        f"With {len(cases)} scans on one page, each shows pictures of its first {room.crops} candidates and lists "
        f"its first {room.rows}; candidates.csv holds all."
    )


def _index_row(case: FoundCase, anchor: str, decision: Decision) -> dict[str, Any]:
    above, told = n_above(case, decision), case.facts.get("lung") or {}
    judged = judge(case)
    first = case.candidates[0] if case.candidates else None
    return {
        "anchor": anchor,
        "case_id": case.case_id,
        "n_candidates": above,
        "n_weaker": len(case.candidates) - above,
        "strongest": first.score if first else None,
        "share": score_share(first, first) if first else 0.0,
        "found": f"{judged.n_found_among(above)} of {len(judged.found_by)}" if judged else "–",
        "volume_l": told.get("volume_l"),
        "left_right_ratio": told.get("left_right_ratio"),
        "cover_ratio": told.get("cover_ratio"),
        "n_warnings": len(case_warnings(case)),
        "seconds": total_seconds(case.facts),
    }


def _distributions(cases: Sequence[FoundCase]) -> list[Markup]:
    plots = []
    covers = [c for case in cases if (c := (case.facts.get("lung") or {}).get("cover_ratio")) is not None]
    if covers:
        plots.append(histogram_svg(covers, "lung cover ratio", np.linspace(0, 0.5, 26).tolist()))
    sizes = [lesion.diameter_mm for case in cases for lesion in case.truth or () if lesion.diameter_mm > 0]
    if sizes:
        plots.append(histogram_svg(sizes, "diameter of known lesions, mm", list(range(2, 33, 2))))
    found = [c.diameter_mm for case in cases for c in case.candidates if c.diameter_mm is not None]
    if found:
        plots.append(histogram_svg(found, "diameter of candidates, mm", list(range(2, 33, 2))))
    return plots
