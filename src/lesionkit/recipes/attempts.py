"""A step that is done for each of many images: those that fail are named, and only where all fail is it an error."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.recipes.base import Summary
from lesionkit.runs.run_folder import RunFolder
from lesionkit.runs.units import Marked, Plan, begin_stage, mark_failed

T = TypeVar("T")


@dataclass(frozen=True)
class Counted:
    """Where it is kept how far each image of a stage is, for `lesionkit status`.

    Attributes:
        folder: of the run.
        before: images that were finished before.
        tell: is told where the process of an image died.
    """

    folder: Path
    stage: str
    before: int = 0
    tell: Callable[[str], None] | None = None


def attempt(
    work: Callable[[T], object],
    items: Sequence[T],
    engine: EngineSettings,
    name_of: Callable[[T], str],
    noun: str,
    doing: str = "search",
    where: Path | None = None,
    counted: Counted | None = None,
) -> dict[str, str]:
    """Do a step for every image; which failed why, by name.

    Args:
        doing: a regular verb without its ending, as in "none of 3 scans of DATA can be searched".
        where: the data set, if the sentence is to name it.
        counted: where it is kept how far each image is.

    Raises:
        LesionkitError: all failed; of a single one its own reason.
    """
    before = counted.before if counted is not None else 0
    marked: Callable[[T], object] = work
    if counted is not None:
        plan = Plan(noun, before + len(items), before, engine.backend, engine.workers, time.time())
        begin_stage(counted.folder, counted.stage, plan)
        marked = Marked(work, counted.folder, counted.stage, name_of)
    failed: dict[str, str] = {}
    for outcome in map_cases(marked, items, engine, f"{doing}ing", name_of, counted.tell if counted else None):
        if outcome.error:
            failed[name_of(outcome.item)] = outcome.error
            if counted is not None:
                mark_failed(counted.folder, counted.stage, {name_of(outcome.item): outcome.error})
    refuse_none(failed, before + len(items), noun, f"{doing}ed", where)
    return failed


def refuse_none(failed: Mapping[str, str], count: int, noun: str, done: str, where: Path | None = None) -> None:
    """Raise where every one of several images failed; says why the first did."""
    if count and len(failed) == count:
        if count == 1 and where is None:
            raise LesionkitError(next(iter(failed.values())))
        place = "" if where is None else f" of {where}"
        raise LesionkitError(f"none of {count} {noun}s{place} can be {done}; {first_of(failed)}")


def first_of(failed: Mapping[str, str | None]) -> str:
    """The end of a sentence on failed images: the first of them and why. Readers name the image themselves.

    >>> first_of({"p1": "a slice is missing"}), first_of({"a.mha": "a.mha is cut off"})
    ('the first, p1: a slice is missing', 'the first: a.mha is cut off')
    """
    name, reason = next(iter(failed.items()))
    return f"the first: {reason}" if name in (reason or "") else f"the first, {name}: {reason}"


def indexed(run: RunFolder, data: Path, file: Path, noun: str, write: Callable[[Path], Summary]) -> Mapping[str, Any]:
    """Write the table of a data set, once in a run.

    Raises:
        LesionkitError: none of its images can be used.
    """

    def step() -> Mapping[str, Any]:
        summary = write(file)
        try:
            refuse_none(summary.failed, summary.cases, noun, "used", data)
        except LesionkitError:
            file.unlink(missing_ok=True)
            raise
        return summary.facts

    return run.once("index", step)
