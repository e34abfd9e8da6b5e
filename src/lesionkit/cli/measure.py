"""`lesionkit measure`: nodules in numbers."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    path: Annotated[
        Path, typer.Argument(metavar="RUN|SCAN", help="Folder that an earlier --out named, or a chest CT.")
    ],
    masks: Annotated[
        Path | None,
        typer.Option(
            "--masks",
            metavar="LABELS",
            help="Volume on the grid of SCAN in which nodules are drawn by any program: one number each, or all 1.",
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Draws the findings of RUN; default: RUN's own, or the shipped ct-nodule-slices.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Where to write; default: RUN/measured.")
    ] = None,
) -> None:
    """Measure nodules of a chest CT: volume, long and short axis, density, texture, calcification, size class.

    Measured are nodules that are drawn in a label map, or the findings of a run above its line as a model
    draws them. Writes measured.html, measurements.csv and .json, and of a run a label map for each scan. Texture, size
    class and category are labels for research.

    Examples:
      lesionkit measure SCAN --masks nodules.nii.gz --out numbers
      lesionkit measure runs/found
      lesionkit measure runs/found --model runs/two-stage
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.core.errors import LesionkitError

    if masks is not None:
        if out is None:
            raise LesionkitError("--out must name the folder to write to; give it beside --masks")
        from lesionkit.recipes.ct.measure import measure_masks

        conclude(f"measure {path}", measure_masks(path, masks, out))
        return
    from lesionkit.recipes import load_recipe
    from lesionkit.runs.old_names import kept_settings
    from lesionkit.runs.run_folder import read_run

    opened = read_run(path)
    name = str(opened.record["recipe"])
    if not name.startswith("ct-"):
        raise LesionkitError(f"nodules of chest CT are measured, but {path} is a run of {name}; see its tables")
    from lesionkit.recipes.ct.measure import measure_run

    settings = kept_settings(load_recipe(name).settings, opened.record["settings"], path)
    conclude(f"measure {path}", measure_run(opened, settings, model, out))
