"""Networks for slides that search together: which files, how much each counts, and how their scores become one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.infer.calibrate import ZScore, calibrated_average
from lesionkit.nets.model_file import read_card
from lesionkit.recipes.slide.answer import Answer, Measured, SlideAnswerSettings

ENSEMBLE_FILE = "ensemble.json"
FORMAT = "lesionkit slides 1"


@dataclass(frozen=True)
class SearchNet:
    """One trained network of several.

    Attributes:
        name: in the records of slides; "" of one that searches alone.
        member: what it is one fold of.
        weight: in the mean; of its member, shared among that member's folds.
    """

    name: str
    path: Path
    member: str = ""
    weight: float = 1.0


Committee: TypeAlias = tuple[SearchNet, ...]
"""Networks whose maps are averaged."""


def committee_of(model: Path) -> Committee:
    """The networks of a weights file or of an `ensemble.json`.

    Raises:
        LesionkitError: a damaged file.
    """
    if model.suffix != ".json":
        return (SearchNet("", model),)
    nets = read_model_card(model)["nets"]
    return tuple(SearchNet(n["name"], model.parent / n["file"], n["member"], float(n["weight"])) for n in nets)


def read_model_card(model: Path) -> dict[str, Any]:
    """What a weights file or an `ensemble.json` says of itself.

    Raises:
        LesionkitError: a damaged file.
    """
    if model.suffix != ".json":
        return read_card(model)
    try:
        card: dict[str, Any] = json.loads(model.read_text(encoding="utf-8"))
        if card.get("format") != FORMAT or not {"recipe", "settings", "nets", "answers", "mean answer"} <= card.keys():
            raise ValueError(f"it is not of the format '{FORMAT}'")
    except (OSError, ValueError, AttributeError) as error:
        raise LesionkitError(f"{model} must describe an ensemble, but is damaged ({error}); train again") from error
    return card


def write_ensemble(path: Path, nets: Committee, card: Mapping[str, Any]) -> Path:
    """Write `ensemble.json`. Inverse of `read_model_card`.

    Args:
        card: recipe, settings, answers by member, mean answer, and whatever else it tells. Files are named from the
            folder of `path`.
    """
    named = [
        {"name": n.name, "member": n.member, "file": n.path.relative_to(path.parent).as_posix(), "weight": n.weight}
        for n in nets
    ]
    return write_text(path, json.dumps({**card, "format": FORMAT, "nets": named}, indent=1) + "\n")


@dataclass(frozen=True)
class JoinedAnswer:
    """The score of a slide from the maps of several networks: the weighted mean of their calibrated scores."""

    nets: Committee
    answers: Mapping[str, Answer]
    weights: Mapping[str, float]

    def __call__(self, members: Mapping[str, Measured]) -> float:
        """Args: members: what was measured on the map of each network, by its name; of some folds, those count."""
        asked = [net for net in self.nets if net.name in members]
        answers = [self.answers[net.member] for net in asked]
        raw = [[answer.raw(members[net.name]) for net, answer in zip(asked, answers, strict=True)]]
        # Where nothing could be fitted, scores stay as they are.
        curves = [answer.curve or ZScore(0.0, 1.0) for answer in answers]
        return float(calibrated_average(raw, curves, [self.weights[net.member] for net in asked])[0])


def joined_answer(model: Path, settings: SlideAnswerSettings, weights: Sequence[float] | None) -> JoinedAnswer:
    """How the networks of an `ensemble.json` answer together.

    Args:
        weights: of the members in their order; None for those they were given.

    Raises:
        LesionkitError: a damaged file, or another number of weights.
    """
    card, nets = read_model_card(model), committee_of(model)
    names = list(dict.fromkeys(net.member for net in nets))
    own = [sum(net.weight for net in nets if net.member == name) for name in names]
    if weights is not None and len(weights) != len(names):
        raise LesionkitError(f"each of {len(names)} members of {model} needs a weight, got {len(weights)}")
    answers = {name: Answer.from_card(card["answers"].get(name), settings) for name in names}
    return JoinedAnswer(nets, answers, dict(zip(names, own if weights is None else weights, strict=True)))
