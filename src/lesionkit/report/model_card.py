"""The card of a model as every page shows it: what it learned from and under which licence, how, what validation says,
and what it cannot do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import read_as
from lesionkit.evaluate.points import OperatingPoints, figures_from_card
from lesionkit.evaluate.score import Figure
from lesionkit.report.render import FactGroup, format_figure

Rows = tuple[tuple[str, str], ...]
NOT_TOLD = "this model does not tell"
UNKNOWN_LIMITS = (
    "Nobody has written down where it fails: take its figures for those of its own validation images, and no others"
)


def card_panel(card: Mapping[str, Any]) -> tuple[FactGroup, ...]:
    """The groups of a card; what it does not tell is said to be not told.

    Args:
        card: of a weights file or an ensemble. Known entries, all optional: "file", "digest", "networks", "recipe",
            "licence", "notice", "data" (a list of sources: name, licence, attribution, synthetic, images, patients,
            also), "training_…" and "learned from" (counts), "settings" (of which split and seed), "command",
            "seconds", "inputs", "validated_on", "measured", "operating_points", "calibration", "validation", "limits",
            "leakage", "foreign".
    """
    if not card:
        return ()
    groups = (
        ("Model", _model(card)),
        ("Learned from", _learned(card)),
        ("Training", _training(card)),
        ("Validation", _validation(card)),
        ("Operating points", _points(card)),
        ("Limits", _limits(card)),
    )
    with read_as(str(card.get("file", "the model")), "a model whose card can be shown"):
        return tuple(FactGroup(title, tuple(rows)) for title, rows in groups)


def figure_line(figure: Figure) -> str:
    """A figure with its interval and what it is divided by.

    >>> figure_line(Figure(0.8, 0.611, 1.0, "12 of 15 lesions"))
    '0.800 (95 % interval 0.611 to 1.000), 12 of 15 lesions'
    """
    known = figure.lower is not None and figure.upper is not None
    interval = f" (95 % interval {figure.lower:.3f} to {figure.upper:.3f})" if known else ""
    note = f", {figure.note}" if figure.note else ""
    return f"{'not defined' if figure.value != figure.value else f'{figure.value:.3f}'}{interval}{note}"


def _model(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    names = {"file": "file", "digest": "SHA-256", "recipe": "recipe", "networks": "networks"}
    yield from ((label, str(card[name])) for name, label in names.items() if card.get(name))
    yield "licence of the weights", str(card.get("licence") or NOT_TOLD)
    made = card.get("versions") or {}
    if made:
        yield "made with", ", ".join(f"{name} {made[name]}" for name in ("lesionkit", "torch") if name in made)
    yield "use", str(card.get("notice") or "Research use only; not a medical device.")


def _learned(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    sources: Sequence[Mapping[str, Any]] = card.get("data") or ()
    for kind, synthetic in (("synthetic", True), ("real", False), ("synthetic or real, not told", None)):
        for source in sources:
            if source.get("synthetic") is synthetic:
                yield f"{kind}: {source.get('name', 'unnamed')}", _source(source)
    if not sources:
        yield "data", f"{NOT_TOLD} which, nor their licence; the content is named below by its hash"
    for name, value in card.items():
        if name.startswith("training_"):
            yield name.removeprefix("training_").replace("_", " "), format_figure(value)
    for name, value in (card.get("learned from") or {}).items():
        if not isinstance(value, Mapping | list) and name != "seconds":
            yield str(name), format_figure(value)
    bank = card.get("bank")
    if bank:
        yield "bank of real nodules", f"{bank['nodules']} nodules of {bank['patients']} patients, {bank['source']}"
    if card.get("projections_only"):
        yield "real images", "none: it learned from projections of CTs only"


def _source(source: Mapping[str, Any]) -> str:
    counts = [f"{source[name]} {name}" for name in ("images", "patients", "lesions") if source.get(name) is not None]
    said = [source.get("licence") or "licence not told", source.get("attribution"), source.get("note")]
    also = source.get("also")
    return "; ".join([*counts, *(str(one) for one in said if one), *([f"also in {', '.join(also)}"] if also else [])])


def _training(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    settings = card.get("settings") or {}
    split = settings.get("split") or {}
    yield "command", str(card.get("command") or NOT_TOLD)
    yield "split", str(card.get("split") or ", ".join(f"{k} {_short(v)}" for k, v in split.items() if v is not None))
    seed = (settings.get("learn") or {}).get("seed")
    yield "seed", format_figure(card["seed"] if "seed" in card else seed if seed is not None else split.get("seed"))
    seconds = card.get("seconds", (card.get("learned from") or {}).get("seconds"))
    yield "time", NOT_TOLD if seconds is None else f"{seconds / 60:.0f} minutes"
    for name, value in (card.get("inputs") or {}).items():
        if isinstance(value, Mapping):
            yield f"{name}, by content", f"{value.get('files')} files, SHA-256 {str(value.get('sha256'))[:16]}…"


def _short(value: Any) -> str:
    return " : ".join(map(str, value)) if isinstance(value, list) else format_figure(value)


def _validation(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    measured = card.get("measured")
    if measured:
        on = ", ".join(f"{count} {name}" for name, count in measured["on"].items())
        yield "measured on", f"{on}{': ' if card.get('validated_on') else ''}{card.get('validated_on') or ''}"
        for protocol, figures in measured["figures"].items():
            for name, figure in figures_from_card(figures).items():
                yield f"{name} ({protocol})", figure_line(figure)
        yield from ((name, f"{value:.3f}") for name, value in measured["reliability"].items())
    else:
        yield from _earlier(card.get("validation") or {})
    fitted = card.get("calibration")
    if fitted:
        yield "calibration", ", ".join(f"{fitted['fitted_on'][n]} {n}" for n in ("true", "false")) + " scores"


def _earlier(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Figures as trainings note them while they learn."""
    if not told:
        yield "figures", NOT_TOLD
    for name, value in told.items():
        if name == "figures":
            for inner, (number, lower, upper) in value.items():
                yield inner, figure_line(Figure(number, lower, upper))
        elif name == "counts":
            yield "measured on", ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in value.items())
        elif not isinstance(value, list | Mapping):
            yield name, format_figure(value)


