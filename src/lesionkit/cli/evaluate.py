"""`lesionkit evaluate`: score marks of any origin by a protocol."""

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from lesionkit.cli.score_table import finish, one_of

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

Out: TypeAlias = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="SCORE", help="Folder for JSON, CSV, plots and page; none: only the table."),
]
Compare: TypeAlias = Annotated[
    Path | None, typer.Option("--compare", metavar="MARKS", help="Marks of a second system, compared in pairs.")
]
Seed: TypeAlias = Annotated[int | None, typer.Option("--seed", help="Of the bootstrap draws.")]
Counting: TypeAlias = Annotated[
    str,
    typer.Option("--protocol", metavar="official|exact", help="As the organisers' script counts, or a step curve."),
]
OfModel: TypeAlias = Annotated[
    Path | None,
    typer.Option("--model", metavar="RUN", help="Apply the operating points of a model, and say what became of them."),
]
ScoreColumn: TypeAlias = Annotated[
    str | None,
    typer.Option("--score-column", metavar="NAME", help="Column of the scores of slides, where several may be it."),
]
Scorer: TypeAlias = "Callable[[Path], Score]"


def protocol(
    name: str, marks: str, metavar: str = "FILE", instead: str | None = None
) -> Callable[[Callable[..., Scorer]], None]:
    """A verb of `evaluate` from a function that says how marks are scored; its options are those of the function, and
    the marks, --out, --compare and --seed, which are the same for every protocol.

    Args:
        marks: help of --marks.
        metavar: what --marks takes.
        instead: an option of its own that may take the place of --marks.
    """
    taken: Any = Path if instead is None else Path | None
    shared = {
        "marks": (
            Annotated[taken, typer.Option("--marks", metavar=metavar, help=marks)],
            inspect.Parameter.empty if instead is None else None,
        ),
        "out": (Out, None),
        "compare": (Compare, None),
        "seed": (Seed, None),
    }

    def declare(scorer: Callable[..., Scorer]) -> None:
        @functools.wraps(scorer)
        def verb(*, marks: Path | None, out: Path | None, compare: Path | None, seed: int | None, **own: Any) -> None:
            if compare is not None and own.get("slide_scores") is not None:
                from lesionkit.core.errors import LesionkitError

                raise LesionkitError(
                    "--slide-scores are of one system, so that they cannot go with --compare; score each alone"
                )
            finish(scorer(**own, given=named(seed=seed)), one_of(marks, own, instead), compare, out)

        options = [p for p in inspect.signature(scorer).parameters.values() if p.name != "given"]
        options += [
            inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for option, (kind, default) in shared.items()
        ]
        options = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in options]
        vars(verb).update(__signature__=inspect.Signature(options))
        verb.__annotations__ = {p.name: p.annotation for p in options}
        command.command(name)(verb)

    return declare


@protocol("luna16", "Table of marks, a run folder, or boxes (JSON) of MONAI or nnDetection.", "FILE|RUN")
def luna16(
    truth: Annotated[Path, typer.Option("--truth", metavar="FILE", help="annotations.csv: the nodules.")],
    series: Annotated[Path, typer.Option("--series", metavar="FILE", help="seriesuids.csv: every searched scan.")],
    excluded: Annotated[
        Path | None,
        typer.Option("--excluded", metavar="FILE", help="annotations_excluded.csv: they count neither way."),
    ] = None,
    protocol: Counting = "official",
    by: Annotated[
        list[str] | None, typer.Option("--by", metavar="COLUMN", help="Column that makes subgroups; repeatable.")
    ] = None,
    cases: Annotated[
        Path | None, typer.Option("--cases", metavar="FILE", help="Table with seriesuid and columns for --by.")
    ] = None,
    thresholds: Annotated[
        Path | None, typer.Option("--thresholds", metavar="SCORE", help="Apply the thresholds of an earlier score.")
    ] = None,
    model: OfModel = None,
    ignore_unknown_series: Annotated[
        bool, typer.Option("--ignore-unknown-series", help="Leave out marks in series that are not listed.")
    ] = False,
    *,
    given: Mapping[str, object],
) -> Scorer:
    """Nodules in CT: sensitivity at 1/8 to 8 false positives per scan, and their mean, the CPM.

    Examples:
      lesionkit evaluate luna16 --truth annotations.csv --excluded annotations_excluded.csv
          --series seriesuids.csv --marks submission.csv --out SCORE
      lesionkit evaluate luna16 ... --protocol exact --by diameter_mm --by texture
      lesionkit evaluate luna16 ... --marks result_luna16_fold0.json
      lesionkit evaluate luna16 ... --marks runs/new --compare runs/old --out COMPARISON
      lesionkit evaluate luna16 ... --marks FOUND --model ct-nodule
    """
    from lesionkit.recipes.score_files import Luna16Files, luna16_scorer

    settings = {"protocol": protocol, "by": tuple(by or ()), "ignore_unknown_series": ignore_unknown_series, **given}
    return luna16_scorer(Luna16Files(truth, series, excluded, cases, thresholds, model), settings)


