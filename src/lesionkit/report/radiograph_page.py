"""The page of `lesionkit find` for radiographs: one or hundreds, the highest score first."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from markupsafe import Markup

from lesionkit.evaluate.overlap import dice as dice_of
from lesionkit.evaluate.score import Score
from lesionkit.report.about import About
from lesionkit.report.curves import curves_svg, histogram_svg
from lesionkit.report.found_radiograph import FoundRadiograph
from lesionkit.report.radiograph_picture import FoundPixels, RadiographPicture, heat_colours, radiograph_picture
from lesionkit.report.render import FactGroup, Table, fact_groups, write_page

Verdict: TypeAlias = Literal["found", "found elsewhere", "missed", "false alarm", "rightly empty"]

_TILES = 12
_RULE_ROWS = 40
_SAID = ("warnings", "failed", "rule_search", "projections_only")

PROJECTIONS_ONLY = (
    "This model learned from synthetic radiographs only, projections of chest CTs into which a pneumothorax was "
    "opened. In training it has never seen a radiograph of a patient, and nothing here shows that it is right about "
    "one."
)


@dataclass(frozen=True)
class Room:
    """How much of each radiograph a page shows, so that hundreds stay light enough to send.

    Attributes:
        side: most pixels of a picture.
        pictures: radiographs with pictures; the others are listed only.
        with_facts: whether each has its own table of facts.
    """

    side: int
    pictures: int = 400
    with_facts: bool = False

    @classmethod
    def among(cls, n_cases: int) -> "Room":
        """Fewer radiographs are shown larger."""
        if n_cases <= 24:
            return cls(512, with_facts=True)
        return cls(384) if n_cases <= 120 else cls(256)


@dataclass(frozen=True, eq=False)
class Card:
    """One radiograph as the page shows it.

    Attributes:
        anchor: name of its section.
        truth_share: of the image that the true lesion takes; None where nobody looked.
        picture: None where there is no room.
        alt: the picture in one sentence.
    """

    anchor: str
    case: FoundRadiograph
    verdict: Verdict | None
    truth_share: float | None
    dice: float | None
    picture: RadiographPicture | None
    alt: str
    groups: tuple[FactGroup, ...]


@dataclass(frozen=True, eq=False)
class Shelf:
    """The worst of one kind of error."""

    title: str
    note: str
    empty: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, eq=False)
class RuleSearch:
    """The decision rules that were tried: a table, and a sentence on what the search is worth."""

    table: Table | None
    note: str
    groups: tuple[FactGroup, ...]


def write_radiograph_report(
    out: Path,
    cases: Iterable[FoundRadiograph],
    facts: Mapping[str, Any],
    score: Score | None = None,
    title: str = "Pneumothorax on chest radiographs",
    about: About | None = None,
) -> Path:
    """Write OUT/report.html: one self-contained page.

    Args:
        cases: in any order; their samples are read one after the other and not kept.
        facts: of the whole run. Known keys, all optional: "warnings" (sentences), "failed" (file -> sentence),
            "projections_only" (true where the model never saw a radiograph of a patient; also taken from "model"),
            "rule_search" ("rows": a mapping per rule that was tried, the best first; "score", "nested_score",
            "optimism"; anything else is listed), "model", "rule", "settings", "versions", "seconds" (nested mappings).
        score: figures and curves, where the truth is known.
        about: where the line is drawn, and the card of the model.

    Returns:
        The path of the page.
    """
    about = about or About()
    ordered = sorted(cases, key=_order)
    room = Room.among(len(ordered))
    cards = [_card(case, number, room) for number, case in enumerate(ordered, 1)]
    has_truth = any(card.verdict is not None for card in cards)
    model = facts.get("model")
    told = facts.get("projections_only") or (isinstance(model, Mapping) and model.get("projections_only"))
    return write_page(
        Path(out) / "report.html",
        "radiograph_page.html",
        title=title,
        lead=_lead(cards, has_truth),
        about=about,
        projections_only=PROJECTIONS_ONLY if told else "",
        warning_sentences=list(facts.get("warnings", ())),
        failed=facts.get("failed") or {},
        cards=cards,
        note=_note(cards),
        has_truth=has_truth,
        has_searched=any(card.picture and card.picture.searched for card in cards),
        heat=[f"rgba({r},{g},{b},{a / 255:.2f})" for r, g, b, a in heat_colours()[::4].tolist()],
        score=score,
        plot=_plot(score),
        subgroups=Table.of(score.subgroups) if score and score.subgroups else None,
        distributions=_distributions(cards),
        shelves=_shelves(cards) if has_truth else (),
        search=_rule_search(facts.get("rule_search")),
        groups=fact_groups(facts, leave_out=_SAID),
    )


def _order(case: FoundRadiograph) -> tuple[float, str]:
    """The highest score first: what is held to be positive lies above all else."""
    return -case.score, case.case_id


def _card(case: FoundRadiograph, number: int, room: Room) -> Card:
    groups = fact_groups(case.facts) if room.with_facts else ()
    anchor = f"radiograph-{number}"
    if number > room.pictures and not case.truth_known:
        return Card(anchor, case, None, None, case.dice, None, "", groups)
    pixels = case.read()
    verdict, truth_share, dice = _judge(case, pixels)
    picture = radiograph_picture(pixels, room.side) if number <= room.pictures else None
    return Card(anchor, case, verdict, truth_share, dice, picture, _alt(case, verdict), groups)


def _judge(case: FoundRadiograph, pixels: FoundPixels) -> tuple[Verdict | None, float | None, float | None]:
    """What the decision is worth, the true share of the image and the Dice coefficient."""
    if not case.truth_known or pixels.truth is None:
        return None, None, case.dice
    found = pixels.mask if case.positive else np.zeros_like(pixels.mask)
    truth_area, overlap = int(pixels.truth.sum()), int((pixels.truth & found).sum())
    dice = case.dice if case.dice is not None else float(dice_of(overlap, truth_area, int(found.sum())))
    share = truth_area / pixels.truth.size
    if not truth_area:
        return ("false alarm" if case.positive else "rightly empty"), share, dice
    if not case.positive:
        return "missed", share, dice
    return ("found" if overlap else "found elsewhere"), share, dice


def _alt(case: FoundRadiograph, verdict: Verdict | None) -> str:
    said = case.badge if case.decided is None else f"held to be {case.badge}"
    return f"Radiograph {case.case_id}, {said}{f', {verdict}' if verdict else ''}, score {case.score:.2f}"


def _lead(cards: Sequence[Card], has_truth: bool) -> str:
    if len(cards) == 1:
        return cards[0].case.case_id
    what = "outlined" if any(card.case.decided is None for card in cards) else "held to be positive"
    parts = [f"{len(cards)} radiographs", f"{sum(card.case.positive for card in cards)} {what}"]
    if has_truth:
        parts.append(f"{sum(bool(card.truth_share) for card in cards)} with a known finding")
    return ", ".join(parts)


def _note(cards: Sequence[Card]) -> str:
    shown = sum(card.picture is not None for card in cards)
    order = "The highest score comes first; one threshold of it decides which are held to be positive."
    if any(card.case.decided is None for card in cards):
        order = "The highest score comes first; nothing decides which are positive."
    if len(cards) < 2:
        return ""
    return order if shown == len(cards) else f"{order} Pictures are shown of the first {shown}."


def _plot(score: Score | None) -> Markup | None:
    """Of the curves that have a line to draw; images of one kind only have none."""
    curves = [c for c in score.curves if (np.isfinite(c.x) & np.isfinite(c.y)).sum() > 1] if score else []
    return curves_svg(curves, score.operating_points) if score and curves else None


def _shelves(cards: Sequence[Card]) -> tuple[Shelf, ...]:
    def shelf(title: str, note: str, empty: str, verdicts: tuple[Verdict, ...], key: Callable[[Card], float]) -> Shelf:
        chosen = sorted((c for c in cards if c.verdict in verdicts and c.picture), key=key)
        more = f" The first {_TILES} of {len(chosen)} are shown." if len(chosen) > _TILES else ""
        return Shelf(f"{title} ({len(chosen)})", note + more, empty, tuple(chosen[:_TILES]))

    return (
        shelf(
            "Misses",
            "Known findings on radiographs that were held to be negative, the largest first.",
            "No known finding was missed.",
            ("missed",),
            lambda card: -(card.truth_share or 0.0),
        ),
        shelf(
            "False alarms",
            "Radiographs without a known finding that were held to be positive, the surest first.",
            "There is no false alarm.",
            ("false alarm",),
            lambda card: -card.case.score,
        ),
        shelf(
            "Least overlap",
            "Radiographs with a finding that were held to be positive, the lowest Dice coefficient first.",
            "No known finding was found.",
            ("found", "found elsewhere"),
            lambda card: card.dice or 0.0,
        ),
    )


def _distributions(cards: Sequence[Card]) -> list[Markup]:
    """Histograms that only many radiographs fill."""
    if len(cards) < 10:
        return []
    tenths = np.linspace(0, 1, 21).tolist()
    kinds = (("with", True), ("without", False)) if any(c.truth_share is not None for c in cards) else (("", None),)
    plots = []
    for name, positive in kinds:
        chosen = [
            c for c in cards if positive is None or (c.truth_share is not None and bool(c.truth_share) == positive)
        ]
        if chosen:
            label = f"score of radiographs {name} a known finding" if name else "score of radiographs"
            plots.append(histogram_svg([c.case.score for c in chosen], label, tenths))
    overlaps = [c.dice for c in cards if c.truth_share and c.dice is not None]
    if overlaps:
        plots.append(histogram_svg(overlaps, "Dice on radiographs with a known finding", tenths))
    return plots


def _rule_search(told: Any) -> RuleSearch | None:
    if not told:
        return None
    if not isinstance(told, Mapping):
        told = {"rows": told}
    rows = list(told.get("rows", ()))
    parts = []
    if told.get("score") is not None and told.get("nested_score") is not None:
        score, nested = float(told["score"]), float(told["nested_score"])
        parts.append(
            f"The best rule scores {score:.4f} on the validation images it was chosen on; rules chosen the same way "
            f"score {nested:.4f} on patients that had no say in the choice, so the search flatters itself by "
            f"{float(told.get('optimism', score - nested)):.4f}."
        )
    if len(rows) > _RULE_ROWS:
        parts.append(f"The first {_RULE_ROWS} of {len(rows)} rules are listed.")
    rest = {k: v for k, v in told.items() if k not in ("rows", "score", "nested_score", "optimism")}
    return RuleSearch(Table.of(rows[:_RULE_ROWS]) if rows else None, " ".join(parts), fact_groups(rest))
