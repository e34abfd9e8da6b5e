"""`lesionkit status`: how far a run is."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that an --out named; it may still be running.")],
) -> None:
    """Show how far a run is: stages, times, latest metrics, warnings.

    Examples:
      lesionkit status runs/first
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lesionkit.runs.run_folder import live_stage, read_run

    opened = read_run(run)
    record, live = opened.record, live_stage(opened)
    console = Console(highlight=False)
    console.print(Text(f"{opened.path}  {record['recipe']}, begun {record['started']}", style="bold"))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("stage", "state", "started", "seconds", "what it said"):
        table.add_column(column)
    for name, stage in record["stages"].items():
        state = "interrupted" if stage["state"] == "running" and name != live else stage["state"]
        said = (state != "interrupted" and stage.get("error")) or ", ".join(
            _told(*fact) for fact in stage.get("facts", {}).items()
        )
        table.add_row(name, state, stage["started"], f"{stage.get('seconds', '')}", Text(said))
    console.print(table if record["stages"] else "no stage begun yet")
    if record["metrics"]:
        console.print(Text("latest: " + ", ".join(f"{key} {value}" for key, value in record["metrics"].items())))
    for sentence in opened.warnings:
        console.print(Text(f"warning: {sentence}", style="yellow"))


def _told(name: str, value: object) -> str:
    """A fact of a stage in a few words; of failed cases only how many.

    >>> _told("failed", {"a.mha": "no lungs"}), _told("steps", 2000), _told("validation CPM", 0.123456)
    ('failed 1', 'steps 2000', 'validation CPM 0.1235')
    """
    if isinstance(value, dict | list):
        return f"{name} {len(value)}"
    return f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
