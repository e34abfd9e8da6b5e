"""`lesionkit sweep`: search settings within a budget."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lesionkit.cli.options import Assign, Config, Data, Out, RecipeName, Workers

if TYPE_CHECKING:
    from lesionkit.recipes.sweep import Trial

_SHOWN = 10


def command(
    recipe: RecipeName,
    data: Data,
    search: Annotated[
        list[str],
        typer.Option("--search", metavar="STAGE.FIELD=RANGE", help="loguniform(a,b), uniform, int, logint; or a,b,c."),
    ],
    out: Out = None,
    trials: Annotated[int, typer.Option("--trials", min=1, help="Trials at most, those of earlier sittings too.")] = 12,
    minutes: Annotated[float, typer.Option("--minutes", help="Time of all trials together.")] = 60.0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed tries the same values.")] = 0,
    workers: Workers = None,
    config: Config = None,
    assign: Assign = None,
) -> None:
    """Search settings within a budget, by successive halving.

    Trials that fall behind are stopped early. The same command with the same --out goes on, also with a larger
    budget. Writes sweep.html, trials.csv, curves.csv and best.yaml, which is usable as --config.

    Examples:
      lesionkit sweep ct-nodule DATA --out runs/sweep --search 'learn.rate=loguniform(1e-4,1e-2)' --minutes 30
      lesionkit train ct-nodule DATA --config runs/sweep/best.yaml
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.cli.options import assignments
    from lesionkit.recipes import load_recipe
    from lesionkit.recipes.base import Summary
    from lesionkit.recipes.sweep import SweepSettings, sweep
    from lesionkit.runs.run_folder import open_run
    from lesionkit.runs.search_ranges import parse_search
    from lesionkit.runs.settings_file import resolve

    chosen = load_recipe(recipe)
    base = resolve(chosen.settings(), config or (), assignments(assign, engine__workers=workers))
    searches = [parse_search(base, text) for text in search]
    budget = SweepSettings.parse({"trials": trials, "minutes": minutes, "seed": seed})
    inputs: dict[str, Path | str | None] = {"data": data, "search": "; ".join(sorted(search)), "seed": str(seed)}
    with open_run(out, chosen.name, base, inputs) as run:
        tried = sweep(run, chosen, data, base, searches, budget)
    _show(tried)
    written = [run.path / name for name in ("sweep.html", "best.yaml", "trials.csv", "curves.csv")]
    failed = {f"trial {trial.number}": trial.error for trial in tried if trial.state == "failed"}
    summary = Summary({"trials": len(tried)}, tuple(p for p in written if p.exists()), failed, cases=len(tried))
    conclude(f"sweep {chosen.name}", summary, run.path)


def _show(trials: "tuple[Trial, ...]") -> None:
    from rich.console import Console
    from rich.table import Table

    names = list(dict.fromkeys(name for trial in trials for name in trial.values))
    table = Table("trial", "state", "value", "steps", "seconds", *names, box=None, header_style="dim")
    for trial in trials[:_SHOWN]:
        value = "" if trial.value is None else f"{trial.value:.4g}"
        tried = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in (trial.values.get(n, "") for n in names)]
        table.add_row(str(trial.number), trial.state, value, str(len(trial.curve)), f"{trial.seconds:.1f}", *tried)
    Console(highlight=False).print(table)
