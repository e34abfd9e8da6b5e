"""The patches of slides: where tissue lies, which hold tumour, how many there are, and a balanced draw of them.

Patches are rows of a table, not files: (row, column) of their first sample on the image they are read from.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import Image
from lesionkit.core.outline import SlideMask
from lesionkit.core.settings import Settings

KINDS = ("tumour", "boundary", "normal")
"""tumour: all of the patch is; boundary: some of it; normal: none of it."""

_POINTS = 16


class SlideGridSettings(Settings):
    """Which patches a slide has."""

    patch: int = Field(default=256, ge=16)
    """Side in samples of the image they are read from (row 4.2: 256 of the finest level)."""
    stride: int | None = Field(default=None, ge=1)
    """Samples from one patch to the next; None for the side: no overlap."""
    min_tissue: float = Field(default=0.25, gt=0, le=1)
    """Least share of tissue in a patch; row 4.4 asked one sample of a very small overview."""


@dataclass(frozen=True, eq=False)
class Annotated:
    """Tumour of a slide and how its pixels lie on it.

    Attributes:
        mask: tumour; of outlines, `Outline.sampled(16)`.
        finest: the grid of the slide's finest level.
        origin_xy: where the slide as shown begins in the file, in pixels of the finest level; (0, 0) if the mask counts
            from there too.
    """

    mask: SlideMask
    finest: Grid
    origin_xy: tuple[int, int] = (0, 0)


def find_patches(
    grid: Grid, tissue: Image, annotated: Annotated | None = None, settings: SlideGridSettings | None = None
) -> pd.DataFrame:
    """The patches of a slide that hold tissue (system 4, rows 4.2 to 4.6).

    Args:
        grid: of the image that patches are read from: a level, or the slide at a chosen spacing.
        tissue: a 2-D boolean image of any spacing on the same slide.
        annotated: None for a slide without tumour.

    Returns:
        One row per patch, from the top left: row, column, tissue_share, tumour_share, kind. Shares are those of
        16 × 16 points. Patches that would reach beyond the image are left out.
    """
    settings = settings or SlideGridSettings()
    stride = settings.stride or settings.patch
    rows, columns = (np.arange(0, n - settings.patch + 1, stride) for n in grid.shape)
    held = tissue.read(tissue.grid.whole)
    parts = []
    for row in rows.tolist():
        tissue_share = _share(held, _index(row, columns, grid, settings.patch, tissue.grid))
        tumour_share = _tumour_share(row, columns, grid, settings.patch, annotated)
        keep = tissue_share >= settings.min_tissue
        parts.append(
            pd.DataFrame(
                {
                    "row": row,
                    "column": columns[keep],
                    "tissue_share": tissue_share[keep],
                    "tumour_share": tumour_share[keep],
                }
            )
        )
    empty = pd.DataFrame({"row": [], "column": [], "tissue_share": [], "tumour_share": []})
    table = pd.concat(parts, ignore_index=True) if parts else empty
    share = table["tumour_share"].to_numpy(dtype=float)
    table["kind"] = np.select([share >= 1, share > 0], KINDS[:2], KINDS[2]).astype(object)
    return table.astype({"row": np.int64, "column": np.int64})


def slide_statistics(tables: Mapping[str, pd.DataFrame], few: int = 100) -> pd.DataFrame:
    """Patches of each slide and of all (row 4.1): slide, patches, tumour, boundary, normal, ratio, few_tumour.

    Args:
        few: a slide with tumour or boundary but fewer tumour patches counts as having few; smaller patches would help.

    Returns:
        One row per slide and "all" as the last; ratio is normal : tumour, missing without tumour.
    """
    names = [*tables, "all"]
    counts = [table["kind"].value_counts().reindex(list(KINDS), fill_value=0) for table in tables.values()]
    frame = pd.DataFrame(counts, columns=list(KINDS), dtype=np.int64).reset_index(drop=True)
    frame.loc[len(frame)] = frame.sum()
    frame = frame.astype(np.int64)
    frame.insert(0, "slide", names)
    frame.insert(1, "patches", frame[list(KINDS)].sum(axis=1))
    frame["ratio"] = frame["normal"] / frame["tumour"].where(frame["tumour"] > 0)
    frame["few_tumour"] = (frame["tumour"] < few) & (frame["tumour"] + frame["boundary"] > 0)
    return frame


def draw_patches(
    tables: Mapping[str, pd.DataFrame],
    count: int,
    rng: np.random.Generator,
    weights: tuple[float, float, float] = (1.0, 1.0, 2.0),
) -> pd.DataFrame:
    """Patches in the ratio tumour : normal of slides with tumour : normal of slides without (row 4.9, corrected).

    Within each of the three, all slides give equally many patches as far as they have them, drawn from their real
    tissue without repetition; a patch comes twice only when every slide is used up. Boundary patches are not drawn.

    Args:
        tables: of `find_patches` by slide.
        weights: 1 : 1 : 2 as published; (1, 1, 0) leaves the healthy slides out.

    Returns:
        `count` rows in random order: slide, row, column, kind, source ("tumour", "positive" or "negative").

    Raises:
        LesionkitError: no weight, or a source with weight has no patch at all.
    """
    if count < 1 or min(weights) < 0 or sum(weights) <= 0:
        raise LesionkitError(f"a draw needs a count of 1 or more and weights of 0 or more, got {count} and {weights}")
    positive = {name for name, table in tables.items() if (table["kind"] != "normal").any()}
    sources = {
        "tumour": _of_kind(tables, "tumour", positive),
        "positive": _of_kind(tables, "normal", positive),
        "negative": _of_kind(tables, "normal", set(tables) - positive),
    }
    for (name, held), weight in zip(sources.items(), weights, strict=True):
        if weight and not held:
            raise LesionkitError(_nothing(name, len(tables), len(positive)))
    edges = np.rint(np.cumsum(weights) / sum(weights) * count).astype(int)
    numbers = np.diff(edges, prepend=0).tolist()
    drawn = [
        pd.DataFrame(list(_taken(held, number, rng)), columns=["slide", "row", "column", "kind"]).assign(source=name)
        for (name, held), number in zip(sources.items(), numbers, strict=True)
        if number
    ]
    return pd.concat(drawn).sample(frac=1, random_state=rng).reset_index(drop=True)


def _index(row: int, columns: NDArray[np.int64], grid: Grid, patch: int, other: Grid) -> tuple[NDArray[np.int64], ...]:
    """Samples of another upright grid at the points of one row of patches: of the rows and of the columns."""
    points = (np.arange(_POINTS) + 0.5) / _POINTS * patch - 0.5
    down, across = row + points, (columns[:, None] + points).ravel()
    first = grid.index_to_world(np.stack([down, np.zeros_like(down)], axis=1))
    second = grid.index_to_world(np.stack([np.zeros_like(across), across], axis=1))
    rows = np.rint(other.world_to_index(first)[:, 0]).astype(np.int64)
    return rows, np.rint(other.world_to_index(second)[:, 1]).astype(np.int64)


def _share(mask: NDArray[np.bool_], index: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Share of points in the mask per patch; what lies beyond the mask is not in it."""
    rows, columns = index
    inside = [(i >= 0) & (i < n) for i, n in zip(index, mask.shape, strict=True)]
    found = np.zeros((len(rows), len(columns)), dtype=bool)
    found[np.ix_(*inside)] = mask[np.ix_(rows[inside[0]], columns[inside[1]])]
    return np.asarray(found.reshape(len(rows), -1, _POINTS).mean(axis=(0, 2)))


