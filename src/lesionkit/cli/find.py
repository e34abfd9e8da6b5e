"""`lesionkit find`: what is found in one image or many, with pictures and a page."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from lesionkit.cli.options import Address, Assign, Config, Engine, Out, RecipeOption, WithIdentifiers, Workers

Input: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="INPUT",
        help="CT: DICOM folder, .mhd, .mha, .nii(.gz), .nrrd. X-ray: DICOM, PNG, JPEG file. Slide: .tif, .svs, .mrxs, "
        ".ndpi …, or patches (PNG, JPEG, TIFF). Or a folder of many.",
    ),
]
Model: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="RUN",
        help="Run folder, model file, MONAI bundle (folder or zip), or name; default: the shipped one.",
    ),
]
Truth: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--truth",
        metavar="PATH",
        help="annotations.csv, SIIM's table of masks, a folder of outlines or masks of slides, or labels.csv of "
        "slides, to mark hits and misses; default: beside the images.",
    ),
]
At: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="NAME|0..1",
        help="Where the line is drawn: an operating point of the model, or a threshold; default: the model's own.",
    ),
]
Series: TypeAlias = Annotated[
    str | None, typer.Option("--series", metavar="UID", help="Which series of a DICOM folder that holds several.")
]
AllowGaps: TypeAlias = Annotated[
    bool, typer.Option("--allow-gaps", help="Interpolate missing slices instead of refusing the scan.")
]
Mpp: TypeAlias = Annotated[
    float | None, typer.Option("--mpp", help="µm per pixel of slides that do not say it, at their finest level.")
]

MppOverride: TypeAlias = Annotated[
    float | None, typer.Option("--mpp-override", help="µm per pixel of every slide, whatever it says itself.")
]
Screen: TypeAlias = Annotated[
    str | None,
    typer.Option("--screen", metavar="MODEL", help="CT: look only around what a faster model finds: ct-nodule."),
]


def command(
    scan: Input,
    out: Out = None,
    model: Model = None,
    truth: Truth = None,
    at: At = None,
    series: Series = None,
    allow_gaps: AllowGaps = False,
    mpp: Mpp = None,
    mpp_override: MppOverride = None,
    screen: Screen = None,
    recipe: RecipeOption = "ct-nodule",
    workers: Workers = None,
    engine: Engine = None,
    address: Address = None,
    with_identifiers: WithIdentifiers = False,
    config: Config = None,
    assign: Assign = None,
) -> None:
    """Find the lesions of one image or many, and show them.

    In CT it writes a ranked table in world millimetres and a picture of each candidate; of radiographs masks,
    probability maps, predictions.csv and SIIM's submission.csv; of slides scores.csv, marks in CAMELYON16's form,
    probability maps as pyramids and outlines that QuPath opens, of patches of slides scores.csv; always a page to show
    around. What lies below an operating point of the model is weaker: it stays in the tables and is folded on the page.
    In a folder of many, one that cannot be read is reported and the rest go on; the exit code is then 3.

    Examples:
      lesionkit find SCAN --out RUN --at "2 false positives a scan"
      lesionkit find SCANS --model runs/first --truth annotations.csv --engine ray
      lesionkit find XRAY.dcm --recipe xray-pneumothorax --model runs/xray --out RUN
      lesionkit find SLIDE.svs --recipe slide-metastasis --model runs/slides --out RUN
      lesionkit find SCAN --model lung_nodule_ct_detection --screen ct-nodule
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.cli.options import assignments, on_engine
    from lesionkit.recipes import load_recipe
    from lesionkit.recipes.base import FindRequest
    from lesionkit.runs.models import model_path
    from lesionkit.runs.run_folder import open_run
    from lesionkit.runs.settings_file import resolve

    chosen = load_recipe(recipe)
    given = assignments(
        assign,
        read__series=series,
        read__allow_gaps=True if allow_gaps else None,
        read__mpp=mpp,
        read__mpp_override=mpp_override,
        screen__model=screen,
        **on_engine(engine, address, workers),
        decide__at=at,
    )
    settings = resolve(chosen.model_settings(model), config or (), given)
    # The weights by content, also of a shipped model: another version of it makes another run.
    inputs = {"input": scan, "model": model_path(model, chosen.name), "truth": truth}
    with open_run(out, chosen.name, settings, inputs) as run:
        run.with_identifiers = with_identifiers
        summary = chosen.find(run, FindRequest(scan, model, truth), settings)
    conclude(f"find {scan}", summary, run.path)