@protocol("camelyon16", "One CSV per slide: probability, x, y.", "FOLDER", instead="maps")
def camelyon16(
    truth: Annotated[Path, typer.Option("--truth", metavar="FOLDER", help="Outlines (XML, JSON) or masks of slides.")],
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="FILE", help="Every slide and whether it holds tumour.")
    ] = None,
    slide_scores: Annotated[
        Path | None, typer.Option("--slide-scores", metavar="FILE", help="Probability of tumour of every slide.")
    ] = None,
    score_column: ScoreColumn = None,
    model: OfModel = None,
    protocol: Counting = "official",
    level_0_um: Annotated[
        float | None, typer.Option("--level-0-um", help="Size of a pixel of the finest level, in micrometres.")
    ] = None,
    mask_downsample: Annotated[
        float | None,
        typer.Option(
            "--mask-downsample", min=1, help="Pixels of the finest level per sample of masks that do not say."
        ),
    ] = None,
    maps: Annotated[
        Path | None,
        typer.Option(
            "--maps", metavar="FOLDER", help="Instead of marks heat maps of any tool: OME-TIFF, TIFF, PNG, .npy."
        ),
    ] = None,
    map_um: Annotated[
        float | None, typer.Option("--map-um", help="µm per cell of heat maps that do not say it.")
    ] = None,
    map_threshold: Annotated[
        float | None,
        typer.Option("--map-threshold", min=0, max=1, help="Cells above it are tumour, for count and area; 0.5."),
    ] = None,
    *,
    given: Mapping[str, object],
) -> Scorer:
    """Metastases on slides: sensitivity at 1/4 to 8 false positives per slide, and the area below the slides' ROC.

    Of heat maps, which cover their slides from the corner of the file, the marks are the peaks; and lesions and area
    above a threshold are compared with the true ones.

    Examples:
      lesionkit evaluate camelyon16 --truth outlines --marks submission --labels labels.csv --out SCORE
      lesionkit evaluate camelyon16 --truth masks --mask-downsample 16 --level-0-um 0.5 --marks submission
      lesionkit evaluate camelyon16 --truth masks --level-0-um 0.5 --maps heatmaps --map-threshold 0.4
      lesionkit evaluate camelyon16 ... --marks FOUND/marks --slide-scores FOUND/scores.csv --model slide-metastasis
    """
    from lesionkit.recipes.score_camelyon import Camelyon16Files, camelyon16_scorer

    files = Camelyon16Files(truth, labels, slide_scores, model)
    settings = {**given, **named(level_0_um=level_0_um)}
    how: dict[str, Any] = {"mask_downsample": mask_downsample, "score_column": score_column}
    if maps is None:
        return camelyon16_scorer(files, protocol, settings, **how)
    from lesionkit.recipes.score_maps import camelyon16_maps_scorer

    return camelyon16_maps_scorer(files, protocol, settings, **how, map_um=map_um, threshold=map_threshold)


@protocol("camelyon17", "What is scored, as a table: patient, stage.")
def camelyon17(
    truth: Annotated[Path, typer.Option("--truth", metavar="FILE", help="stages.csv: patient, stage.")],
    *,
    given: Mapping[str, object],
) -> Scorer:
    """The pN stage of patients: quadratic weighted kappa.

    Examples:
      lesionkit evaluate camelyon17 --truth stages.csv --marks submission.csv
    """
    from lesionkit.recipes.score_camelyon import camelyon17_scorer

    return camelyon17_scorer(truth, given)


@protocol("slides", "What is scored, as a table: slide, score; or a run folder.", "FILE|RUN")
def slides(
    truth: Annotated[Path, typer.Option("--truth", metavar="FILE", help="Slides and 0 or 1, normal or tumor.")],
    score_column: ScoreColumn = None,
    model: OfModel = None,
    *,
    given: Mapping[str, object],
) -> Scorer:
    """Slides, or any cases, that are positive or not: the area below the ROC curve.

    Examples:
      lesionkit evaluate slides --truth labels.csv --marks scores.csv --out SCORE
      lesionkit evaluate slides --truth labels.csv --marks predictions.csv --score-column prob_tumor
    """
    from lesionkit.recipes.score_files import slides_scorer

    return slides_scorer(truth, given, score_column, model)


@protocol("siim", "What is scored, as a table: ImageId, EncodedPixels; or a run folder.", "FILE|RUN")
def siim(
    truth: Annotated[Path, typer.Option("--truth", metavar="FILE", help="train-rle.csv: ImageId, EncodedPixels.")],
    shape: Annotated[
        tuple[int, int], typer.Option("--shape", metavar="ROWS COLUMNS", help="Of every image, in pixels.")
    ] = (1024, 1024),
    missing_is_empty: Annotated[
        bool, typer.Option("--missing-is-empty", help="An image without a row in the marks counts as found empty.")
    ] = False,
    model: OfModel = None,
    *,
    given: Mapping[str, object],
) -> Scorer:
    """Pneumothorax on radiographs: mean Dice per image, and beside it what that mean hides.

    Examples:
      lesionkit evaluate siim --truth train-rle.csv --marks submission.csv --out SCORE
    """
    from lesionkit.recipes.score_files import siim_scorer

    return siim_scorer(truth, shape, {"missing_is_empty": missing_is_empty, **given}, model)


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
    from lesionkit.recipes.score_files import readers_scorer

    answers = [level.strip() for level in levels.split(",")] if levels else []
    finish(readers_scorer(answers, ordered, named(seed=seed)), readings, None, out)


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

    finish(load_score, first, second, out)


def named(**values: object) -> dict[str, object]:
    """The settings that were named on the command line; the others keep their defaults."""
    return {name: value for name, value in values.items() if value is not None}
