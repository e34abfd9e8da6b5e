"""The last lines of a verb: what came out, where it lies, what failed."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from lesionkit.recipes.base import Summary

PARTLY_FAILED = 3
ALL_FAILED = 2
_SHOWN = 10


def conclude(title: str, summary: "Summary", folder: Path | None = None) -> None:
    """Print the closing table of a verb and end with the exit code it deserves."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lesionkit.core.names import printable

    console = Console(highlight=False)
    console.print(Text(printable(title), style="italic"), soft_wrap=True)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in summary.facts.items():
        table.add_row(Text(name, style="dim"), Text(f"{value:,.4g}" if isinstance(value, float) else str(value)))
    for path in summary.paths:
        table.add_row(Text("written", style="dim"), Text(str(path), style="bold"))
    if folder is not None:
        table.add_row(Text("run folder", style="dim"), Text(str(folder)))
    console.print(table)
    if summary.conclusion:
        console.print(Text(summary.conclusion, style="bold"), soft_wrap=True)
    complaints = Console(stderr=True, highlight=False, soft_wrap=True)
    list_sentences(complaints, [f"warning: {sentence}" for sentence in summary.warnings], "yellow", "warnings")
    # Sentences of readers begin with the path of the scan, which may be its name here too.
    failed = [reason if case_id in reason else f"{case_id}: {reason}" for case_id, reason in summary.failed.items()]
    list_sentences(complaints, [f"failed: {sentence}" for sentence in failed], "red", "failures")
    if summary.failed:
        tried = max(summary.cases, len(summary.failed))
        complaints.print(Text(f"{len(summary.failed)} of {tried} cases failed", style="red"))
        raise typer.Exit(ALL_FAILED if len(summary.failed) >= tried else PARTLY_FAILED)


def list_sentences(
    console: "Console", sentences: list[str], style: str, kind: str, all_in: str = "what was written"
) -> None:
    """The first sentences, and how many more there are and where they stand."""
    from rich.text import Text

    for sentence in sentences[:_SHOWN]:
        console.print(Text(sentence, style=style))
    if len(sentences) > _SHOWN:
        more = f"… and {len(sentences) - _SHOWN} more {kind}; {all_in} names them all"
        console.print(Text(more, style=style))
