"""`lesionkit train`: train a model, or fine-tune one."""

from pathlib import Path
from typing import Annotated

import typer

from lesionkit.cli.options import Address, Assign, Config, Data, Engine, Out, RecipeName, Workers


def command(
    recipe: RecipeName,
    data: Data,
    out: Out = None,
    start_from: Annotated[
        Path | None, typer.Option("--from", metavar="MODEL", help="Run folder or model file to fine-tune.")
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option("--batch", metavar="N|auto", help="Patches or images per step; auto (CT): as many as fit."),
    ] = None,
    workers: Workers = None,
    engine: Engine = None,
    address: Address = None,
    config: Config = None,
    assign: Assign = None,
) -> None:
    """Train a recipe's model, or fine-tune one on own cases.

    Cases that are not prepared yet are prepared first. The same command with the same --out resumes.

    Examples:
      lesionkit train ct-nodule DATA --out runs/first --batch auto
      lesionkit train ct-nodule OWN_CASES --from runs/first --out runs/tuned --set learn.steps=300
      lesionkit train xray-pneumothorax DATA --out runs/xray --set learn.minutes=20
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.cli.options import assignments, on_engine
    from lesionkit.recipes import load_recipe
    from lesionkit.runs.run_folder import open_run
    from lesionkit.runs.settings_file import resolve

    chosen = load_recipe(recipe)
    base = chosen.model_settings(start_from) if start_from is not None else chosen.settings()
    settings = resolve(
        base, config or (), assignments(assign, learn__batch=batch, **on_engine(engine, address, workers))
    )
    weights = chosen.shipped_models().get(str(start_from), start_from)
    with open_run(out, chosen.name, settings, {"data": data, "start_from": weights}) as run:
        summary = chosen.train(run, data, settings, start_from)
    conclude(f"train {chosen.name}", summary, run.path)