def _tumour_share(
    row: int, columns: NDArray[np.int64], grid: Grid, patch: int, annotated: Annotated | None
) -> NDArray[np.float64]:
    if annotated is None or not annotated.mask.has_tumour:
        return np.zeros(len(columns))
    mask, origin = annotated.mask, annotated.origin_xy[::-1]
    pixels = _index(row, columns, grid, patch, annotated.finest)
    index = [
        ((p + o) // mask.downsample).astype(np.int64) - corner
        for p, o, corner in zip(pixels, origin, mask.corner, strict=True)
    ]
    return _share(mask.mask, index)


def _of_kind(tables: Mapping[str, pd.DataFrame], kind: str, slides: set[str]) -> dict[str, pd.DataFrame]:
    """Patches of one kind by slide, of the slides that have any."""
    found = {name: table[table["kind"] == kind] for name, table in tables.items() if name in slides}
    return {name: table for name, table in found.items() if len(table)}


def _taken(
    held: Mapping[str, pd.DataFrame], number: int, rng: np.random.Generator
) -> Iterator[tuple[str, int, int, str]]:
    """Go round the slides in random order and take a patch of each, until there are enough."""
    places = {name: table[["row", "column", "kind"]].to_numpy(dtype=object) for name, table in held.items()}
    waiting: dict[str, list[int]] = {}
    while number:
        if not any(waiting.values()):
            waiting = {name: rng.permutation(len(rows)).tolist() for name, rows in places.items()}
        for name in rng.permutation([name for name, left in waiting.items() if left])[:number].tolist():
            row, column, kind = places[name][waiting[name].pop()]
            number -= 1
            yield name, row, column, kind


def _nothing(source: str, slides: int, positive: int) -> str:
    said = f"of {slides} slides {positive} hold tumour"
    if source == "tumour":
        return (
            f"the draw needs patches that are all tumour, but there are none; {said}; are the outlines those of these "
            "slides, or the patches too large for their lesions?"
        )
    which = "with" if source == "positive" else "without"
    return (
        f"the draw needs normal tissue of slides {which} tumour, but there is none; {said}; give this source weight 0"
    )
