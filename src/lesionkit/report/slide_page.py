"""The page of slides: one in full, or many with a table, a score and the pictures that teach most."""

import itertools
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from lesionkit.evaluate.score import Curve, Score
from lesionkit.report.about import About
from lesionkit.report.curves import curves_svg, histogram_svg
from lesionkit.report.found_slide import FoundSlide
from lesionkit.report.render import Table, fact_groups, write_page
from lesionkit.report.slide_picture import RAMP, SlidePicture
from lesionkit.report.slide_section import Section, SlideRoom, slide_section

_TILES = 12
_MANY = 21


@dataclass(frozen=True)
class SlideTile:
    """A small picture with its caption and the section it leads to."""

    picture: SlidePicture
    caption: str
    anchor: str
    kind: str


@dataclass
class SlideShelf:
    """The first dozen of one kind of picture among all slides, by a key."""

    title: str
    note: str
    kept: list[tuple[float, SlideTile]] = field(default_factory=list)

    def put(self, key: float, tile: SlideTile) -> None:
        """Keep a picture if its key is among the smallest so far."""
        self.kept = sorted([*self.kept, (key, tile)], key=lambda pair: pair[0])[:_TILES]

    @property
    def tiles(self) -> list[SlideTile]:
        return [tile for _, tile in self.kept]


@dataclass(frozen=True, eq=False)
class ScoreSection:
    """A score with one plot for each pair of axes."""

    score: Score
    plots: tuple[Markup, ...]
    subgroups: Table | None


def write_slide_report(
    out: Path,
    slides: Iterable[FoundSlide],
    facts: Mapping[str, Any],
    scores: Sequence[Score] = (),
    title: str = "Metastases on whole-slide images",
    about: About | None = None,
) -> Path:
    """Write OUT/report.html: one self-contained page.

    Args:
        slides: in the order they are to appear; taken one after the other, none is kept.
        facts: what holds for the whole run, with the keys of `FoundSlide.facts`; "failed": case id (or path) ->
            sentence, for slides that could not be analysed.
        scores: figures and curves, where the truth is known.
        about: where the line is drawn, and the card of the model.

    Returns:
        The path of the page.
    """
    about = about or About()
    taken = iter(slides)
    first = list(itertools.islice(taken, 2))
    alone = len(first) == 1
    room = SlideRoom.among(1 if alone else operator.length_hint(slides, _MANY))
    sections: list[Section] = []
    shelves = _shelves()
    for number, slide in enumerate(itertools.chain(first, taken), 1):
        section = slide_section(slide, room, f"slide-{number}", about.decision, alone=alone)
        _fill(shelves, slide.case_id, section)
        sections.append(section)
    index = [section.index for section in sections]
    return write_page(
        Path(out) / "report.html",
        "slide_page.html",
        title=title,
        lead=_lead(index),
        index=[] if alone else index,
        has_truth=any(row["positive"] is not None for row in index),
        highest=max((row["score"] for row in index), default=1.0),
        failed=facts.get("failed") or {},
        distributions=() if alone else _distributions(index),
        alone=alone,
        scores=[_score_section(score) for score in scores if _is_defined(score)],
        shelves=[] if alone else [shelf for shelf in shelves if shelf.kept],
        about=about,
        sections=[one.markup for one in sections if alone or one.index["decided"] is not False],
        weaker=[one.markup for one in sections if not alone and one.index["decided"] is False],
        ramp=", ".join(f"{colour} {stop:.0%}" for stop, colour in RAMP),
        warning_sentences=[*facts.get("warnings", ()), *_undefined(scores)],
        groups=fact_groups(facts, leave_out=("warnings", "failed")),
    )


def _is_defined(score: Score) -> bool:
    return any(math.isfinite(figure.value) for figure in score.figures.values())


def _undefined(scores: Sequence[Score]) -> list[str]:
    """What is said of scores that have no figure, instead of an empty table and plot; each sentence once."""
    said = [sentence for score in scores if not _is_defined(score) for sentence in score.warnings]
    return list(dict.fromkeys(said))


def _shelves() -> list[SlideShelf]:
    return [
        SlideShelf("Missed lesions", "Known lesions without a mark, the largest first."),
        SlideShelf("False alarms", "Marks outside every known lesion, the strongest first."),
        SlideShelf("Hits", "Marks in known lesions, the least certain first."),
    ]


def _fill(shelves: Sequence[SlideShelf], case_id: str, section: Section) -> None:
    misses, wrong, hits = shelves
    for number, lesion in enumerate(section.missed):
        if lesion.picture:
            misses.put(number, SlideTile(lesion.picture, f"{case_id}, {lesion.size}", section.anchor, "miss"))
    for mark in section.marks if section.index["decided"] is not False else ():
        if mark.picture and mark.verdict in ("false positive", "hit"):
            shelf, key = (hits, mark.score) if mark.verdict == "hit" else (wrong, -mark.score)
            caption = f"{case_id}, score {mark.score:.2f}"
            shelf.put(key, SlideTile(mark.picture, caption, section.anchor, mark.verdict.replace(" ", "-")))


def _lead(index: Sequence[Mapping[str, Any]]) -> str:
    if not index:
        return ""
    if len(index) == 1:
        return str(index[0]["case_id"])
    return f"{len(index)} slides, {sum(row['n_marks'] for row in index)} marks"


def _distributions(index: Sequence[Mapping[str, Any]]) -> list[Markup]:
    kinds = {
        "score of slides with tumour": [row["score"] for row in index if row["positive"]],
        "score of slides without tumour": [row["score"] for row in index if row["positive"] is False],
        "score of slides of unknown truth": [row["score"] for row in index if row["positive"] is None],
    }
    highest = max([1.0, *(row["score"] for row in index)])
    edges = np.linspace(0, highest, 21).tolist()
    return [histogram_svg(values, label, edges) for label, values in kinds.items() if values]


def _score_section(score: Score) -> ScoreSection:
    groups: dict[tuple[str, str], list[Curve]] = {}
    for curve in score.curves:
        groups.setdefault((curve.x_label, curve.y_label), []).append(curve)
    plots = tuple(
        curves_svg(curves, score.operating_points if number == 0 else ())
        for number, curves in enumerate(groups.values())
    )
    return ScoreSection(score, plots, Table.of(score.subgroups) if score.subgroups else None)
