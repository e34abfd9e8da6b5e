"""The page of `lesionkit evaluate`: figures with their intervals, the rule, the denominators, the curves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.score import Curve, Score
from lesionkit.report.curves import curves_svg
from lesionkit.report.render import FactGroup, Table, fact_groups, write_page


@dataclass(frozen=True, eq=False)
class ScoreView:
    """A score with its tables laid out."""

    score: Score
    subgroups: Table | None
    groups: tuple[FactGroup, ...]


def write_score_page(out: Path, scores: Sequence[Score], title: str = "Score") -> Path:
    """Write OUT/score.html with one section per score and one plot of all curves.

    Raises:
        LesionkitError: no score.
    """
    if not scores:
        raise LesionkitError("a score page needs at least one score, got none")
    drawn = [score for score in scores if score.curves]
    curves = [curve for score in drawn for curve in _named(score, alone=len(drawn) == 1)]
    points = drawn[0].operating_points if len(drawn) == 1 else ()
    return write_page(
        Path(out) / "score.html",
        "score_page.html",
        title=title,
        labels=(curves[0].x_label, curves[0].y_label) if curves else ("x", "y"),
        plot=curves_svg(curves, points) if curves else None,
        views=[
            ScoreView(score, Table.of(score.subgroups) if score.subgroups else None, fact_groups(score.facts, ()))
            for score in scores
        ],
    )


def _named(score: Score, *, alone: bool) -> tuple[Curve, ...]:
    """Curves with names that tell scores apart."""
    if alone:
        return score.curves
    return tuple(replace(curve, name=f"{score.protocol}: {curve.name}") for curve in score.curves)
