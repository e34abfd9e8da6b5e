"""`lesionkit find`: candidates, pictures and a page of one scan or many."""

from pathlib import Path
from typing import Annotated

import typer

from lesionkit.cli.options import Assign, Config, Out, RecipeOption, Workers


def command(
    scan: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT", help="DICOM folder, .mhd, .mha, .nii(.gz) or .nrrd; or a folder of many scans."
        ),
    ],
    out: Out = None,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="RUN", help="Run folder or model file; default: the shipped one.")
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth", metavar="CSV", help="annotations.csv to mark hits and misses; default: beside the scans."
        ),
    ] = None,
    series: Annotated[
        str | None, typer.Option("--series", metavar="UID", help="Which series of a DICOM folder that holds several.")
    ] = None,
    allow_gaps: Annotated[
        bool, typer.Option("--allow-gaps", help="Interpolate missing slices instead of refusing the scan.")
    ] = False,
    recipe: RecipeOption = "ct-nodule",
    workers: Workers = None,
    config: Config = None,
    assign: Assign = None,
) -> None:
    """Find the lesions of one scan or many, and show them.

    Writes a ranked table in world millimetres, a picture of each candidate, and a page to show around. In a folder
    of many scans one that cannot be read is reported and the rest go on; the exit code is then 3.

    Examples:
      lesionkit find SCAN --out RUN
      lesionkit find SCANS --model runs/first --truth annotations.csv
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.cli.options import assignments
    from lesionkit.recipes import load_recipe
    from lesionkit.recipes.base import FindRequest
    from lesionkit.recipes.run_folder import open_run
    from lesionkit.recipes.settings_file import resolve

    chosen = load_recipe(recipe)
    given = assignments(
        assign, read__series=series, read__allow_gaps=True if allow_gaps else None, engine__workers=workers
    )
    settings = resolve(chosen.model_settings(model), config or (), given)
    # The weights by content, also of a shipped model: another version of it makes another run.
    weights = chosen.shipped_models().get(str(model or chosen.name), model)
    inputs = {"input": scan, "model": weights, "truth": truth}
    with open_run(out, chosen.name, settings, inputs) as run:
        summary = chosen.find(run, FindRequest(scan, model, truth), settings)
    conclude(f"find {scan}", summary, run.path)
