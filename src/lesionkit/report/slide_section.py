"""The section of one slide: its overview, its marks, its tissue, and what became of the lesions that are known."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from lesionkit.core.lesion import Candidate
from lesionkit.core.outline import Ring
from lesionkit.evaluate.points import Decision
from lesionkit.report.found_slide import FoundSlide
from lesionkit.report.render import fact_groups, format_score, render
from lesionkit.report.slide_picture import (
    Line,
    Pin,
    SlidePicture,
    crop_picture,
    overview_base,
    overview_picture,
    pixel_place,
    rings_of,
    tissue_line,
    truth_rings,
)
from lesionkit.report.slide_verdict import KnownLesion, SlideJudged, judge_slide

_AREAS = ("tissue", "pen", "blurred", "unscanned", "glass")
_MOST_REGIONS = 400


@dataclass(frozen=True)
class SlideRoom:
    """How much of each slide a page shows.

    Attributes:
        overview: longest side of the overview in pixels.
        crops: marks with pictures.
        rows: marks in the table.
        pins: marks on the overview; more would hide what they point at.
    """

    overview: int
    crops: int
    rows: int
    pins: int

    @classmethod
    def among(cls, count: int) -> "SlideRoom":
        """One slide is shown in full; of many each gets less, so that the page stays light enough to send."""
        if count == 1:
            return cls(overview=1500, crops=24, rows=100, pins=30)
        return cls(900, 8, 30, 20) if count <= 20 else cls(560, 4, 10, 10)


@dataclass(frozen=True)
class MarkRow:
    """A mark as table and gallery show it."""

    rank: int
    score: float
    share: float
    x: int
    y: int
    size: str
    verdict: str
    picture: SlidePicture | None


@dataclass(frozen=True)
class LesionRow:
    """A known lesion; `picture` of those that were missed."""

    number: int
    x: int
    y: int
    size: str
    name: str
    rank: int | None
    picture: SlidePicture | None


@dataclass(frozen=True)
class AreaRow:
    """Tissue, or what is not, as a share of the slide."""

    name: str
    mm2: float
    share: float


@dataclass(frozen=True, eq=False)
class Section:
    """One slide, ready for the page.

    Attributes:
        index: what the table of slides says of it.
    """

    markup: Markup
    index: Mapping[str, Any]
    marks: tuple[MarkRow, ...]
    missed: tuple[LesionRow, ...]
    anchor: str


def slide_section(slide: FoundSlide, room: SlideRoom, anchor: str, decision: Decision, *, alone: bool) -> Section:
    """Read a slide's pictures and fill its section."""
    decided = decision.above(slide.score)
    judged = judge_slide(slide)
    outlines = _outlines(slide)
    marks = tuple(_mark_rows(slide, judged, outlines, room))
    lesions = tuple(_lesion_rows(slide, judged, outlines, room))
    areas, warnings = _area_rows(slide), slide_warnings(slide)
    markup = render(
        "slide.html",
        slide=slide,
        alone=alone,
        anchor=anchor,
        numbers=_numbers(slide, judged, decided),
        overview=_overview(slide, judged, outlines, room),
        marks=marks,
        rest=len(slide.marks) - len(marks),
        lesions=lesions,
        has_truth=judged is not None,
        areas=areas,
        warning_sentences=warnings,
        origin=slide.origin_xy if any(slide.origin_xy) else None,
        groups=fact_groups(slide.facts, leave_out=("warnings", "areas_mm2", "unreadable_tiles")),
    )
    index = {
        "anchor": anchor,
        "case_id": slide.case_id,
        "score": slide.score,
        "decided": decided,
        "positive": None if slide.truth is None else slide.truth.positive,
        "n_marks": len(slide.marks),
        "found": f"{judged.n_found} of {judged.n_lesions}" if judged and judged.n_lesions else "–",
        "n_false": judged.n_false if judged else None,
        "tissue_mm2": next((row.mm2 for row in areas if row.name == "tissue"), None),
        "excluded_mm2": sum(row.mm2 for row in areas if row.name not in ("tissue", "glass")) if areas else None,
        "n_warnings": len(warnings),
    }
    return Section(markup, index, marks, tuple(row for row in lesions if row.name == "miss"), anchor)


def slide_overview(slide: FoundSlide, longest: int, pins: int) -> SlidePicture:
    """The whole slide with its outlines and its first marks, the longest side of so many pixels."""
    return _overview(slide, judge_slide(slide), _outlines(slide), SlideRoom(longest, crops=0, rows=0, pins=pins))


def _outlines(slide: FoundSlide) -> list[tuple[str, Sequence[Ring]]]:
    known = truth_rings(slide.truth.tumour, slide) if slide.truth and slide.truth.tumour is not None else []
    outlines = [("region", [r for region in slide.regions[:_MOST_REGIONS] for r in rings_of(region.polygon_mm)])]
    return [*outlines, *([("truth", known)] if known else [])]


