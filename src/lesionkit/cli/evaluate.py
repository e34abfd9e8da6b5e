"""`lesionkit evaluate`: score marks of any origin by a protocol."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from lesionkit.evaluate.score import Score

command = typer.Typer(
    help="Score marks against a truth: LUNA16, CAMELYON16, CAMELYON17, SIIM-ACR, slides; compare systems, or readers.",
    epilog="'lesionkit evaluate PROTOCOL --help' tells the options and gives examples. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Marks: TypeAlias = Annotated[Path, typer.Option("--marks", metavar="FILE|RUN", help="Table of marks, or a run folder.")]
MarksFile: TypeAlias = Annotated[Path, typer.Option("--marks", metavar="FILE", help="What is scored, as a table.")]
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="SCORE", help="Folder for JSON, CSV, plots and page; none: only the table."),
]
Compare: TypeAlias = Annotated[
    Path | None, typer.Option("--compare", metavar="FILE|RUN", help="Marks of a second system, compared in pairs.")
]
Seed: TypeAlias = Annotated[int | None, typer.Option("--seed", help="Of the bootstrap draws.")]
Counting: TypeAlias = Annotated[
    str,
    typer.Option("--protocol", metavar="official|exact", help="As the organisers' script counts, or a step curve."),
]


@command.command("luna16")
def luna16(
    truth: Annotated[Path, typer.Option("--truth", metavar="FILE", help="annotations.csv: the nodules.")],
    series: Annotated[Path, typer.Option("--series", metavar="FILE", help="seriesuids.csv: every searched scan.")],
    marks: Marks,
    excluded: Annotated[
        Path | None,
        typer.Option("--excluded", metavar="FILE", help="annotations_excluded.csv: they count neither way."),
    ] = None,
    out: Out = None,
    protocol: Counting = "official",
    compare: Compare = None,
    by: Annotated[
        list[str] | None, typer.Option("--by", metavar="COLUMN", help="Column that makes subgroups; repeatable.")
    ] = None,
    cases: Annotated[
        Path | None, typer.Option("--cases", metavar="FILE", help="Table with seriesuid and columns for --by.")
    ] = None,
    thresholds: Annotated[
        Path | None, typer.Option("--thresholds", metavar="SCORE", help="Apply the thresholds of an earlier score.")
    ] = None,
    seed: Seed = None,
    ignore_unknown_series: Annotated[
        bool, typer.Option("--ignore-unknown-series", help="Leave out marks in series that are not listed.")
    ] = False,
) -> None:
    """Nodules in CT: sensitivity at 1/8 to 8 false positives per scan, and their mean, the CPM.

    Examples:
      lesionkit evaluate luna16 --truth annotations.csv --excluded annotations_excluded.csv
          --series seriesuids.csv --marks submission.csv --out SCORE
      lesionkit evaluate luna16 ... --protocol exact --by diameter_mm --by texture
      lesionkit evaluate luna16 ... --marks runs/new --compare runs/old --out COMPARISON
    """
    from lesionkit.evaluate.luna16_match import Luna16Settings
    from lesionkit.recipes.ct.luna16_files import Luna16Files, score_luna16_files

    given = {"protocol": protocol, "by": tuple(by or ()), "ignore_unknown_series": ignore_unknown_series}
    settings = Luna16Settings.parse({**given, **_given(seed=seed)})
    files = Luna16Files(truth, series, excluded, cases, thresholds)
    _finish(lambda path: score_luna16_files(files, path, settings), marks, compare, out)


@command.command("camelyon16")
def camelyon16(
    truth: Annotated[Path, typer.Option("--truth", metavar="FOLDER", help="Outlines (XML, JSON) or masks of slides.")],
    marks: Annotated[Path, typer.Option("--marks", metavar="FOLDER", help="One CSV per slide: probability, x, y.")],
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="FILE", help="Every slide and whether it holds tumour.")
    ] = None,
    slide_scores: Annotated[
        Path | None, typer.Option("--slide-scores", metavar="FILE", help="Probability of tumour of every slide.")
    ] = None,
    out: Out = None,
    protocol: Counting = "official",
    compare: Compare = None,
    level_0_um: Annotated[
        float | None, typer.Option("--level-0-um", help="Size of a pixel of the finest level, in micrometres.")
    ] = None,
    seed: Seed = None,
) -> None:
    """Metastases on slides: sensitivity at 1/4 to 8 false positives per slide, and the area below the slides' ROC.

    Examples:
      lesionkit evaluate camelyon16 --truth outlines --marks submission --labels labels.csv --out SCORE
    """
    from lesionkit.core.errors import LesionkitError
    from lesionkit.recipes.slide.files import Camelyon16Files, score_camelyon16_files

    if compare is not None and slide_scores is not None:
        raise LesionkitError(
            "--slide-scores are of one system, so that they cannot go with --compare; score each alone"
        )
    files = Camelyon16Files(truth, labels, slide_scores)
    given = _given(seed=seed, level_0_um=level_0_um)
    _finish(lambda path: score_camelyon16_files(files, path, protocol, given), marks, compare, out)


@command.command("camelyon17")
def camelyon17(
    truth: Annotated[Path, typer.Option("--truth", metavar="FILE", help="stages.csv: patient, stage.")],
    marks: MarksFile,
    out: Out = None,
    compare: Compare = None,
    seed: Seed = None,
) -> None:
    """The pN stage of patients: quadratic weighted kappa.

    Examples:
      lesionkit evaluate camelyon17 --truth stages.csv --marks submission.csv
    """
    from lesionkit.recipes.slide.files import score_camelyon17_files

    _finish(lambda path: score_camelyon17_files(truth, path, _given(seed=seed)), marks, compare, out)


@command.command("slides")
def slides(
    truth: Annotated[Path, typer.Option("--truth", metavar="FILE", help="Slides and 0 or 1, normal or tumor.")],
    marks: MarksFile,
    out: Out = None,
    compare: Compare = None,
    seed: Seed = None,
) -> None:
    """Slides, or any cases, that are positive or not: the area below the ROC curve.

    Examples:
      lesionkit evaluate slides --truth labels.csv --marks scores.csv --out SCORE
    """
    from lesionkit.recipes.slide.files import score_slides_files

    _finish(lambda path: score_slides_files(truth, path, _given(seed=seed)), marks, compare, out)


@command.command("siim")
def siim(
    truth: Annotated[Path, typer.Option("--truth", metavar="FILE", help="train-rle.csv: ImageId, EncodedPixels.")],
    marks: MarksFile,
    out: Out = None,
    compare: Compare = None,
    shape: Annotated[
        tuple[int, int], typer.Option("--shape", metavar="ROWS COLUMNS", help="Of every image, in pixels.")
    ] = (1024, 1024),
    missing_is_empty: Annotated[
        bool, typer.Option("--missing-is-empty", help="An image without a row in the marks counts as found empty.")
    ] = False,
    seed: Seed = None,
) -> None:
    """Pneumothorax on radiographs: mean Dice per image, and beside it what that mean hides.

    Examples:
      lesionkit evaluate siim --truth train-rle.csv --marks submission.csv --out SCORE
    """
    from lesionkit.evaluate.siim import SiimSettings, score_siim
    from lesionkit.read.truth.siim import read_siim_table
    from lesionkit.recipes.scoring import with_inputs

    settings = SiimSettings.parse({"missing_is_empty": missing_is_empty, **_given(seed=seed)})
    table = read_siim_table(truth)

    def score(path: Path) -> "Score":
        return with_inputs(
            score_siim(table, read_siim_table(path), shape, settings=settings), {"truth": truth, "marks": path}
        )

    _finish(score, marks, compare, out)


@command.command("readers")
def readers(
    readings: Annotated[
        Path, typer.Option("--readings", metavar="FILE", help="One row per item, one column per reader after its name.")
    ],
    levels: Annotated[
        str | None, typer.Option("--levels", metavar="A,B,…", help="Every answer, in order; default: those given.")
    ] = None,
    ordered: Annotated[
        bool, typer.Option("--ordered", help="An answer that is more steps away disagrees more: quadratic weights.")
    ] = False,
    out: Out = None,
    seed: Seed = None,
) -> None:
    """Agreement of readers beyond chance: Fleiss' kappa of all, Cohen's or quadratic weighted kappa of each two.

    Examples:
      lesionkit evaluate readers --readings votes.csv
      lesionkit evaluate readers --readings grades.csv --levels none,mild,severe --ordered --out SCORE
    """
    from lesionkit.recipes.readings import score_readings_file

    answers = [level.strip() for level in levels.split(",")] if levels else []
    _finish(lambda path: score_readings_file(path, answers, ordered, _given(seed=seed)), readings, None, out)


@command.command("compare")
def compare(
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="Folder of a score.")],
    second: Annotated[Path, typer.Argument(metavar="SECOND", help="Folder of a score on the same cases.")],
    out: Out = None,
) -> None:
    """Difference of two scores of one protocol on the same cases, with paired intervals and p-values.

    Examples:
      lesionkit evaluate compare scores/old scores/new --out scores/new-against-old
    """
    from lesionkit.recipes.scoring import load_score

    _finish(load_score, first, second, out)


def _given(**values: object) -> dict[str, object]:
    """The settings that were named on the command line; the others keep their defaults."""
    return {name: value for name, value in values.items() if value is not None}


def _finish(score: "Callable[[Path], Score]", marks: Path, compare: Path | None, out: Path | None) -> None:
    """Score one or two systems; write the files, print tables, warnings and what the result is for."""
    from rich.console import Console
    from rich.text import Text

    from lesionkit.cli.score_table import score_table
    from lesionkit.evaluate.document import NOTICE, to_document
    from lesionkit.recipes.scoring import Named, compared, write_scores

    systems = [Named("first", score(marks)), *([Named("second", score(compare))] if compare is not None else [])]
    comparison = compared(*systems) if len(systems) > 1 else None
    main = comparison if comparison is not None else systems[0].score
    paths = write_scores(out, systems, comparison) if out is not None else ()
    console = Console(highlight=False)
    for system in systems if comparison is not None else ():
        console.print(score_table(to_document(system.score), f"{system.name}: {system.score.protocol}"))
    console.print(score_table(to_document(main), main.protocol))
    for path in paths:
        console.print(Text.assemble(("written  ", "dim"), (str(path), "bold")), soft_wrap=True)
    console.print(Text(NOTICE, style="dim"))
    complaints = Console(stderr=True, highlight=False, soft_wrap=True)
    for sentence in main.warnings:
        complaints.print(Text(f"warning: {sentence}", style="yellow"))