def _points(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    held = card.get("operating_points")
    if not held:
        yield "none", "this model has no operating points: what is found is ranked, and nothing is decided"
        return
    try:
        points = OperatingPoints.from_card(held)
    except LesionkitError as error:
        yield "none", str(error)
        return
    on = ", ".join(f"{count} {name}" for name, count in points.measured_on.items())
    yield "set on", f"{on} of validation; figures are of the same images, and so a little too good"
    for point in points.points:
        figures = "; ".join(f"{name} {figure_line(figure)}" for name, figure in point.figures.items())
        default = " (default)" if point.name == points.default else ""
        yield f"{point.name}{default}", f"threshold {point.threshold:.4g}; {figures}"


def _foreign(told: Mapping[str, Any] | None) -> str:
    """From where on images are told to be unlike those that the model learned from."""
    if not told:
        return "this model cannot tell whether an image is like those it learned from"
    return (
        f"warned of where what the network sees lies farther from the {told['images']} images that it remembers than "
        f"{told['quantile']:.0%} of these do when left out; refused from {told['refused from']:g} times as far on"
    )


def _limits(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    limits: Sequence[str] = card.get("limits") or [UNKNOWN_LIMITS]
    yield from ((f"limit {number}", str(sentence)) for number, sentence in enumerate(limits, 1))
    yield "foreign images", _foreign(card.get("foreign"))
    names = [str(source["name"]) for source in card.get("data") or () if source.get("name")]
    names += [str(name) for source in card.get("data") or () for name in source.get("also") or ()]
    default = f"It learned from {', '.join(names) or 'the images named by content above'}: figures of the same images, "
    yield "leakage", str(card.get("leakage") or f"{default}under whatever name, are not figures of unseen ones")
