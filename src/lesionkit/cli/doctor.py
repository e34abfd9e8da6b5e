"""`lesionkit doctor`: is this machine fit."""

from typing import Annotated

import typer

from lesionkit.cli.cache import Root

_BAD = 3


def command(
    root: Root = None,
    patch: Annotated[int, typer.Option("--patch", min=1, help="Side of the cubes training reads, in samples.")] = 64,
    demand: Annotated[float, typer.Option("--demand", help="Patches a second that training eats.")] = 20.0,
) -> None:
    """Check whether this machine is fit for finding and training.

    Looks at versions, processor, graphics card, memory, disk, the speed of reading prepared cases, and the models
    that are shipped. The exit code is 3 where something will not work.

    Examples:
      lesionkit doctor
      lesionkit doctor --patch 96 --demand 500
    """
    from rich.console import Console
    from rich.text import Text

    from lesionkit.core.cache_root import cache_root
    from lesionkit.recipes.doctor import DoctorSettings, examine

    settings = DoctorSettings.parse({"patch": patch, "demand_patches_per_s": demand})
    colours = {"ok": "green", "note": "yellow", "bad": "red"}
    console = Console(highlight=False, soft_wrap=True)
    verdicts = set()
    for finding in examine(root or cache_root(), settings):
        line = Text(f"{finding.verdict:5}", style=colours[finding.verdict]) + Text(f"{finding.name:15}{finding.value}")
        console.print(line)
        if finding.advice:
            console.print(Text(f"{'':20}{finding.advice}", style="dim"))
        verdicts.add(finding.verdict)
    if "bad" in verdicts:
        raise typer.Exit(_BAD)
