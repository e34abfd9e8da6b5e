"""`lesionkit cache`: the store of prepared cases."""

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
    """List, check or empty the store of prepared cases.

    Examples:
      lesionkit cache ls
      lesionkit cache verify --remove
    """


@app.command()
def ls(root: Root = None) -> None:
    """List the prepared cases and their sizes.

    Examples:
      lesionkit cache ls
    """
    from rich.console import Console
    from rich.table import Table

    from lesionkit.prepare.store import Store
    from lesionkit.recipes.cache import cache_root

    store = Store(root or cache_root())
    entries = store.ls()
    table = Table("case", "patient", "MB on disk", "MB in memory", "key", box=None, header_style="dim")
    for entry in entries:
        sizes = (f"{entry.size_bytes / 1e6:.1f}", f"{entry.raw_bytes / 1e6:.1f}")
        table.add_row(entry.case_id, entry.patient_id, *sizes, entry.key)
    console = Console(highlight=False)
    if entries:
        console.print(table)
    total = sum(entry.size_bytes for entry in entries) / 1e6
    console.print(f"{len(entries)} prepared cases, {total:.1f} MB in {store.root}", soft_wrap=True)


@app.command()
def verify(
    root: Root = None,
    remove: Annotated[bool, typer.Option("--remove", help="Delete the damaged ones; they are prepared again.")] = False,
) -> None:
    """Compare the checksums of all prepared cases; exit code 3 where some are damaged.

    Examples:
      lesionkit cache verify
      lesionkit cache verify --remove
    """
    from lesionkit.cli.conclusion import PARTLY_FAILED
    from lesionkit.prepare.store import Store
    from lesionkit.recipes.cache import cache_root

    store = Store(root or cache_root())
    count = len(store.ls())
    damaged = store.verify(remove)
    for key, damage in damaged.items():
        typer.echo(f"damaged: {key}: {damage}{' (removed)' if remove else ''}", err=True)
    typer.echo(f"{len(damaged)} damaged, {count} listed in {store.root}")
    if damaged and not remove:
        raise typer.Exit(PARTLY_FAILED)


@app.command()
def clear(
    root: Root = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
) -> None:
    """Delete all prepared cases; other files in the folder stay.

    Examples:
      lesionkit cache clear --yes
    """
    from lesionkit.prepare.store import Store
    from lesionkit.recipes.cache import cache_root

    store = Store(root or cache_root())
    count = len(store.ls())
    if not yes and count:
        typer.confirm(f"Delete {count} prepared cases in {store.root}?", abort=True)
    typer.echo(f"freed {store.clear() / 1e6:.1f} MB in {store.root}")
