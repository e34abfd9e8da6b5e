"""The page of several runs: figures side by side, paired differences, curves in one plot, settings, the same images."""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.evaluate.compare import RULE, compare_scores
from lesionkit.evaluate.score import Curve, Figure, Score
from lesionkit.report.curves import curves_svg
from lesionkit.report.learning import Learning
from lesionkit.report.look import Look
from lesionkit.report.render import Table, format_score, write_page

MOST_LOOKS = 12
"""Images that are shown in pictures: those on which the runs differ most."""


@dataclass(frozen=True)
class Said:
    """What a run said of one image.

    Attributes:
        scores: of its candidates, the strongest first, or of the image.
        above: how many of them lie above the line; None where nothing decides.
    """

    scores: tuple[float, ...]
    above: int | None

    @property
    def strongest(self) -> float:
        return max(self.scores, default=0.0)


@dataclass(frozen=True, eq=False)
class Column:
    """One run.

    Attributes:
        name: unlike that of any other on the page.
        sentence: what came out in all: "3 findings at 1 false positive a scan; 97 weaker below".
        said: by case id.
        look: (case id): that image in a small box.
    """

    name: str
    recipe: str
    sentence: str
    scores: Mapping[str, Score]
    said: Mapping[str, Said]
    look: Callable[[str], Look]


@dataclass(frozen=True, eq=False)
class FigureRow:
    """A figure in every run, and how much it differs from the first run's.

    Attributes:
        figures: one per run; None where a run has none of that name.
        differences, p: one per run after the first; None where cases are not the same.
    """

    name: str
    figures: tuple[Figure | None, ...]
    differences: tuple[Figure | None, ...]
    p: tuple[float | None, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """One protocol in all runs.

    Attributes:
        notes: why a run is not compared with the first.
    """

    protocol: str
    rule: str
    rows: tuple[FigureRow, ...]
    plot: Markup | None
    counts: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...]

    @property
    def paired(self) -> bool:
        return any(value is not None for row in self.rows for value in row.differences)


@dataclass(frozen=True, eq=False)
class CaseLooks:
    """The same image in all runs."""

    case_id: str
    looks: tuple[Look | None, ...]


@dataclass(frozen=True)
class Written:
    """What lies where."""

    path: Path
    tables: tuple[Path, ...]
    warnings: tuple[str, ...]


def write_side_page(
    out: Path,
    columns: Sequence[Column],
    differing: Sequence[Mapping[str, Any]],
    noun: str,
    warnings: Sequence[str] = (),
    learned: Learning | None = None,
) -> Written:
    """Write OUT/compared.html, one self-contained page, and figures.csv and images.csv beside it.

    Args:
        columns: two runs or more; differences are to the first.
        differing: a row per setting that is not the same in all runs: "setting", and its value by the run's name.
        noun: what one image is called: "scan".
        warnings: sentences to begin with.
        learned: the curves of their trainings.
    """
    blocks = [_block(name, columns) for name in dict.fromkeys(n for one in columns for n in one.scores)]
    cases = list(dict.fromkeys(case_id for one in columns for case_id in one.said))
    rows = [_case_row(case_id, columns, noun) for case_id in cases]
    chosen = sorted(cases, key=lambda case_id: _disagreement(case_id, columns), reverse=True)[:MOST_LOOKS]
    notes = tuple(dict.fromkeys((*warnings, *(note for block in blocks for note in block.notes))))
    unscored = [one.name for one in columns if one.said and not one.scores]
    notes += tuple(f"{name} has no score: the truth of its {noun}s is not known" for name in unscored)
    looks = [_looks(case_id, columns) for case_id in chosen]
    page = write_page(
        Path(out) / "compared.html",
        "side_page.html",
        title=f"{len(columns)} runs side by side",
        columns=columns,
        blocks=blocks,
        rule=RULE,
        notes=notes,
        differing=Table.of(differing) if differing else None,
        cases=Table.of(rows),
        noun=noun,
        looks=looks,
        n_cases=len(cases),
        learned=learned or Learning(),
    )
    figures = _write_csv(Path(out) / "figures.csv", [row for block in blocks for row in _figure_rows(block, columns)])
    return Written(page, (figures, _write_csv(Path(out) / "images.csv", rows)), notes)


