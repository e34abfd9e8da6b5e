"""What the trainings of a run told of themselves: their figures step by step, and the last pictures that were seen."""

import csv
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

METRICS, WATCHED = "metrics", "watched"
"""Folders of a training: its table `metrics.csv`, with those of earlier sittings beside it; and its pictures."""
_PLACES = {"trainings", "parts", "models"}
_PASSED_OVER = {"checkpoints", "tensorboard", "trials", "export", "cases", WATCHED, METRICS}


@dataclass(frozen=True, eq=False)
class Training:
    """One training of a run.

    Attributes:
        name: unlike the others of its run, such as "mask" or "judge 1"; "" of one that is alone.
        figures: name as in its table, such as "loss" or "watched/dice" -> (steps, ascending, and its values there).
        pictures: of what it was last looked at on.
    """

    name: str
    figures: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    pictures: tuple[Path, ...] = ()


def trainings_of(run: Path) -> list[Training]:
    """The trainings whose tables lie in a run folder, by name; it may still be at work."""
    found = []
    for folder in sorted(_folders(run)):
        parts = [part for part in folder.relative_to(run).parts if part not in _PLACES]
        pictures = tuple(sorted((folder / WATCHED).glob("*.png")))
        found.append(Training(" ".join(parts), _figures(folder / METRICS), pictures))
    return found


def _folders(run: Path) -> Iterator[Path]:
    for root, folders, _ in os.walk(run):
        if METRICS in folders and any((Path(root) / METRICS).glob("metrics*.csv")):
            yield Path(root)
        folders[:] = [name for name in folders if name not in _PASSED_OVER and not name.startswith(".")]


def _figures(folder: Path) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Later sittings win where two say something of the same step."""
    told: dict[str, dict[float, float]] = {}
    files = sorted(folder.glob("metrics-*.csv"), key=lambda file: (len(file.name), file.name))
    for file in (*files, folder / "metrics.csv"):
        if not file.is_file():
            continue
        with file.open(encoding="utf-8", errors="replace", newline="") as table:
            for row in csv.DictReader(table):
                _take(row, told)
    return {name: _arrays(values) for name, values in told.items()}


def _take(row: Mapping[str, str | None], told: dict[str, dict[float, float]]) -> None:
    step = _number(row.get("step"))
    if step is None:
        return
    for name, text in row.items():
        value = _number(text)
        if name and name not in ("step", "epoch") and value is not None:
            told.setdefault(name, {})[step] = value


def _arrays(values: Mapping[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    steps = sorted(values)
    return np.array(steps), np.array([values[step] for step in steps])


def _number(text: object) -> float | None:
    """What a cell says; None of one that is empty, cut off or not finite."""
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
