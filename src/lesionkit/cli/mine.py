"""`lesionkit mine`: what a training in rounds got wrong on its own training images."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run that trained in rounds (learn.rounds).")],
    number: Annotated[
        int | None, typer.Option("--round", min=1, metavar="N", help="After which round was mined; default: the last.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE.csv", help="Table to write; default: only tell.")
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Write a page beside the table, with a small picture of each place.")
    ] = False,
) -> None:
    """Write what a run mined between its rounds: places in training images, each with its round, score and kind.

    Kinds are "false positive", and of true lesions "missed", "weak" and "easy". The table may be read by a person, rows
    taken out, and shown to another training with --set mine.also=FILE.csv. Recipes of chest CT have such rounds.

    Examples:
      lesionkit run ct-nodule DATA --set learn.rounds=3 --out runs/rounds
      lesionkit mine runs/rounds --round 1 --out hard.csv --pictures
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.core.errors import LesionkitError
    from lesionkit.recipes import load_recipe
    from lesionkit.recipes.base import MineRequest
    from lesionkit.runs.old_names import kept_settings
    from lesionkit.runs.run_folder import read_run

    opened = read_run(run)
    chosen = load_recipe(opened.record["recipe"])
    if chosen.mine is None:
        raise LesionkitError(f"{run} must be of a recipe that is trained in rounds of mining, but {chosen.name} is not")
    settings = kept_settings(chosen.settings, opened.record["settings"], run)
    conclude(f"mine {run}", chosen.mine(opened, MineRequest(number, out, pictures), settings))
