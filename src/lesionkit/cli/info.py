"""`lesionkit info`: what would be read of a file or folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from lesionkit.read.inventory import Told


def command(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A scan, radiograph or slide, or a folder of many.")],
    truth: Annotated[
        Path | None, typer.Option("--truth", metavar="FILE", help="Table of lesions; default: beside the scans.")
    ] = None,
    allow_gaps: Annotated[
        bool, typer.Option("--allow-gaps", help="Interpolate missing slices instead of refusing the scan.")
    ] = False,
    mpp: Annotated[float | None, typer.Option("--mpp", help="µm per pixel of slides that do not say it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Tell what would be read of a file or folder, without a run: kind, series, size, spacing, truth, what is wrong.

    Headers are read, pixels are not. The exit code is 3 where some images cannot be used, and 2 where none can.

    Examples:
      lesionkit info SCAN
      lesionkit info FOLDER --json
    """
    import json

    from lesionkit.cli.conclusion import ALL_FAILED, PARTLY_FAILED
    from lesionkit.read.inventory import tell
    from lesionkit.read.options import ScanOptions

    told = tell(path, truth, ScanOptions(allow_gaps=allow_gaps), mpp)
    if as_json:
        typer.echo(json.dumps(told.as_json(), indent=2, default=str))
    else:
        _show(told)
    usable = len(told.cases) - len(told.failed)
    if told.failed or not usable:
        raise typer.Exit(PARTLY_FAILED if usable else ALL_FAILED)


def _show(told: "Told") -> None:
    from rich.console import Console
    from rich.text import Text

    from lesionkit.cli.conclusion import list_sentences

    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"info {told.path}", style="italic"))
    (_one if len(told.cases) == 1 else _many)(console, told)
    for source in told.sources:
        console.print(Text(f"truth: {source}"))
    others = [f"passed over: {other.path} ({other.case_id}): {other.failure}" for other in told.others]
    list_sentences(console, others, "dim", "that were passed over", "--json")
    complaints = Console(stderr=True, highlight=False, soft_wrap=True)
    odd = [f"warning: {case.case_id}: {sentence}" for case in told.cases for sentence in case.warnings]
    odd += [f"warning: {sentence}" for sentence in told.problems]
    list_sentences(complaints, odd, "yellow", "warnings", "--json")
    failed = [f"failed: {reason}" for reason in told.failed.values()]
    list_sentences(complaints, failed, "red", "failures", "--json")


def _one(console: "Console", told: "Told") -> None:
    from rich.table import Table
    from rich.text import Text

    from lesionkit.read.inventory import RECIPES, lines_of

    case = told.cases[0]
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    truth = told.truth.get((case.path, case.case_id), "")
    for name, words in (*lines_of(case), ("truth", truth), ("recipe", RECIPES.get(case.kind, ""))):
        if words:
            table.add_row(Text(name, style="dim"), Text(words))
    console.print(table)


def _many(console: "Console", told: "Told") -> None:
    from rich.table import Table
    from rich.text import Text

    from lesionkit.read.inventory import lines_of

    columns = ("kind", "case", "size", "spacing", "µm per pixel", "orientation")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in (*columns, "truth", ""):
        table.add_column(name, overflow="fold")
    for case in told.cases:
        lines = dict(lines_of(case))
        known = told.truth.get((case.path, case.case_id), "")
        state = Text("cannot be used", style="red") if case.failure else Text("")
        table.add_row(*(Text(lines.get(name, "")) for name in columns), Text(known), state)
    console.print(table)
