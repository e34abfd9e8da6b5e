"""`lesionkit status`: how far a run is."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lesionkit.recipes.how_far import Cases, HowFar, StageState

_REASONS = 5


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that an --out named; it may still be running.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show how far a run is: stages, times, latest metrics, warnings.

    Where a stage goes case by case: how many are done, running and failed, why, how fast it goes and how long it will
    take, whatever engine it runs on and from any machine that sees the folder.

    Examples:
      lesionkit status runs/first
      lesionkit status runs/first --json
    """
    import json
    from dataclasses import asdict

    from lesionkit.recipes.how_far import how_far

    told = how_far(run)
    if as_json:
        typer.echo(json.dumps(asdict(told), indent=2, default=str))
    else:
        _show(told)


def _show(told: "HowFar") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(f"{told.path}  {told.recipe}, begun {told.started}", style="bold"))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("stage", "state", "started", "seconds", "what it said"):
        table.add_column(column)
    for stage in told.stages:
        seconds = "" if stage.seconds is None else f"{stage.seconds}"
        table.add_row(stage.name, stage.state, stage.started, seconds, Text(_said(stage)))
    console.print(table if told.stages else "no stage begun yet")
    for stage in told.stages:
        if stage.cases is not None and stage.state != "done":
            for line in _lines(stage.cases):
                console.print(Text(f"{stage.name}: {line}"))
    if told.metrics:
        console.print(Text("latest: " + ", ".join(f"{key} {value}" for key, value in told.metrics.items())))
    for sentence in told.warnings:
        console.print(Text(f"warning: {sentence}", style="yellow"))


def _said(stage: "StageState") -> str:
    return stage.error or ", ".join(_told(*fact) for fact in stage.facts.items())


def _lines(cases: "Cases") -> list[str]:
    parts = [f"{cases.done} of {cases.total} {cases.noun}s done"]
    parts += [f"{len(cases.running)} running"] if cases.running else []
    parts += [f"{len(cases.failed)} failed"] if cases.failed else []
    parts += [f"{cases.per_hour:.0f} an hour"] if cases.per_hour is not None else []
    parts += [f"{_span(cases.left_s)} left"] if cases.left_s is not None else []
    reasons = Counter(cases.failed.values()).most_common()
    example = {reason: name for name, reason in cases.failed.items()}
    lines = [f"failed {count} ×, as {example[reason]}: {reason}" for reason, count in reasons[:_REASONS]]
    more = [f"and {len(reasons) - _REASONS} more reasons (--json has all)"] if len(reasons) > _REASONS else []
    return [f"{', '.join(parts)} ({cases.engine})", *lines, *more]


def _span(seconds: float) -> str:
    """A time to wait.

    >>> _span(40), _span(400), _span(40000)
    ('40 s', '7 min', '11.1 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _told(name: str, value: object) -> str:
    """A fact of a stage in a few words; of failed cases only how many.

    >>> _told("failed", {"a.mha": "no lungs"}), _told("steps", 2000), _told("validation CPM", 0.123456)
    ('failed 1', 'steps 2000', 'validation CPM 0.1235')
    """
    if isinstance(value, dict | list):
        return f"{name} {len(value)}"
    return f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
