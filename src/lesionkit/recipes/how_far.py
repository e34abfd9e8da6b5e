"""How far a run is: of each stage the cases that are done, running and failed, how fast they go and how long it takes.

Read from what the stages write while they run, so that it is the same for every engine and from every machine that
sees the folder.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lesionkit.runs.run_folder import RunFolder, live_stage, read_run
from lesionkit.runs.units import Plan, Unit, stage_units


@dataclass(frozen=True)
class Cases:
    """The cases of a stage.

    Attributes:
        noun: what one is called.
        running: names of those being worked on.
        failed: why others failed, by name.
        per_hour: cases finished an hour since the stage last began; None before the first.
        left_s: seconds to go at this rate; None where nothing runs or nothing is known.
    """

    noun: str
    total: int
    done: int
    running: tuple[str, ...]
    failed: Mapping[str, str]
    engine: str
    per_hour: float | None
    left_s: float | None


@dataclass(frozen=True)
class StageState:
    """A stage of a run; `state` is running, done, failed or interrupted; `seconds` None while it runs."""

    name: str
    state: str
    started: str
    seconds: float | None
    error: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    cases: Cases | None = None


@dataclass(frozen=True)
class HowFar:
    """A run as it stands."""

    path: Path
    recipe: str
    started: str
    stages: tuple[StageState, ...]
    metrics: Mapping[str, Any]
    warnings: tuple[str, ...]


def how_far(folder: Path) -> HowFar:
    """How far the run in a folder is; it may be running.

    Raises:
        LesionkitError: it holds no run, or one that is damaged.
    """
    run = read_run(folder)
    live = live_stage(run)
    stages = tuple(_stage(run, name, live) for name in run.record["stages"])
    record = run.record
    return HowFar(run.path, record["recipe"], record["started"], stages, record["metrics"], run.warnings)


def _stage(run: RunFolder, name: str, live: str | None) -> StageState:
    marks = run.record["stages"][name]
    state = "interrupted" if marks["state"] == "running" and name != live else marks["state"]
    plan, units = stage_units(run.path, name)
    # A process on another machine cannot be asked, but what its workers write tells that it lives.
    if state == "interrupted" and any(unit.alive for unit in units):
        state = "running"
    error = marks.get("error", "") if state != "interrupted" else ""
    cases = cases_of(plan, units, state == "running") if plan is not None else None
    return StageState(name, state, marks["started"], marks.get("seconds"), error, marks.get("facts", {}), cases)


def cases_of(plan: Plan, units: Sequence[Unit], running: bool, now: float | None = None) -> Cases:
    """Counts, rate and time left.

    Args:
        running: whether the stage is; where it is not, no case of it runs.
        now: seconds since 1970; None for the clock.
    """
    now = time.time() if now is None else now
    since = [unit for unit in units if unit.began >= plan.began]
    finished = [unit for unit in since if unit.state in ("done", "failed")]
    failed = {unit.name: unit.error for unit in finished if unit.state == "failed"}
    at_it = tuple(unit.name for unit in since if running and unit.alive)
    spent = (now if running else max((unit.ended for unit in finished), default=now)) - plan.began
    rate = len(finished) / spent if finished and spent > 0 else None
    left = plan.total - plan.before - len(finished)
    return Cases(
        plan.noun,
        plan.total,
        plan.before + len(finished) - len(failed),
        at_it,
        failed,
        plan.engine,
        rate * 3600 if rate else None,
        left / rate if rate and running else None,
    )
