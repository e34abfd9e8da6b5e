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
    from lesionkit.runs.run_folder import reopen_run

    with reopen_run(run) as opened:
        chosen = load_recipe(opened.record["recipe"])
        summary = chosen.report(opened, kept_settings(chosen.settings, opened.record["settings"], run))
    conclude(f"report {run}", summary, opened.path)
