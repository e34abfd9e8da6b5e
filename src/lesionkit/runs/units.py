"""Where each of many cases stands: a small file per case, written by its worker on whatever engine and machine."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import psutil

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.runs.records import file_name

T = TypeVar("T")
R = TypeVar("R")
UNITS = "units"
_PLAN = "plan.json"


@dataclass(frozen=True)
class Unit:
    """One case of a stage.

    Attributes:
        state: running, done or failed.
        began, ended: seconds since 1970; `ended` is 0 while it runs.
        error: why it failed.
        host, pid: of the process that has or had it.
    """

    name: str
    state: str
    began: float
    ended: float = 0.0
    error: str = ""
    host: str = ""
    pid: int = 0

    @property
    def alive(self) -> bool:
        """Whether the process that has it is known to live; of other machines nothing is known, so they do."""
        return self.state == "running" and (self.host != socket.gethostname() or psutil.pid_exists(self.pid))


@dataclass(frozen=True)
class Plan:
    """What a stage is about to do.

    Attributes:
        noun: what one case is called.
        total: cases of the stage.
        before: of these, finished before it began.
        engine, workers: by what; workers None as many as fit.
        began: seconds since 1970.
    """

    noun: str
    total: int
    before: int
    engine: str
    workers: int | None
    began: float


@dataclass(frozen=True)
class Marked(Generic[T, R]):
    """A step for one case that says where it stands: a function item -> result, as the step itself.

    Args:
        work: the step.
        folder, stage: of the run.
        name_of: what an item is called.
    """

    work: Callable[[T], R]
    folder: Path
    stage: str
    name_of: Callable[[T], str]

    def __call__(self, item: T) -> R:
        began = time.time()
        unit = Unit(self.name_of(item), "running", began, host=socket.gethostname(), pid=os.getpid())
        write_unit(self.folder, self.stage, unit)
        try:
            result = self.work(item)
        except BaseException as error:
            said = " ".join(str(error).split()) or type(error).__name__
            write_unit(
                self.folder, self.stage, Unit(unit.name, "failed", began, time.time(), said, unit.host, unit.pid)
            )
            raise
        write_unit(self.folder, self.stage, Unit(unit.name, "done", began, time.time(), "", unit.host, unit.pid))
        return result


def begin_stage(folder: Path, stage: str, plan: Plan) -> None:
    """Say what a stage is about to do; what was said of cases that failed before is forgotten."""
    for unit, file in _files(folder, stage):
        if unit is None or unit.state != "done":
            file.unlink(missing_ok=True)
    write_text(folder / UNITS / stage / _PLAN, json.dumps(asdict(plan)) + "\n")


def write_unit(folder: Path, stage: str, unit: Unit) -> None:
    """Keep where a case stands."""
    write_text(folder / UNITS / stage / "cases" / f"{file_name(unit.name)}.json", json.dumps(asdict(unit)) + "\n")


def mark_failed(folder: Path, stage: str, failed: Mapping[str, str]) -> None:
    """What the engine alone knows: whose worker died."""
    now = time.time()
    for name, reason in failed.items():
        write_unit(folder, stage, Unit(name, "failed", now, now, reason))


def stage_units(folder: Path, stage: str) -> tuple[Plan | None, list[Unit]]:
    """What a stage was about to do, None where it is not counted, and where its cases stand.

    Raises:
        LesionkitError: its plan is damaged.
    """
    file = folder / UNITS / stage / _PLAN
    if not file.is_file():
        return None, []
    try:
        plan = Plan(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise LesionkitError(f"{file} is damaged ({error}); run the same command again") from error
    return plan, [unit for unit, _ in _files(folder, stage) if unit is not None]


def _files(folder: Path, stage: str) -> Iterator[tuple[Unit | None, Path]]:
    for file in sorted((folder / UNITS / stage / "cases").glob("*.json")):
        yield _read(file), file


def _read(file: Path) -> Unit | None:
    try:
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return Unit(**values)
    # It may be replaced, or forgotten, at this moment.
    except (OSError, ValueError, TypeError):
        return None
