"""The operating points of a model on new data: what its thresholds became there, by any protocol of `evaluate`."""

from dataclasses import replace
from pathlib import Path

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.points import OperatingPoints
from lesionkit.evaluate.score import Figure, Score
from lesionkit.evaluate.tally import Tally
from lesionkit.recipes.card import POINTS
from lesionkit.recipes.ensemble import model_card
from lesionkit.runs.models import chosen_model


def with_points(score: Score, tally: Tally, model: Path, recipe: str, samples: int, seed: int) -> Score:
    """A score with what a model's thresholds give on the same data, each beside what it gave where it was set.

    Args:
        tally: of the scores as `find` writes them.
        model: as `--model` takes it.
        samples, seed: of the bootstrap.

    Raises:
        LesionkitError: no such model, or one without operating points.
    """
    held = model_card(chosen_model(model, recipe)).get(POINTS)
    if not held:
        raise LesionkitError(
            f"--model must name a model with operating points, but {model} has none; train it with images that "
            "validate, or give another"
        )
    figures = {}
    for point in OperatingPoints.from_card(held).points:
        for name, figure in tally.at(point.point, samples, seed).items():
            before = point.figures.get(name)
            note = figure.note if before is None else f"{figure.note}; {_told(before)} there"
            figures[f"{name} at the threshold for {point.name}"] = replace(figure, note=note)
    return replace(score, figures={**score.figures, **figures})


def _told(figure: Figure) -> str:
    known = figure.lower is not None and figure.upper is not None
    interval = f" ({figure.lower:.3f} to {figure.upper:.3f})" if known else ""
    return f"{figure.value:.3f}{interval}"
