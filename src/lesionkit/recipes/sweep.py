"""Search settings within a budget, by successive halving; resumable."""

import csv
import io
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.core.settings import Settings
from lesionkit.evaluate.score import Curve
from lesionkit.recipes.base import Recipe
from lesionkit.report.sweep_page import write_sweep_page
from lesionkit.runs.run_folder import RunFolder
from lesionkit.runs.search_ranges import SearchRange
from lesionkit.runs.settings_file import resolve, show

JOURNAL = "sweep.journal"


class SweepSettings(Settings):
    """The budget of a sweep. A larger one continues an earlier sweep."""

    trials: int = Field(default=12, ge=1)
    """Trials to begin at most."""
    minutes: float = Field(default=60.0, gt=0)
    """Time of all trials together, also over several sittings; the trial at work when it ends is stopped."""
    halving: int = Field(default=3, ge=2)
    """At each rung one in so many trials goes on (successive halving)."""
    first_rung: int = Field(default=1, ge=1)
    """Steps after which a trial is compared for the first time, then after `halving` times as many, and so on."""
    seed: int = 0


@dataclass(frozen=True)
class Trial:
    """One trial of a sweep.

    Attributes:
        state: "complete", "stopped" (fell behind or out of time) or "failed".
        value: what it reached; larger is better; None where it failed.
        values: setting -> value tried.
        curve: (step, value) in order.
        error: one sentence where it failed.
    """

    number: int
    state: str
    value: float | None
    seconds: float
    values: Mapping[str, Any]
    curve: tuple[tuple[int, float], ...]
    error: str = ""


def sweep(
    run: RunFolder,
    recipe: Recipe[Any],
    data: Path,
    base: Settings,
    searches: Sequence[SearchRange],
    settings: SweepSettings,
) -> tuple[Trial, ...]:
    """Try settings until the budget is spent, and return all trials, best first.

    Writes `trials.csv`, `curves.csv`, the page `sweep.html` and, once a trial has a value, `best.yaml` (usable as
    `--config`) into the run folder. What an interrupted sitting left unfinished is tried again first.

    Raises:
        LesionkitError: the recipe cannot be swept, or Optuna is not installed.
    """
    objective = recipe.objective
    if objective is None:
        raise LesionkitError(f"the recipe {recipe.name} has no objective to sweep")
    study = _open_study(run.path, settings)
    while _count_begun(study) < settings.trials and _spent_s(study) < 60 * settings.minutes:
        trial = study.ask()
        texts = [f"{search.name}={search.draw(trial)}" for search in searches]
        folder = run.path / "trials" / f"{trial.number:03d}"
        deadline = time.monotonic() + 60 * settings.minutes - _spent_s(study)
        _attempt(
            study,
            trial,
            deadline,
            lambda progress, f=folder, t=texts: objective(data, f, resolve(base, (), t), progress),
        )
        ranked = ranking(study)
        _write_tables(run.path, ranked, base)
        run.note(trials=len(ranked), best=ranked[0].value if ranked[0].value is not None else "none yet")
    ranked = ranking(study)
    write_sweep_page(run.path, [_row(trial) for trial in ranked], [_curve(t) for t in ranked if t.curve])
    return ranked


def ranking(study: Any) -> tuple[Trial, ...]:
    """The finished trials of an Optuna study: complete ones by value, then stopped ones by reach, then failed ones."""
    from optuna.trial import TrialState

    names = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "stopped", TrialState.FAIL: "failed"}
    trials = [
        Trial(
            number=trial.number,
            state=names[trial.state],
            value=trial.value if trial.state == TrialState.COMPLETE else _last(trial),
            seconds=_seconds(trial),
            values=dict(trial.params),
            curve=tuple(sorted(trial.intermediate_values.items())),
            error=trial.user_attrs.get("error", ""),
        )
        for trial in study.trials
        if trial.state in names and not _was_left(trial)
    ]
    order = list(names.values())
    return tuple(
        sorted(trials, key=lambda t: (order.index(t.state), -len(t.curve) * (t.state == "stopped"), -(t.value or 0)))
    )


def _open_study(folder: Path, settings: SweepSettings) -> Any:
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise LesionkitError("sweep needs Optuna, which is not installed; pip install 'lesionkit[sweep]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
    study = optuna.create_study(
        study_name="sweep",
        storage=storage,
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.SuccessiveHalvingPruner(
            min_resource=settings.first_rung, reduction_factor=settings.halving
        ),
    )
    # A resumed sweep must not draw again what it drew at first.
    study.sampler = optuna.samplers.TPESampler(seed=settings.seed + len(study.trials), n_startup_trials=6)
    for left in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(left.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(left.params)
    return study


def _attempt(study: Any, trial: Any, deadline: float, work: Any) -> None:
    """Run one trial and tell the study how it ended."""
    import optuna
    from optuna.trial import TrialState

    def progress(step: int, value: float) -> None:
        trial.report(value, step)
        if time.monotonic() > deadline or trial.should_prune():
            raise optuna.TrialPruned

    try:
        value = work(progress)
        if not math.isfinite(value):
            raise LesionkitError(f"the objective must be a finite number, got {value}; did training diverge?")
        study.tell(trial, value)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except LesionkitError as error:
        trial.set_user_attr("error", str(error))
        study.tell(trial, state=TrialState.FAIL)


def _was_left(trial: Any) -> bool:
    """Whether an interruption ended a trial: it failed and nobody said why."""
    return trial.state.name == "FAIL" and "error" not in trial.user_attrs


def _count_begun(study: Any) -> int:
    return sum(trial.state.is_finished() and not _was_left(trial) for trial in study.trials)


def _spent_s(study: Any) -> float:
    return sum(_seconds(trial) for trial in study.trials if not _was_left(trial))


def _seconds(trial: Any) -> float:
    if trial.datetime_start is None or trial.datetime_complete is None:
        return 0.0
    return float((trial.datetime_complete - trial.datetime_start).total_seconds())


def _last(trial: Any) -> float | None:
    values = trial.intermediate_values
    return float(values[max(values)]) if values else None


def _write_tables(folder: Path, trials: Sequence[Trial], base: Settings) -> None:
    names = list(dict.fromkeys(name for trial in trials for name in trial.values))
    header = ["trial", "state", "value", "steps", "seconds", *names, "error"]
    _write_csv(folder / "trials.csv", header, [[_row(trial).get(name) for name in header] for trial in trials])
    points = [[trial.number, step, value] for trial in trials for step, value in trial.curve]
    _write_csv(folder / "curves.csv", ["trial", "step", "value"], points)
    best = trials[0]
    if best.value is not None:
        chosen = resolve(base, assignments=[f"{name}={value}" for name, value in best.values.items()])
        title = f"The best of {len(trials)} trials: trial {best.number}, value {best.value:.6g}."
        write_text(folder / "best.yaml", show(chosen, title))


def _row(trial: Trial) -> dict[str, Any]:
    facts = {"trial": trial.number, "state": trial.state, "value": trial.value, "steps": len(trial.curve)}
    return {**facts, "seconds": round(trial.seconds, 1), **trial.values, "error": trial.error}


def _curve(trial: Trial) -> Curve:
    steps, values = np.array(trial.curve, dtype=float).T
    return Curve(f"trial {trial.number}", "step", "value", steps, values, np.full(len(steps), np.nan))


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header, *rows])
    write_text(path, text.getvalue())
