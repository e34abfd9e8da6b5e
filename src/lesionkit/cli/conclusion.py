"""The last lines of a verb: what came out, where it lies, what failed."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from lesionkit.recipes.base import Summary

PARTLY_FAILED = 3
ALL_FAILED = 2
_SHOWN_FAILURES = 10


def conclude(title: str, summary: "Summary", folder: Path | None = None) -> None:
    """Print the closing table of a verb and end with the exit code it deserves."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in summary.facts.items():
        table.add_row(Text(name, style="dim"), Text(f"{value:,.4g}" if isinstance(value, float) else str(value)))
    for path in summary.paths:
        table.add_row(Text("written", style="dim"), Text(str(path), style="bold"))
    if folder is not None:
        table.add_row(Text("run folder", style="dim"), Text(str(folder)))
    console.print(table)
    complaints = Console(stderr=True, highlight=False, soft_wrap=True)
    for sentence in summary.warnings:
        complaints.print(Text(f"warning: {sentence}", style="yellow"))
    for case_id, reason in list(summary.failed.items())[:_SHOWN_FAILURES]:
        complaints.print(Text(f"failed: {case_id}: {reason}", style="red"))
    if summary.failed:
        tried = max(summary.cases, len(summary.failed))
        complaints.print(Text(f"{len(summary.failed)} of {tried} cases failed", style="red"))
        raise typer.Exit(ALL_FAILED if len(summary.failed) >= tried else PARTLY_FAILED)
