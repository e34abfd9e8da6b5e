"""`lesionkit view`: a page to work in."""

from pathlib import Path
from typing import Annotated

import typer

from lesionkit.cli.options import Images, Reader


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that an earlier --out named.")],
    reader: Reader = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="To serve at; 0: a free one.")] = 0,
    images: Images = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser of this machine.")] = False,
) -> None:
    """Review the findings of a run on a page: scroll, jump from finding to finding, accept, reject, add, redraw, note.

    The page is served to this machine alone, at an address that holds a random token, until Ctrl-C. Every decision is
    kept at once in RUN/review/decisions.sqlite with reader and time, and none is ever changed. Several readers may work
    on one run, each under a name. Research use only; not a medical device.

    Examples:
      lesionkit view runs/first
      lesionkit view runs/first --reader ann --images /mnt/scans
    """
    from lesionkit.cli.options import reader_name
    from lesionkit.recipes import load_recipe
    from lesionkit.recipes.base import ReviewRequest
    from lesionkit.review.server.serve import serve
    from lesionkit.runs.old_names import kept_settings
    from lesionkit.runs.run_folder import read_run

    opened = read_run(run)
    chosen = load_recipe(opened.record["recipe"])
    settings = kept_settings(chosen.settings, opened.record["settings"], run)
    session, missing = chosen.reviewed.open(opened, ReviewRequest(reader_name(reader), images), settings)
    for sentence in missing[:10]:
        typer.echo(f"warning: {sentence}", err=True)

    def say(address: str) -> None:
        count = len(session.sheets)
        typer.echo(f"{count} {session.noun}{'' if count == 1 else 's'} of {run}, reader {session.reader}")
        typer.echo(f"open {address}")
        typer.echo("Ctrl-C ends; every decision is kept already")
        if open_browser:
            import webbrowser

            webbrowser.open(address)

    serve(session, port, say)