def slide_warnings(slide: FoundSlide) -> list[str]:
    """What is odd about a slide, unreadable tiles included."""
    warnings = list(slide.facts.get("warnings", ()))
    count = slide.facts.get("unreadable_tiles")
    if count:
        warnings.append(f"{count} tiles of the file could not be read and were taken for white glass")
    if not slide.map.computed.any():
        warnings.append("No tissue was analysed on this slide; its score says nothing")
    return warnings


def _overview(
    slide: FoundSlide, judged: SlideJudged | None, outlines: Sequence[tuple[str, Sequence[Ring]]], room: SlideRoom
) -> SlidePicture:
    base, frame = overview_base(slide.overview(), room.overview)
    lines = [tissue_line(slide.tissue, frame)] if slide.tissue is not None else []
    # Steps of cells become straight lines; pictures of marks show them as they are.
    cell = float(slide.map.grid.spacing_mm[1] / frame.pixel_mm[0])
    lines += [Line(kind, frame.path(rings, max(0.4, 0.75 * cell * (kind == "region")))) for kind, rings in outlines]
    pins = []
    for rank, mark in enumerate(slide.marks[: room.pins], 1):
        x, y = frame.at(_place(mark)).tolist()
        pins.append(Pin(x, y, str(rank), _kind(judged, rank)))
    for lesion in judged.lesions if judged else ():
        if lesion.name == "miss":
            x, y = frame.at(_place(lesion)).tolist()
            pins.append(Pin(x, y, "", "miss"))
    return overview_picture(slide, [line for line in lines if line.d], frame, base, pins)


def _mark_rows(
    slide: FoundSlide, judged: SlideJudged | None, outlines: Sequence[tuple[str, Sequence[Ring]]], room: SlideRoom
) -> Iterator[MarkRow]:
    highest = max((mark.score for mark in slide.marks), default=1.0)
    for rank, mark in enumerate(slide.marks[: room.rows], 1):
        picture = None
        if slide.crop is not None and rank <= room.crops:
            picture = crop_picture(slide.crop(mark), slide, mark, outlines)
        share = mark.score if 0 <= highest <= 1 else mark.score / highest
        size = "–" if mark.diameter_mm is None else format_length(mark.diameter_mm)
        yield MarkRow(
            rank, mark.score, max(share, 0.0), *pixel_place(slide, mark.centre_mm), size, _kind(judged, rank), picture
        )


def _lesion_rows(
    slide: FoundSlide, judged: SlideJudged | None, outlines: Sequence[tuple[str, Sequence[Ring]]], room: SlideRoom
) -> Iterator[LesionRow]:
    for number, lesion in enumerate(judged.lesions if judged else (), 1):
        picture = None
        if slide.crop is not None and lesion.name == "miss" and number <= room.crops:
            place = Candidate(lesion.centre_mm, 0.0, lesion.length_mm)
            picture = crop_picture(slide.crop(place), slide, place, outlines)
        x, y = pixel_place(slide, lesion.centre_mm)
        yield LesionRow(number, x, y, format_length(lesion.length_mm), lesion.name, lesion.rank, picture)


def _area_rows(slide: FoundSlide) -> tuple[AreaRow, ...]:
    areas: Mapping[str, float] = slide.facts.get("areas_mm2") or {}
    total = sum(areas.values()) or math.inf
    names = sorted(areas, key=lambda name: _AREAS.index(name) if name in _AREAS else len(_AREAS))
    return tuple(AreaRow(name, float(areas[name]), areas[name] / total) for name in names)


def _numbers(slide: FoundSlide, judged: SlideJudged | None, decided: bool | None) -> list[dict[str, str]]:
    analysed = float(slide.map.computed.sum()) * slide.map.grid.voxel_mm
    numbers = [("slide score", format_score(slide.score))]
    if decided is not None:
        numbers.append(("decision", "positive" if decided else "negative"))
    if slide.truth is not None:
        numbers.append(("known", "tumour" if slide.truth.positive else "no tumour"))
    numbers.append(("marks", str(len(slide.marks))))
    if slide.regions:
        numbers.append(("in regions", format_area(sum(region.area_mm2 for region in slide.regions))))
    numbers.append(("tissue analysed", format_area(analysed)))
    if judged is not None:
        if judged.n_lesions:
            numbers.append(("lesions found", f"{judged.n_found} of {judged.n_lesions}"))
        numbers.append(("false alarms", str(judged.n_false)))
    return [{"name": name, "value": value} for name, value in numbers]


def _kind(judged: SlideJudged | None, rank: int) -> str:
    return "" if judged is None else judged.verdicts[rank - 1]


def _place(thing: Candidate | KnownLesion) -> NDArray[np.float64]:
    return np.array(thing.centre_mm, dtype=float)


def format_length(mm: float) -> str:
    """A length with two significant digits.

    >>> format_length(0.0834), format_length(2.345)
    ('83 µm', '2.3 mm')
    """
    return f"{mm * 1000:.0f} µm" if mm < 1 else f"{mm:.1f} mm"


def format_area(mm2: float) -> str:
    """An area in mm2.

    >>> format_area(12.345), format_area(0.01234)
    ('12.3 mm²', '0.012 mm²')
    """
    return f"{mm2:.1f} mm²" if mm2 >= 1 else f"{mm2:.2g} mm²"
