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
    devices: Annotated[
        int | None, typer.Option("--devices", min=1, metavar="N", help="Devices of each machine that train together.")
    ] = None,
    num_nodes: Annotated[
        int | None, typer.Option("--num-nodes", min=1, metavar="M", help="Machines, each with a torchrun.")
    ] = None,
    workers: Workers = None,
    engine: Engine = None,
    address: Address = None,
    config: Config = None,
    assign: Assign = None,
) -> None:
    """Train a recipe's model, or fine-tune one on own cases.

    Cases that are not prepared yet are prepared first. The same command with the same --out resumes. On several devices
    each has a batch of its own. Begun by torchrun, the first process leads and the others train along.

    Examples:
      lesionkit train ct-nodule DATA --out runs/first --batch auto
      lesionkit train ct-nodule OWN_CASES --from runs/first --out runs/tuned --set learn.steps=300
      lesionkit train xray-pneumothorax DATA --out runs/xray --set learn.minutes=20
      torchrun --nproc-per-node 2 -m lesionkit train ct-nodule DATA --out runs/two
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.cli.options import assignments, on_engine
    from lesionkit.learn.launch import devices_in_all, launched
    from lesionkit.recipes import load_recipe
    from lesionkit.runs.run_folder import open_run
    from lesionkit.runs.settings_file import resolve

    together = devices_in_all(devices, num_nodes)
    launch = launched()
    if launch is not None and launch.rank > 0:
        _train_along()
        return
    chosen = load_recipe(recipe)
    base = chosen.model_settings(start_from) if start_from is not None else chosen.settings()
    given = assignments(assign, learn__batch=batch, learn__devices=together, **on_engine(engine, address, workers))
    settings = resolve(base, config or (), given)
    weights = chosen.shipped_models().get(str(start_from), start_from)
    with open_run(out, chosen.name, settings, {"data": data, "start_from": weights}) as run:
        summary = chosen.train(run, data, settings, start_from)
    if launch is not None:
        _let_go()
    conclude(f"train {chosen.name}", summary, run.path)


def _train_along() -> None:
    from lesionkit.learn.devices import serve

    serve()


def _let_go() -> None:
    from lesionkit.learn.devices import release

    release()
