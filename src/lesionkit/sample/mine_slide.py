"""Hard negatives of slides: normal patches that a model takes for tumour, to be shown again."""

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import ArrayLike
from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.sample.mine import strongest_of_each


class MineSettings(Settings):
    """Which normal patches are hard, and how many are shown."""

    min_score: float = Field(0.2, ge=0, le=1)
    """Least score; patches below are easy, however few are left."""
    per_slide: int = Field(200, ge=1)
    """Most of one slide, its highest first: one badly stained slide must not fill the list."""
    share: float = Field(0.25, ge=0, lt=1)
    """Share of an epoch's normal patches that are replaced by hard ones."""


def hard_negatives(rows: pd.DataFrame, scores: ArrayLike, settings: MineSettings | None = None) -> pd.DataFrame:
    """The normal patches with high scores, the highest first, marked source "hard".

    Boundary and tumour patches are never negatives, whatever their score; patches whose score is missing are easy.

    Args:
        rows: slide, row, column, kind.
        scores: (n,) 0..1 of a model that saw none of it, or of the last round.

    Returns:
        The rows with their score.

    Raises:
        LesionkitError: rows and scores differ in number, or scores leave 0..1.
    """
    settings, found = settings or MineSettings(), np.asarray(scores, dtype=float)
    if found.shape != (len(rows),):
        raise LesionkitError(f"{len(rows)} patches need as many scores, got {found.shape}")
    if not np.logical_or(np.isnan(found), (found >= 0) & (found <= 1)).all():
        raise LesionkitError(f"scores must lie in 0..1, got {np.nanmin(found):g} to {np.nanmax(found):g}")
    table = rows.assign(score=found)
    hard = table[(table["kind"] == "normal") & (table["score"] >= settings.min_score)]
    kept = hard[strongest_of_each(hard["slide"].to_numpy(), hard["score"].to_numpy(), settings.per_slide)]
    return kept.sort_values("score", ascending=False, kind="stable").assign(source="hard").reset_index(drop=True)


def with_hard(drawn: pd.DataFrame, hard: pd.DataFrame, settings: MineSettings, rng: Generator) -> pd.DataFrame:
    """A draw in which a share of the normal patches is replaced by hard ones; its size and its tumour stay.

    None is shown twice: with fewer hard patches than asked for, fewer are replaced.

    Args:
        drawn: of `draw_patches`.
        hard: of `hard_negatives`.
    """
    normal = np.flatnonzero((drawn["kind"] == "normal").to_numpy())
    count = min(round(len(normal) * settings.share), len(hard))
    if not count:
        return drawn
    gone = rng.choice(normal, count, replace=False)
    shown = hard.iloc[rng.choice(len(hard), count, replace=False)]
    columns = [name for name in drawn.columns if name in shown.columns]
    kept = drawn.drop(index=drawn.index[gone])
    return pd.concat([kept, shown[columns]]).sample(frac=1, random_state=rng).reset_index(drop=True)
