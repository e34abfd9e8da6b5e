"""`lesionkit phantom`: synthetic data with truth."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from lesionkit.cli.options import Assign, Config, Workers

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)


class Format(StrEnum):
    """Form of the scans."""

    mha = "mha"
    mhd = "mhd"
    nii_gz = "nii.gz"
    nrrd = "nrrd"
    dicom = "dicom"


class Size(StrEnum):
    """Extent of a synthetic chest."""

    small = "small"
    full = "full"


class Laboratory(StrEnum):
    """Where a synthetic slide was stained and scanned."""

    a = "A"
    b = "B"
    mixed = "mixed"


SmallLung: TypeAlias = Annotated[
    float | None,
    typer.Option("--small-lung", metavar="SHARE", help="One lung of each chest has this share of its volume."),
]
Bank: TypeAlias = Annotated[
    Path | None,
    typer.Option("--nodules", metavar="BANK", help="Insert real nodules, of a bank that 'lesionkit bank' made."),
]


@app.callback()
def _group() -> None:
    """Make synthetic data with truth, in the formats of the public challenges.

    Examples:
      lesionkit phantom ct --out DATA --count 5
      lesionkit phantom xray --out DATA --count 64 --size 256
      lesionkit phantom slide --out DATA --count 16
    """


@app.command()
def ct(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DATA", help="Folder of the data set.")],
    count: Annotated[
        int, typer.Option("--count", min=1, help="Scans to make; with --insert-into, nodules per scan.")
    ] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed makes the same samples.")] = 0,
    healthy: Annotated[
        float | None, typer.Option("--healthy", min=0, max=1, help="Share of scans without a nodule.  [default: 0.25]")
    ] = None,
    scan_format: Annotated[Format, typer.Option("--format", help="Form of the scans.")] = Format.mha,
    size: Annotated[
        Size | None, typer.Option("--size", help="small: half the length, coarse; for trying out.  [default: full]")
    ] = None,
    patients: Annotated[
        int | None, typer.Option("--patients", min=1, help="Spread the scans over so many patients.")
    ] = None,
    small_lung: SmallLung = None,
    insert_into: Annotated[
        Path | None, typer.Option("--insert-into", metavar="SCAN", help="A real scan, or a folder of many.")
    ] = None,
    nodules: Bank = None,
    workers: Workers = None,
    config: Config = None,
    assign: Assign = None,
) -> None:
    """Make chest CTs with known nodules, or put nodules into real ones.

    Writes scans/, annotations.csv, annotations_excluded.csv, seriesuids.csv and patients.csv in LUNA16's form. The
    same command goes on after an interruption, and makes more scans where --count is larger.

    Examples:
      lesionkit phantom ct --out DATA --count 5 --size small
      lesionkit phantom ct --out DATA --count 40 --healthy 0.25 --format dicom --seed 100
      lesionkit phantom ct --out DATA --count 5 --small-lung 0.15
      lesionkit phantom ct --out DATA --insert-into SCAN --count 10
      lesionkit phantom ct --out DATA --insert-into SCANS --nodules BANK --count 10
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.cli.options import assignments
    from lesionkit.core.errors import LesionkitError
    from lesionkit.recipes.ct.phantom import PhantomCt, insert_phantoms, make_phantoms
    from lesionkit.runs.settings_file import resolve

    short = assignments(
        assign,
        format=scan_format.value,
        patients=patients,
        phantom__healthy_share=healthy,
        phantom__size=size.value if size else None,
        phantom__small_lung=small_lung,
        engine__workers=workers,
    )
    settings = resolve(PhantomCt(), config or (), short)
    if insert_into is not None:
        conclude("phantom ct", insert_phantoms(out, insert_into, count, seed, settings, nodules))
    elif nodules is not None:
        raise LesionkitError("--nodules needs scans to put them into, got none; add --insert-into SCANS")
    else:
        conclude("phantom ct", make_phantoms(out, count, seed, settings))


