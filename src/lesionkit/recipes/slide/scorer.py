"""How the scores of slides are made of what was measured on their maps, as a model's card says."""

from collections.abc import Callable
from pathlib import Path

from lesionkit.infer.calibrate import ORIGINAL_WEIGHTS
from lesionkit.recipes.slide.answer import Answer
from lesionkit.recipes.slide.ensemble import joined_answer, read_model_card
from lesionkit.recipes.slide.search import FoundSlide
from lesionkit.recipes.slide.settings import SlideMetastasis


def read_scorer(model: Path, settings: SlideMetastasis) -> Callable[[FoundSlide], float]:
    """What gives the score of a slide that was searched with a model: weights, or an `ensemble.json`."""
    if model.suffix != ".json" or settings.ensemble.score == "mean map":
        answer = read_answer(model, settings)
        return lambda found: answer(found.measured)
    given = settings.ensemble.weights
    joined = joined_answer(model, settings.answer, None if given == "members" else ORIGINAL_WEIGHTS[given])
    return lambda found: joined(found.members)


def read_answer(model: Path, settings: SlideMetastasis) -> Answer:
    """How a score is made of a map that was made with a model, the mean map of several networks too."""
    card = read_model_card(model)
    return Answer.from_card(card.get("mean answer" if model.suffix == ".json" else "answer"), settings.answer)
