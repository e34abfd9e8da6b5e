"""`lesionkit recipes`: the list, and one commented file with every setting."""

from typing import Annotated

import typer

from lesionkit.cli.options import Assign, Config, RecipeName

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def listing(context: typer.Context) -> None:
    """List the recipes, or show one.

    Examples:
      lesionkit recipes
      lesionkit recipes show ct-nodule > my.yaml
    """
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table

    from lesionkit.recipes import RECIPES, describe_recipe

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name in RECIPES:
        table.add_row(name, describe_recipe(name))
    Console(highlight=False).print(table)


@app.command()
def show(
    name: RecipeName,
    model: Annotated[
        str | None, typer.Option("--model", metavar="RUN", help="Show the settings of this model; default: published.")
    ] = None,
    config: Config = None,
    assign: Assign = None,
) -> None:
    """Print every setting of a recipe as one commented YAML file, usable as --config.

    Examples:
      lesionkit recipes show ct-nodule > my.yaml
      lesionkit recipes show ct-nodule --set learn.steps=300
    """
    from pathlib import Path

    from lesionkit.recipes import load_recipe
    from lesionkit.runs.settings_file import resolve, show

    recipe = load_recipe(name)
    base = recipe.settings() if model is None else recipe.model_settings(Path(model))
    title = (
        f"Every setting of the recipe {recipe.name}: {recipe.summary}\nChange what you need and pass it as --config."
    )
    typer.echo(show(resolve(base, config or (), assign or ()), title), nl=False)
