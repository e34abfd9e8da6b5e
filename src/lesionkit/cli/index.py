"""`lesionkit index`: one table of a data set."""

from pathlib import Path
from typing import Annotated

import typer

from lesionkit.cli.options import Address, Assign, Config, Data, Engine, RecipeOption, Workers


def command(
    data: Data,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Parquet file to write.")] = Path(
        "catalogue.parquet"
    ),
    recipe: RecipeOption = "ct-nodule",
    workers: Workers = None,
    engine: Engine = None,
    address: Address = None,
    config: Config = None,
    assign: Assign = None,
) -> None:
    """Write one table of a data set, a row per case.

    Of CTs it tells ids, path, shape, spacing, origin, lesions, lung cover ratio, time, and why a case failed; of
    radiographs ids, path, shape, area of the lesion, label, lungs, and why one cannot be used; of slides ids, path,
    label, µm per pixel, levels, and why a slide cannot be used.

    Examples:
      lesionkit index DATA --out catalogue.parquet
      lesionkit index SLIDES --recipe slide-metastasis
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.cli.options import assignments, on_engine
    from lesionkit.recipes import load_recipe
    from lesionkit.runs.settings_file import resolve

    chosen = load_recipe(recipe)
    settings = resolve(chosen.settings(), config or (), assignments(assign, **on_engine(engine, address, workers)))
    conclude(f"index {data}", chosen.index(data, out, settings))
