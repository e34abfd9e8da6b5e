"""`lesionkit export`: the findings of a run as files of another program."""

from pathlib import Path
from typing import Annotated

import typer

from lesionkit.cli.options import WithIdentifiers


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that an earlier --out named.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="dicom-seg, dicom-labelmap, dicom-sr, dicom-ann, nifti, slicer-markups, luna16, rle-kaggle, coco, "
            "geojson, qupath-project, ome-zarr, ome-tiff or onnx; one that makes no sense names those that do.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="New or empty; default: RUN/export/FORMAT.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="NAME|0..1|all",
            help="What is exported: findings above an operating point of the model or a threshold; default: above the "
            "line of the page.",
        ),
    ] = None,
    with_identifiers: WithIdentifiers = False,
) -> None:
    """Write the findings of a run as files that other programs open.

    What was found is read from the records of the run; images are read again where a format refers to them or shows
    them. An image that was no DICOM is written as a derived series first where a format needs one; findings of a
    slide go to DICOM only where the slide is DICOM.

    Examples:
      lesionkit export runs/first --to dicom-seg
      lesionkit export runs/first --to dicom-sr --at 0.5 --out for-the-pacs
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.recipes import load_recipe
    from lesionkit.recipes.base import ExportRequest
    from lesionkit.runs.old_names import kept_settings
    from lesionkit.runs.run_folder import read_run

    opened = read_run(run)
    opened.with_identifiers = with_identifiers
    chosen = load_recipe(opened.record["recipe"])
    settings = kept_settings(chosen.settings, opened.record["settings"], run)
    conclude(f"export {run} to {to}", chosen.export(opened, ExportRequest(to, out, at), settings))
