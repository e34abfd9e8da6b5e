"""Which mark hits which lesion on the slides of CAMELYON16, and whether the tables fit each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.evaluate.camelyon16_regions import NO_REGIONS, Regions, RegionSettings, find_regions


@dataclass(frozen=True, eq=False)
class Slide:
    """One scored slide.

    Attributes:
        score, xy: (n,) and (n, 2) marks, positions in pixels of the finest level.
        region: (n,) number of the region each mark lies in, 0 where in none.
        has_marks: whether the slide was named in the marks, be it with none.
    """

    slide_id: str
    regions: Regions
    score: NDArray[np.float64]
    xy: NDArray[np.float64]
    region: NDArray[np.intp]
    has_marks: bool

    @property
    def region_score(self) -> NDArray[np.float64]:
        """(regions,) the highest score in each region, -inf where there is no mark."""
        best = np.full(len(self.regions.is_itc), -np.inf)
        inside = self.region > 0
        np.maximum.at(best, self.region[inside] - 1, self.score[inside])
        return best

    @property
    def is_false(self) -> NDArray[np.bool_]:
        return np.asarray(self.region == 0)


def find_hits(
    marks: Mapping[str, ArrayLike],
    truth: Mapping[str, Outline | SlideMask | None],
    slide_ids: Iterable[str],
    settings: RegionSettings,
) -> tuple[Slide, ...]:
    """Look up every mark of the given slides in the regions of its slide.

    Raises:
        LesionkitError: marks that are not finite numbers on the slide, by slide and row.
    """
    slides = []
    for slide_id in slide_ids:
        rows = checked_marks(slide_id, marks.get(slide_id, ()))
        regions = find_regions(truth.get(slide_id), settings) if slide_id in truth else NO_REGIONS
        _check_inside(slide_id, rows[:, 1:], regions)
        slides.append(
            Slide(slide_id, regions, rows[:, 0], rows[:, 1:], regions.at(rows[:, 1:]), has_marks=slide_id in marks)
        )
    return tuple(slides)


def checked_marks(slide_id: str, marks: ArrayLike) -> NDArray[np.float64]:
    """(n, 3) probability, x, y.

    Raises:
        LesionkitError: another shape, a value that is not finite, a negative position.
    """
    rows = np.asarray(marks, dtype=np.float64)
    if rows.size == 0:
        return np.zeros((0, 3))
    if rows.ndim != 2 or rows.shape[1] != 3:
        raise LesionkitError(
            f"marks of slide '{slide_id}' must be rows of probability, x and y, got an array of shape {rows.shape}"
        )
    wrong = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(wrong):
        raise LesionkitError(
            f"marks of slide '{slide_id}' must be finite, got {rows[wrong[0]].tolist()} in row {wrong[0] + 1}"
        )
    wrong = np.flatnonzero((rows[:, 1:] < 0).any(axis=1))
    if len(wrong):
        raise LesionkitError(
            f"marks of slide '{slide_id}' must be pixels of the finest level, not negative, got x, y = "
            f"{rows[wrong[0], 1:].tolist()} in row {wrong[0] + 1}"
        )
    return rows


def _check_inside(slide_id: str, xy: NDArray[np.float64], regions: Regions) -> None:
    if regions.size_xy is None:
        return
    # The last sample of a reduced mask may be only partly on the slide.
    wrong = np.flatnonzero((xy >= np.array(regions.size_xy) + regions.downsample).any(axis=1))
    if len(wrong):
        raise LesionkitError(
            f"marks of slide '{slide_id}' must lie on the slide of {regions.size_xy[0]:g} x {regions.size_xy[1]:g} "
            f"pixels, got x, y = {xy[wrong[0]].tolist()} in row {wrong[0] + 1}; are they pixels of the finest level, "
            "and is the downsample of the mask right?"
        )


def frame_warning(slides: Iterable[Slide], level_0_um: float) -> str | None:
    """A sentence if no mark on a slide with tumour lies in any, with the cure if one is seen."""
    searched = [slide for slide in slides if slide.regions.has_tumour and len(slide.score)]
    if not searched or any((slide.region > 0).any() for slide in searched):
        return None
    hits: dict[str, int] = {}
    for slide in searched:
        for how, xy in _turned(slide, level_0_um).items():
            hits[how] = hits.get(how, 0) + int((slide.regions.at(xy) > 0).sum())
    how = max(hits, key=lambda key: hits[key])
    cure = f"; {how} would put {hits[how]} of them in one, so convert the marks" if hits[how] else ""
    n_marks = sum(len(slide.score) for slide in searched)
    return (
        f"truth and marks may be in different frames: none of {n_marks} marks on {len(searched)} slides with tumour "
        f"lies in any; both must be pixels of the finest level, x before y{cure}"
    )


def _turned(slide: Slide, level_0_um: float) -> dict[str, NDArray[np.float64]]:
    """The marks as they would be if one of the usual mistakes were undone."""
    samples = "multiplying them by the downsample of the mask (marks in samples of the mask)"
    return {
        "swapping x and y": slide.xy[:, ::-1],
        samples: (slide.xy + 0.5) * slide.regions.downsample,
        f"dividing them by {level_0_um:g} (marks in micrometres)": slide.xy / level_0_um,
    }
