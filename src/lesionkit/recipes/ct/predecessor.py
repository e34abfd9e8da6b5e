"""Whether a later round of training may go on from a network: one of the round before, of the same data and folds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.model_file import read_card
from lesionkit.recipes.ct.trained import LEARNED_FROM, ROUND, digest_of
from lesionkit.runs.run_folder import RunFolder


def refuse_foreign_predecessor(run: RunFolder, start: Path | None, number: int, learners: Sequence[str]) -> None:
    """Refuse a network that a round cannot go on from: of what it learned from, nothing may validate now.

    Args:
        start: the network; None where none was named.
        number: of the round, from 2.
        learners: case ids that the round learns from.

    Raises:
        LesionkitError: says what it must be.
    """
    if start is None:
        raise LesionkitError(
            f"round {number} must go on from what round {number - 1} trained, but nothing is named; give --from RUN, "
            "or leave learn.first_round out"
        )
    card = read_card(start)
    if card.get(ROUND, 1) != number - 1:
        raise LesionkitError(
            f"round {number} must go on from round {number - 1}, but {start} is of round {card.get(ROUND, 1)}; set "
            "learn.first_round to the one after it"
        )
    if _content(card["inputs"].get("data")) != _content(run.record["inputs"].get("data")):
        raise LesionkitError(
            f"round {number} must go on from a network of the same data, but {start} learned from others; name its "
            "data, or leave learn.first_round out to fine-tune it"
        )
    if card.get(LEARNED_FROM) != digest_of(learners):
        raise LesionkitError(
            f"round {number} must go on from a network of the same folds, but {start} learned from other cases of the "
            "data; use its settings of split, and its splits.json"
        )


def _content(told: Any) -> Any:
    return told.get("sha256") if isinstance(told, Mapping) else told
