"""`lesionkit report`: write the page of a run again."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that an earlier --out named.")],
) -> None:
    """Write the page of a run again from what lies in its folder.

    Examples:
      lesionkit report runs/first
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.recipes import load_recipe
    from lesionkit.runs.old_names import kept_settings
    from lesionkit.runs.run_folder import read_run

    opened = read_run(run)
    chosen = load_recipe(opened.record["recipe"])
    settings = kept_settings(chosen.settings, opened.record["settings"], run)
    conclude(f"report {run}", chosen.report(opened, settings), opened.path)
