"""`lesionkit prepare`: fill the store with prepared cases."""

from typing import Annotated

import typer

from lesionkit.cli.options import Address, Assign, Config, Data, Engine, Out, RecipeOption, Workers


def command(
    data: Data,
    out: Out = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="CT: also write a page of lung cuts, the oddest cases first.")
    ] = False,
    recipe: RecipeOption = "ct-nodule",
    workers: Workers = None,
    engine: Engine = None,
    address: Address = None,
    config: Config = None,
    assign: Assign = None,
) -> None:
    """Prepare every case of a data set and keep it in the cache.

    Prepared is a CT that is upright, evenly spaced, its lungs found, cropped. Radiographs and their masks are brought
    to the size that networks see, cut to the lungs where the recipe does so. Of slides tissue and patches are found and
    kept in the run folder, with statistics.html. What is there already is not done again.

    Examples:
      lesionkit prepare DATA --preview --out runs/first
      lesionkit prepare DATA --set prepare.lung.preset=threshold
      lesionkit prepare RADIOGRAPHS --recipe xray-pneumothorax
      lesionkit prepare SLIDES --recipe slide-metastasis --out runs/slides
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.cli.options import assignments, on_engine
    from lesionkit.recipes import load_recipe
    from lesionkit.runs.run_folder import open_run
    from lesionkit.runs.settings_file import resolve

    chosen = load_recipe(recipe)
    settings = resolve(chosen.settings(), config or (), assignments(assign, **on_engine(engine, address, workers)))
    with open_run(out, chosen.name, settings, {"data": data}) as run:
        summary = chosen.prepare(run, data, settings, preview)
    conclude(f"prepare {data}", summary, run.path)
