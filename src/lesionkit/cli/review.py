"""`lesionkit review`: the decisions of readers as truth, and how far they agree."""

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from lesionkit.cli.options import Images

app = typer.Typer(
    help="The decisions that readers made on the page of lesionkit view. Start with 'lesionkit review export RUN'.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Run: TypeAlias = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run that was reviewed.")]


@app.command()
def export(
    run: Run,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="truth: a data set that lesionkit train takes; or a format of lesionkit export: luna16, dicom-seg, "
            "coco, geojson …",
        ),
    ] = "truth",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="New or empty; default: RUN/review/FORMAT.")
    ] = None,
    reader: Annotated[
        list[str] | None, typer.Option("--reader", metavar="NAME", help="Whose decisions count; repeatable; all.")
    ] = None,
    images: Images = None,
) -> None:
    """Write what readers hold to be true, of every image that one of them finished.

    A finding is a lesion where more than half of the readers who finished its image accept it. What nobody decided on,
    or readers are of two minds about, counts neither way: of a CT it is excluded, a radiograph or a slide with it is
    left out and named. Images are linked, not copied; provenance.json holds every decision.

    Examples:
      lesionkit review export runs/first --out corrected
      lesionkit train ct-nodule corrected --from runs/first --out runs/second
      lesionkit review export runs/first --to dicom-seg --reader ann
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.recipes.base import TruthRequest

    chosen, opened, settings = _opened(run)
    request = TruthRequest(to, out, tuple(reader or ()), images)
    conclude(f"review export {run} to {to}", chosen.reviewed.export(opened, request, settings))


@app.command()
def agreement(
    run: Run, as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False
) -> None:
    """Show how far readers agree: kappas, and the findings on which they do not.

    Counted are images that all readers finished, and on them the places that at least one decided on.

    Examples:
      lesionkit review agreement runs/first
    """
    import json

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    chosen, opened, settings = _opened(run)
    told = chosen.reviewed.agreement(opened, settings)
    if as_json:
        typer.echo(json.dumps(told, indent=1))
        return
    console = Console(highlight=False)
    console.print(Text(f"readers who finished an image: {', '.join(told['readers']) or 'none yet'}"), soft_wrap=True)
    for name, value in told["figures"].items():
        console.print(Text(f"{name}: {value}"), soft_wrap=True)
    apart = [place for place in told["places"] if len(set(place["answers"].values())) > 1]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("image", "finding", *told["readers"]):
        table.add_column(column)
    for place in apart:
        answers = [place["answers"][reader] for reader in told["readers"]]
        table.add_row(*map(Text, (place["case_id"], f"{place['how']} {place['finding_id']}", *answers)))
    if apart:
        console.print(table)


def _opened(run: Path) -> tuple[Any, Any, Any]:
    """The recipe of a run, the run, and its settings."""
    from lesionkit.recipes import load_recipe
    from lesionkit.runs.old_names import kept_settings
    from lesionkit.runs.run_folder import read_run

    opened = read_run(run)
    chosen = load_recipe(opened.record["recipe"])
    return chosen, opened, kept_settings(chosen.settings, opened.record["settings"], run)
