"""How the scores of slides are made of what was measured on their maps, as a model's card says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.calibrate import ORIGINAL_WEIGHTS, ZScore, calibrated_average
from lesionkit.recipes.ensemble import Net, model_card, nets_of
from lesionkit.recipes.slide.answer import Answer, Measured
from lesionkit.recipes.slide.search import FoundSlide
from lesionkit.recipes.slide.settings import SlideMetastasis


def read_scorer(model: Path, settings: SlideMetastasis) -> Callable[[FoundSlide], float]:
    """What gives the score of a slide that was searched with a model: weights, or an `ensemble.json`."""
    if model.suffix != ".json" or settings.ensemble.score == "mean map":
        answer = read_answer(model, settings)
        return lambda found: answer(found.measured)
    given = settings.ensemble.weights
    joined = joined_answer(model, settings, None if given == "members" else ORIGINAL_WEIGHTS[given])
    return lambda found: joined(found.members)


def read_answer(model: Path, settings: SlideMetastasis) -> Answer:
    """How a score is made of a map that was made with a model, the mean map of several networks too."""
    card = model_card(model)
    said = card.get("mean answer" if model.suffix == ".json" else "answer")
    return Answer.from_card(said, settings.answer, same_map=not changed_maps(card, settings))


def changed_maps(card: Mapping[str, Any], settings: SlideMetastasis) -> list[str]:
    """Names of settings by which maps are made otherwise than those that a model's scores were fitted on."""
    if "settings" not in card:
        return []
    kept, now = SlideMetastasis.parse(card["settings"]).map_basis, settings.map_basis
    return [name for name in {**kept, **now} if kept.get(name) != now.get(name)]


def void_calibration(model: Path, settings: SlideMetastasis) -> list[str]:
    """A sentence where a model has a calibration that does not hold for the scores that are asked for."""
    card = model_card(model)
    said = [card.get("answer"), card.get("mean answer"), *dict(card.get("answers") or {}).values()]
    fitted = [one for one in said if one and one.get("curve")]
    if not fitted or not settings.answer.calibrate:
        return []
    changed = changed_maps(card, settings)
    if not changed and any(Answer.from_card(one, settings.answer).curve is not None for one in fitted):
        return []
    why = ", ".join(changed) or "answer"
    return [
        f"the calibration of the model does not hold: it was fitted on scores with other settings ({why}); scores are "
        "as the rule or aggregator gives them, and no probabilities"
    ]


@dataclass(frozen=True)
class JoinedAnswer:
    """The score of a slide from the maps of several networks: the weighted mean of their calibrated scores."""

    nets: Sequence[Net]
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


def joined_answer(model: Path, settings: SlideMetastasis, weights: Sequence[float] | None) -> JoinedAnswer:
    """How the networks of an `ensemble.json` answer together.

    Args:
        weights: of the members in their order; None for those they were given.

    Raises:
        LesionkitError: a damaged file, or another number of weights.
    """
    card, nets = model_card(model), nets_of(model)
    names = list(dict.fromkeys(net.member for net in nets))
    own = [sum(net.weight for net in nets if net.member == name) for name in names]
    if weights is not None and len(weights) != len(names):
        raise LesionkitError(f"each of {len(names)} members of {model} needs a weight, got {len(weights)}")
    same = not changed_maps(card, settings)
    answers = {name: Answer.from_card(card["answers"].get(name), settings.answer, same) for name in names}
    return JoinedAnswer(nets, answers, dict(zip(names, own if weights is None else weights, strict=True)))
