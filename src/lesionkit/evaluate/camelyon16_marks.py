"""Which mark hits which lesion on the slides of CAMELYON16, and whether the tables fit each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.evaluate.camelyon16_regions import NO_REGIONS, Regions, RegionSettings, find_regions

_FACTORS = (2.0, 4.0, 8.0, 0.5, 0.25, 0.125)
"""Between the levels of a slide."""
_ALIKE = 0.05


@dataclass(frozen=True, eq=False)
class Slide:
    """One scored slide.

    Attributes:
        score, xy: (n,) and (n, 2) marks, positions in pixels of the finest level.
        region: (n,) number of the region each mark lies in, 0 where in none.
        has_marks: whether the slide was named in the marks, be it with none.
        settings: how its outlines became regions.
    """

    slide_id: str
    regions: Regions
    score: NDArray[np.float64]
    xy: NDArray[np.float64]
    region: NDArray[np.intp]
    has_marks: bool
    settings: RegionSettings

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
    settings: Mapping[str, RegionSettings],
) -> tuple[Slide, ...]:
    """Look up every mark of the given slides in the regions of its slide.

    Args:
        settings: of every scored slide, how its outlines become regions.

    Raises:
        LesionkitError: marks that are not finite numbers on the slide, by slide and row.
    """
    slides = []
    for slide_id, how in settings.items():
        rows = checked_marks(slide_id, marks.get(slide_id, ()))
        regions = find_regions(truth.get(slide_id), how) if slide_id in truth else NO_REGIONS
        _check_inside(slide_id, rows[:, 1:], regions)
        slides.append(
            Slide(slide_id, regions, rows[:, 0], rows[:, 1:], regions.at(rows[:, 1:]), slide_id in marks, how)
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


def frame_warning(slides: Iterable[Slide]) -> str | None:
    """A sentence if the marks seem to be in another frame than the tumour, with the cure if one is seen, else None.

    It speaks when no region is hit on slides with tumour and marks, and when undoing one of the usual mistakes would
    hit at least half of them, and many more than are hit.
    """
    searched = [slide for slide in slides if slide.regions.has_tumour and len(slide.score)]
    if not searched:
        return None
    regions = sum(len(slide.regions.is_itc) for slide in searched)
    n_hit = sum(_regions_hit(slide, slide.xy) for slide in searched)
    hits: dict[str, int] = {}
    for slide in searched:
        for how, xy in _turned(slide).items():
            hits[how] = hits.get(how, 0) + _regions_hit(slide, xy)
    how = max(hits, key=lambda key: hits[key])
    better = hits[how] > 0 if not n_hit else hits[how] >= max(2 * n_hit, n_hit + 3, regions / 2)
    if n_hit and not better:
        return None
    cure = f"; {how} would put some in {hits[how]}, so convert them or tell so" if better else ""
    return (
        f"truth and marks may be in different frames: {n_hit or 'none'} of {regions} annotated regions on "
        f"{len(searched)} slides with marks holds one; both must be pixels of the finest level, x before y{cure}"
    )


def _regions_hit(slide: Slide, xy: NDArray[np.float64]) -> int:
    number = slide.regions.at(xy)
    return len(np.unique(number[number > 0]))


def _turned(slide: Slide) -> dict[str, NDArray[np.float64]]:
    """The marks as they would be if one of the usual mistakes were undone; no mistake is listed twice."""
    um, step = slide.settings.level_0_um, slide.regions.downsample
    turned = {
        "swapping x and y": slide.xy[:, ::-1],
        "multiplying them by the downsample of the mask (marks in samples of the mask)": (slide.xy + 0.5) * step,
    }
    if not any(abs(factor * um - 1) < _ALIKE for factor in _FACTORS):
        turned[f"dividing them by {um:g} (marks in micrometres)"] = slide.xy / um
    for factor in _FACTORS:
        causes = ["marks of another level"]
        if abs(factor * um - 1) < _ALIKE:
            causes.append("marks in micrometres")
        if slide.regions.size_xy is not None:
            # A mask that is taken to be 32 times smaller, and is 16 times, has its tumour at twice the place.
            causes.append(f"a mask that is 1/{step / factor:g} of the slide and not 1/{step:g}")
        turned[f"multiplying them by {factor:g} ({', or '.join(causes)})"] = slide.xy * factor
    return turned
