"""`lesionkit models`: which models are here, and what one says of itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from lesionkit.recipes.models import ToldModel


class NamedOrVerb(TyperGroup):
    """A group in which a word that is no verb of it is the name of a model to show: `lesionkit models NAME`."""

    # The types of a context differ between the ranges of typer that we accept.
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """See the class."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["show", *args])


app = typer.Typer(cls=NamedOrVerb, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@app.callback(invoke_without_command=True)
def listing(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Option("--in", metavar="FOLDER", help="Where trained ones are; default: runs/, if there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the models there are, shipped and trained; with a NAME, show its card.

    Headers are read, weights are not. The digest is the SHA-256 of the model's files. A model "tells foreign" input
    that can say how unlike an image is to those it learned from.

    Examples:
      lesionkit models
      lesionkit models ct-nodule
      lesionkit models --in runs --json
    """
    if context.invoked_subcommand is not None:
        return
    import json

    from lesionkit.recipes.models import listed_models

    models = listed_models(folder)
    if as_json:
        typer.echo(json.dumps([model.as_json() for model in models], indent=2))
    else:
        _list(models)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of a shipped model; or a run folder or model file.")],
    as_json: AsJson = False,
) -> None:
    """Show the card of a model.

    Examples:
      lesionkit models show ct-nodule
      lesionkit models runs/first --json
    """
    import json

    from lesionkit.recipes.models import named_model, written_card

    model = named_model(name)
    if as_json:
        typer.echo(json.dumps({**model.as_json(), "card": model.card}, indent=2))
        return
    _show(model)
    written = written_card(model)
    if written is not None:
        typer.echo(f"\n{written.rstrip()}")
        return
    told = {key: value for key, value in model.card.items() if key not in ("settings", "nets", "format")}
    typer.echo(f"\n{json.dumps(told, indent=1)}")


@app.command()
def add(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A MONAI bundle (folder or zip), or a lesionkit.yaml.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What --model takes; default: the bundle's folder.")
    ] = None,
) -> None:
    """Check a model that others trained, and remember it under a name.

    Its config is read, its weights are loaded and must fit; nothing that it may hold is run. What it needs is copied
    below LESIONKIT_CACHE, so that the download may go. Where to get bundles, and under which licences: docs/models.md.

    Examples:
      lesionkit models add lung_nodule_ct_detection_v0.6.8.zip
      lesionkit models add mine/lesionkit.yaml --name mine
    """
    from lesionkit.recipes.add_model import add_model

    added = add_model(path, name)
    _show(added)
    typer.echo(f"\nuse it with: lesionkit find INPUT --recipe {added.recipe} --model {added.name}")


def _list(models: "list[ToldModel]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns = ("MB", "digest", "licence", "learned from", "points", "foreign")
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("model", overflow="fold", min_width=18)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in ("MB", "digest", "points"))
    for model in models:
        told = dict(_told(model))
        name = Text(model.name).append(f"\n{model.recipe or 'model'}, {model.origin}", style="dim")
        if model.problem:
            table.add_row(name, "", Text("cannot be used", style="red"))
            continue
        points = {"points": str(len(model.operating_points) or "none")}
        table.add_row(name, *(Text((told | points)[column]) for column in columns))
    Console(highlight=False).print(table)
    complaints = Console(stderr=True, highlight=False, soft_wrap=True)
    for model in models:
        if model.problem:
            complaints.print(Text(f"failed: {model.problem}", style="red"))


def _show(model: "ToldModel") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    rows = {**dict(_told(model)), "digest": model.sha256}
    for name, words in (*rows.items(), *(("file", str(file)) for file in model.files)):
        table.add_row(Text(name, style="dim"), Text(words))
    Console(highlight=False).print(table)


def _told(model: "ToldModel") -> list[tuple[str, str]]:
    return [
        ("model", model.name),
        ("recipe", model.recipe),
        ("from", model.origin),
        ("MB", f"{model.bytes / 1e6:.1f}"),
        ("digest", model.sha256[:12]),
        ("licence", model.licence or "not told"),
        ("learned from", model.learned_from or "not told"),
        ("operating points", ", ".join(model.operating_points) or "none"),
        ("foreign", "told" if model.tells_foreign else "not told"),
    ]
