"""The page of patches that were scored: sheets of those that teach most, and the score where labels are known."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lesionkit.evaluate.score import Score
from lesionkit.report.about import About
from lesionkit.report.curves import curves_svg, histogram_svg
from lesionkit.report.render import fact_groups, format_score, write_page

_TILES, _SHOWN_PX = 24, 96


@dataclass(frozen=True)
class PatchTile:
    """A patch, its score, and what is known of it."""

    uri: str
    name: str
    score: str
    known: str


@dataclass(frozen=True)
class PatchSheet:
    """Patches side by side."""

    title: str
    tiles: tuple[PatchTile, ...]


def write_patch_sheet(
    out: Path,
    paths: Mapping[str, Path],
    scores: Mapping[str, float],
    labels: Mapping[str, bool],
    score: Score | None,
    facts: Mapping[str, Any],
    warnings: Sequence[str] = (),
    about: About | None = None,
) -> Path:
    """Write OUT/report.html, one self-contained page.

    Args:
        paths: pictures by name; those that are shown are read again.
        scores: probability 0..1 of each that could be scored.
        labels: whether there is tumour, of those of which it is known.
        facts: of the run; "failed" is name -> sentence.
        about: what came out, and the card of the model.
    """
    ranked = sorted(scores, key=lambda name: (-scores[name], name))
    return write_page(
        Path(out) / "report.html",
        "patch_sheet.html",
        title="Patches of lymph nodes",
        numbers=_numbers(scores, labels, facts),
        warnings=list(warnings),
        about=about or About(),
        failed=dict(facts.get("failed", {})),
        score=score,
        plot=curves_svg(score.curves, score.operating_points) if score is not None and score.curves else None,
        histogram=histogram_svg(list(scores.values()), "probability of tumour", np.linspace(0, 1, 21).tolist()),
        sheets=[
            PatchSheet(title, tuple(_tile(name, paths, scores, labels) for name in names))
            for title, names in _chosen(ranked, labels)
            if names
        ],
        groups=fact_groups(facts, ("failed",)),
    )


def _numbers(
    scores: Mapping[str, float], labels: Mapping[str, bool], facts: Mapping[str, Any]
) -> list[tuple[str, str]]:
    return [
        (f"{len(scores):,}", "patches scored"),
        (f"{sum(score >= 0.5 for score in scores.values()):,}", "with a probability of 0.5 or more"),
        (f"{len(labels):,}", "labelled"),
        (f"{sum(labels.values()):,}", "with tumour by their label"),
        (f"{len(facts.get('failed', {})):,}", "that could not be scored"),
    ]


def _chosen(ranked: Sequence[str], labels: Mapping[str, bool]) -> list[tuple[str, list[str]]]:
    """Which patches are shown: the most telling mistakes first, where there are labels."""
    without = [name for name in ranked if labels.get(name) is False]
    with_tumour = [name for name in reversed(ranked) if labels.get(name)]
    evenly = np.unique(np.linspace(0, len(ranked) - 1, min(_TILES, len(ranked))).round().astype(int))
    return [
        ("With tumour, scored lowest", with_tumour[:_TILES]),
        ("Without tumour, scored highest", without[:_TILES]),
        ("Scored highest", list(ranked[:_TILES])),
        ("Evenly over all ranks", [ranked[place] for place in evenly]),
    ]


def _tile(name: str, paths: Mapping[str, Path], scores: Mapping[str, float], labels: Mapping[str, bool]) -> PatchTile:
    known = {True: "tumour", False: "none", None: ""}[labels.get(name)]
    return PatchTile(_uri(paths[name]), name, format_score(scores[name]), known)


def _uri(path: Path) -> str:
    stream = io.BytesIO()
    with Image.open(path) as picture:
        shown = picture.convert("RGB")
    shown.thumbnail((2 * _SHOWN_PX, 2 * _SHOWN_PX))
    shown.save(stream, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