def _block(name: str, columns: Sequence[Column]) -> Block:
    scores = [one.scores.get(name) for one in columns]
    first = next(score for score in scores if score is not None)
    compared, notes = _compared(scores, columns)
    names = dict.fromkeys(figure for score in scores if score is not None for figure in score.figures)
    counts = dict.fromkeys(count for score in scores if score is not None for count in score.counts)
    return Block(
        protocol=first.protocol,
        rule=first.rule,
        rows=tuple(_figure_row(figure, scores, compared) for figure in names),
        plot=_plot(scores, columns),
        counts=tuple((count, tuple(_count(score, count) for score in scores)) for count in counts),
        notes=tuple(notes),
    )


def _compared(scores: Sequence[Score | None], columns: Sequence[Column]) -> tuple[list[Score | None], list[str]]:
    """Every later score against the first; None, and a sentence, where that is not possible."""
    found: list[Score | None] = []
    notes = []
    for score, column in zip(scores[1:], columns[1:], strict=True):
        comparison = None
        if scores[0] is not None and score is not None:
            try:
                comparison = compare_scores(scores[0], score)
            except LesionkitError:
                # Whose keys differ have other images, other truth or other draws.
                notes.append(
                    f"{column.name} is not compared in pairs with {columns[0].name}: its images, its truth or its "
                    "bootstrap draws are others"
                )
        found.append(comparison)
    return found, notes


def _figure_row(name: str, scores: Sequence[Score | None], compared: Sequence[Score | None]) -> FigureRow:
    differences = [None if one is None else one.figures.get(f"{name}: second - first") for one in compared]
    p = [None if one is None else one.figures.get(f"{name}: p") for one in compared]
    return FigureRow(
        name,
        tuple(None if score is None else score.figures.get(name) for score in scores),
        tuple(differences),
        # Without an interval there is no p either.
        tuple(None if one is None or math.isnan(one.value) else one.value for one in p),
    )


def _count(score: Score | None, name: str) -> str:
    return "–" if score is None or name not in score.counts else f"{score.counts[name]:,}"


def _plot(scores: Sequence[Score | None], columns: Sequence[Column]) -> Markup | None:
    """The main curve of each run, with its operating points left out: they would hide each other."""
    curves: list[Curve] = [
        replace(score.curves[0], name=column.name)
        for score, column in zip(scores, columns, strict=True)
        if score is not None and score.curves and len(score.curves[0].x)
    ]
    return curves_svg(curves) if curves else None


def _case_row(case_id: str, columns: Sequence[Column], noun: str) -> dict[str, Any]:
    row: dict[str, Any] = {noun: case_id}
    for one in columns:
        row[one.name] = _cell(one.said.get(case_id))
    return row


def _cell(said: Said | None) -> str:
    if said is None:
        return "not searched"
    if len(said.scores) == 1:
        line = "" if said.above is None else ", above the line" if said.above else ", below the line"
        return f"{format_score(said.strongest)}{line}"
    above = f"{len(said.scores)} ranked" if said.above is None else f"{said.above} above the line"
    return f"{above}, strongest {format_score(said.strongest)}" if said.scores else "nothing"


def _disagreement(case_id: str, columns: Sequence[Column]) -> tuple[int, float]:
    """How far runs are apart: in what lies above the line, then in the strongest score."""
    told = [one.said[case_id] for one in columns if case_id in one.said]
    above = [one.above for one in told if one.above is not None]
    strongest = [one.strongest for one in told]
    return (max(above) - min(above) if above else 0), max(strongest) - min(strongest)


def _looks(case_id: str, columns: Sequence[Column]) -> CaseLooks:
    return CaseLooks(case_id, tuple(one.look(case_id) if case_id in one.said else None for one in columns))


def _figure_rows(block: Block, columns: Sequence[Column]) -> list[dict[str, Any]]:
    """One row per figure and run, as plain numbers."""
    rows = []
    for row in block.rows:
        for number, (column, figure) in enumerate(zip(columns, row.figures, strict=True)):
            if figure is None:
                continue
            told = {"protocol": block.protocol, "figure": row.name, "run": column.name, "value": figure.value}
            told |= {"lower": figure.lower, "upper": figure.upper}
            difference = row.differences[number - 1] if number else None
            told["difference"] = None if difference is None else difference.value
            told["difference_lower"] = None if difference is None else difference.lower
            told["difference_upper"] = None if difference is None else difference.upper
            told["p"] = row.p[number - 1] if number else None
            rows.append(told)
    return rows


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return write_text(path, text.getvalue())
