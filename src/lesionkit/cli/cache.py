"""`lesionkit cache`: the store of prepared cases and pictures."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)

Root: TypeAlias = Annotated[
    Path | None,
    typer.Option("--root", metavar="FOLDER", help="Where it lies; default: LESIONKIT_CACHE, else ~/.cache/lesionkit."),
]


@app.callback()
def _group() -> None:
    """List, check or empty the store of prepared scans and radiographs.

    Examples:
      lesionkit cache ls
      lesionkit cache verify --remove
    """


@app.command()
def ls(root: Root = None) -> None:
    """List the prepared scans, the sets of prepared radiographs, and their sizes.

    Examples:
      lesionkit cache ls
    """
    from rich.console import Console
    from rich.table import Table

    from lesionkit.core.cache_root import cache_root
    from lesionkit.prepare.picture_store import PictureStore
    from lesionkit.prepare.store import Store

    folder = root or cache_root()
    cases, pictures = Store(folder).ls(), PictureStore(folder).ls()
    scans = Table("case", "patient", "MB on disk", "MB in memory", "key", box=None, header_style="dim")
    for case in cases:
        sizes = (f"{case.size_bytes / 1e6:.1f}", f"{case.raw_bytes / 1e6:.1f}")
        scans.add_row(case.case_id, case.patient_id, *sizes, case.key)
    radiographs = Table("radiographs", "prepared", "pixels per side", "MB on disk", "key", box=None, header_style="dim")
    for one in pictures:
        numbers = (str(one.count), str(one.finished), str(one.side))
        radiographs.add_row(*numbers, f"{one.size_bytes / 1e6:.1f}", one.key)
    console = Console(highlight=False)
    for table in (scans, radiographs):
        if table.row_count:
            console.print(table)
    total = (sum(case.size_bytes for case in cases) + sum(one.size_bytes for one in pictures)) / 1e6
    console.print(f"{_counted(len(cases), len(pictures))}, {total:.1f} MB in {folder}", soft_wrap=True)


@app.command()
def verify(
    root: Root = None,
    remove: Annotated[bool, typer.Option("--remove", help="Delete the damaged ones; they are prepared again.")] = False,
) -> None:
    """Compare the checksums of all that is prepared; exit code 3 where some are damaged.

    Examples:
      lesionkit cache verify
      lesionkit cache verify --remove
    """
    from lesionkit.cli.conclusion import PARTLY_FAILED
    from lesionkit.core.cache_root import cache_root
    from lesionkit.prepare.picture_store import PictureStore
    from lesionkit.prepare.store import Store

    folder = root or cache_root()
    cases, pictures = Store(folder), PictureStore(folder)
    listed = _counted(len(cases.ls()), len(pictures.ls()))
    damaged = [*cases.verify(remove).items(), *pictures.verify(remove).items()]
    for key, damage in damaged:
        typer.echo(f"damaged: {key}: {damage}{' (removed)' if remove else ''}", err=True)
    typer.echo(f"{len(damaged)} damaged; listed are {listed} in {folder}")
    if damaged and not remove:
        raise typer.Exit(PARTLY_FAILED)


@app.command()
def clear(
    root: Root = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
) -> None:
    """Delete all that is prepared; other files in the folder stay.

    Examples:
      lesionkit cache clear --yes
    """
    from lesionkit.core.cache_root import cache_root
    from lesionkit.prepare.picture_store import PictureStore
    from lesionkit.prepare.store import Store

    folder = root or cache_root()
    cases, pictures = Store(folder), PictureStore(folder)
    counts = len(cases.ls()), len(pictures.ls())
    if not yes and any(counts):
        typer.confirm(f"Delete {_counted(*counts)} in {folder}?", abort=True)
    typer.echo(f"freed {(cases.clear() + pictures.clear()) / 1e6:.1f} MB in {folder}")


def _counted(cases: int, pictures: int) -> str:
    scans = f"{cases} prepared case{'' if cases == 1 else 's'}"
    return f"{scans} and {pictures} set{'' if pictures == 1 else 's'} of radiographs"