@app.command()
def xray(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DATA", help="Folder of the data set.")],
    count: Annotated[int, typer.Option("--count", min=1, help="Radiographs to make.")] = 16,
    size: Annotated[int | None, typer.Option("--size", help="Pixels per edge, 64 to 2048.  [default: 256]")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed makes the same pixels.")] = 0,
    positive: Annotated[
        float | None,
        typer.Option("--positive", min=0, max=1, help="Share with a pneumothorax.  [default: 0.22; painted 0.5]"),
    ] = None,
    per_ct: Annotated[
        int | None, typer.Option("--per-ct", min=1, help="Radiographs per patient.  [default: 8]")
    ] = None,
    from_ct: Annotated[
        Path | None, typer.Option("--from-ct", metavar="SCANS", help="A real chest CT, or a folder of many.")
    ] = None,
    paint_on: Annotated[
        Path | None,
        typer.Option("--paint-on", metavar="RADIOGRAPHS", help="Paint on real radiographs whose lungs are drawn."),
    ] = None,
    lungs: Annotated[
        Path | None, typer.Option("--lungs", metavar="MASKS", help="Their lung masks, a PNG for each.")
    ] = None,
    workers: Workers = None,
    config: Config = None,
    assign: Assign = None,
) -> None:
    """Make chest radiographs with known pneumothoraces: CTs projected, or real radiographs painted on.

    Writes dicom/, train-rle.csv, lungs/ and patients.csv in SIIM-ACR's form, and painted.csv where it paints; patients
    are then those of a patients.csv (image_id, patient_id) in RADIOGRAPHS or beside it. The same command goes on after
    an interruption, and makes more radiographs where --count is larger.

    Examples:
      lesionkit phantom xray --out DATA --count 64 --size 256
      lesionkit phantom xray --out DATA --count 200 --positive 0.5 --seed 3 --set phantom.distractors=2
      lesionkit phantom xray --out DATA --from-ct SCANS --count 24 --size 1024
      lesionkit phantom xray --out DATA --paint-on RADIOGRAPHS --lungs MASKS --count 400
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.cli.options import assignments
    from lesionkit.core.errors import LesionkitError
    from lesionkit.runs.settings_file import resolve

    if (paint_on is None) != (lungs is None):
        raise LesionkitError("--paint-on and --lungs belong together: real radiographs and the masks of their lungs")
    if paint_on is not None and (from_ct is not None or per_ct is not None):
        raise LesionkitError("--paint-on paints on radiographs, so there is no CT to project; leave --from-ct out")
    sizes = {"size": size, "positive_share": positive}
    if paint_on is not None and lungs is not None:
        from lesionkit.recipes.xray.paint import PaintXray, paint_radiographs

        short = assignments(assign, **{f"paint__{k}": v for k, v in sizes.items()}, engine__workers=workers)
        summary = paint_radiographs(out, paint_on, lungs, count, seed, resolve(PaintXray(), config or (), short))
    else:
        from lesionkit.recipes.xray.phantom import PhantomXray, make_radiographs

        named = {"per_ct": per_ct, **{f"phantom__{k}": v for k, v in sizes.items()}}
        short = assignments(assign, **named, engine__workers=workers)
        summary = make_radiographs(out, count, seed, resolve(PhantomXray(), config or (), short), from_ct)
    conclude("phantom xray", summary)


@app.command()
def slide(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DATA", help="Folder of the data set.")],
    count: Annotated[int, typer.Option("--count", min=1, help="Slides to make.")] = 16,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed makes the same pixels.")] = 0,
    centre: Annotated[
        Laboratory | None,
        typer.Option("--centre", help="Stain and scanner: A, B, or both by chance.  [default: mixed]"),
    ] = None,
    size_mm: Annotated[
        float | None, typer.Option("--size-mm", min=1, help="Length of both sides.  [default: 4]")
    ] = None,
    normal: Annotated[
        float | None, typer.Option("--normal", min=0, max=1, help="Share without a metastasis.  [default: 0.375]")
    ] = None,
    workers: Workers = None,
    config: Config = None,
    assign: Assign = None,
) -> None:
    """Make H&E slides of lymph nodes with known metastases.

    Writes slides/ (pyramidal TIFF), masks/ (1/16), annotations/ (XML), labels.csv and patients.csv in CAMELYON's form.
    The same command goes on after an interruption, and makes more slides where --count is larger.

    Examples:
      lesionkit phantom slide --out DATA --count 16
      lesionkit phantom slide --out DATA --count 40 --centre B --size-mm 6 --normal 0.5 --seed 3
      lesionkit phantom slide --out DATA --set phantom.pen_share=0 --set phantom.spacing_um=0.25
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.cli.options import assignments
    from lesionkit.recipes.slide.phantom import PhantomSlide, make_slides
    from lesionkit.runs.settings_file import resolve

    short = assignments(
        assign,
        phantom__centre=centre.value if centre else None,
        phantom__size_mm=size_mm,
        phantom__normal_share=normal,
        engine__workers=workers,
    )
    conclude("phantom slide", make_slides(out, count, seed, resolve(PhantomSlide(), config or (), short)))
