"""Which images a run is scored on: those that took no part in training, else what comes nearest, which it says."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.base import Item
from lesionkit.recipes.searching import Planned
from lesionkit.recipes.splits import SPLITS
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.split import Splits

_INSTEAD = {
    "test": "",
    "validation": "there is no test part: what is scored is the validation part, on which thresholds were tuned",
}


def refuse_nothing_kept_out(run: RunFolder, data: Path, noun: str) -> None:
    """Refuse to train for a run that would then have nothing to score; its splits must have been made.

    Raises:
        LesionkitError: every case learns.
    """
    parts = json.loads((run.path / SPLITS).read_text(encoding="utf-8"))
    if set(parts) <= {"train"}:
        raise LesionkitError(
            f"a run scores {noun}s that are kept out of training, but all of {data} learn; give splits.json, or more "
            "patients, or use 'lesionkit train'"
        )


def kept_out(
    run: RunFolder,
    items: Mapping[str, Item],
    splits: Splits,
    noun: str,
    model: Path,
    unseen: Mapping[str, Any] | None = None,
) -> tuple[str, list[Planned]]:
    """The part that is scored, as it is told, and its images; those that cannot be used are left out.

    Args:
        items: the usable images by case id.
        model: what searches them.
        unseen: by fold, those of the networks that have not learned from it. Where there are folds and no test part,
            every image is searched by these, and all are scored together.

    Returns:
        ("12 scans of the test part", each image with the model); ("", []) where no part has any.
    """
    if unseen and "test" not in splits.parts:
        run.warn(
            f"what is scored are all {noun}s, each searched by the networks that have not learned from it; thresholds, "
            "rules and curves were tuned on them"
        )
        planned = [(items[name], nets) for fold, nets in unseen.items() for name in splits[fold] if name in items]
        return f"{len(planned)} {noun}s of {len(unseen)} folds", planned
    for part, sentence in _INSTEAD.items():
        chosen = [(items[name], model) for name in splits.parts.get(part, ()) if name in items]
        if chosen:
            if sentence:
                run.warn(sentence)
            return f"{len(chosen)} {noun}{'s' if len(chosen) > 1 else ''} of the {part} part", chosen
    return "", []


def validating(
    items: Mapping[str, Item], splits: Splits, noun: str, model: Path, unseen: Mapping[str, Any] | None = None
) -> tuple[str, list[Planned]]:
    """The images on which a model's operating points are set, as `kept_out` gives those that are scored.

    Args:
        unseen: where there are folds, each one's images are searched by the networks that have not learned from it.
    """
    if unseen:
        planned = [(items[name], nets) for fold, nets in unseen.items() for name in splits[fold] if name in items]
        return f"{len(planned)} {noun}s of {len(unseen)} folds", planned
    planned = [(items[name], model) for name in splits.parts.get("validation", ()) if name in items]
    return f"{len(planned)} {noun}{'s' if len(planned) != 1 else ''} of the validation part", planned
