"""A step that is done for each of many images: those that fail are named, and only where all fail is it an error."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.recipes.base import Summary
from lesionkit.runs.run_folder import RunFolder

T = TypeVar("T")


def attempt(
    work: Callable[[T], object],
    items: Sequence[T],
    engine: EngineSettings,
    name_of: Callable[[T], str],
    noun: str,
    doing: str = "search",
    where: Path | None = None,
) -> dict[str, str]:
    """Do a step for every image; which failed why, by name.

    Args:
        doing: a regular verb without its ending, as in "none of 3 scans of DATA can be searched".
        where: the data set, if the sentence is to name it.

    Raises:
        LesionkitError: all failed; of a single one its own reason.
    """
    failed = {name_of(o.item): o.error for o in map_cases(work, items, engine, f"{doing}ing") if o.error}
    refuse_none(failed, len(items), noun, f"{doing}ed", where)
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
