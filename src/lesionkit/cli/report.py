"""`lesionkit report`: write the page of a run again, show several runs side by side, or one scan to scroll through."""

from pathlib import Path
from typing import Annotated

import typer

from lesionkit.cli.options import WithIdentifiers


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Folders that an earlier --out named.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FOLDER", help="Of several runs: where the page goes; default: runs/compared/TIME."
        ),
    ] = None,
    viewer: Annotated[
        str | None,
        typer.Option("--viewer", metavar="CASE", help="CT: a page that scrolls through this scan in three planes."),
    ] = None,
    with_identifiers: WithIdentifiers = False,
) -> None:
    """Write the page of a run again from what lies in its folder; of several runs, a page that shows them side by side.

    Several runs must be of one kind of image and one protocol. Their figures stand beside each other with intervals,
    and with paired differences where images, truth and draws are the same; then their curves, the settings that differ,
    and the same image in all runs. With --viewer, a page of its own scrolls through one scan and its findings; it is
    one file that needs no network.

    Examples:
      lesionkit report runs/first
      lesionkit report runs/first runs/second --out compared
      lesionkit report runs/first --viewer scan-7
    """
    from lesionkit.core.errors import LesionkitError

    if len(runs) > 1:
        if viewer is not None:
            raise LesionkitError(f"--viewer shows a scan of one run, got {len(runs)} runs; name one")
        _compare(runs, out)
        return
    if out is not None:
        raise LesionkitError("--out is for several runs; the page of one run lies in its own folder, so leave it out")
    _again(runs[0], viewer, with_identifiers)


def _again(run: Path, viewer: str | None, with_identifiers: bool) -> None:
    from lesionkit.cli.conclusion import conclude
    from lesionkit.core.errors import LesionkitError
    from lesionkit.recipes import load_recipe
    from lesionkit.runs.old_names import kept_settings
    from lesionkit.runs.run_folder import reopen_run

    with reopen_run(run) as opened:
        opened.with_identifiers = with_identifiers
        chosen = load_recipe(opened.record["recipe"])
        settings = kept_settings(chosen.settings, opened.record["settings"], run)
        if viewer is None:
            summary = chosen.report(opened, settings)
        elif chosen.viewer is None:
            raise LesionkitError(f"{chosen.name} has no page of three planes; leave --viewer out")
        else:
            summary = chosen.viewer(opened, settings, viewer)
    conclude(f"report {run}", summary, opened.path)


def _compare(runs: list[Path], out: Path | None) -> None:
    from datetime import datetime

    from lesionkit.cli.conclusion import conclude
    from lesionkit.recipes.beside import compare_runs

    folder = out or Path("runs/compared") / datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    conclude(f"report {' '.join(map(str, runs))}", compare_runs(runs, folder))
