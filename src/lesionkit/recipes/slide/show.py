"""What was found on slides -> what their page shows, one slide after the other."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.grid import Grid
from lesionkit.core.image import Image, read_padded
from lesionkit.core.lesion import Candidate
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.infer.marks import regions
from lesionkit.prepare.tissue import find_tissue
from lesionkit.recipes.slide.case import analysed, open_case
from lesionkit.recipes.slide.map import read_map
from lesionkit.recipes.slide.score import Known
from lesionkit.recipes.slide.search import FoundSlide, kept_map
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.report.found_slide import FoundSlide as ShownSlide
from lesionkit.report.found_slide import SlideTruth as ShownTruth

_CROP_PX = 192
_WHITE = 255


class Shown:
    """Slides for the page: taken one by one, each opened when it is its turn.

    Args:
        folder: of the run, with the maps.
        scores: of every slide.
    """

    def __init__(
        self,
        folder: Path,
        found: Sequence[FoundSlide],
        scores: Mapping[str, float],
        known: Known,
        settings: SlideMetastasis,
    ) -> None:
        self.folder, self.found, self.scores, self.known, self.settings = folder, found, scores, known, settings

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[ShownSlide]:
        for found in self.found:
            yield self._shown(found)

    def _shown(self, found: FoundSlide) -> ShownSlide:
        settings, slide = self.settings, open_case(found.item.path, self.settings)
        overview = slide.overview(settings.overview.max_px, settings.overview.min_um)
        map_ = read_map(kept_map(self.folder, found.slide_id), found.map_grid)
        image = analysed(slide, settings)
        return ShownSlide(
            case_id=found.slide_id,
            grid=found.grid,
            overview=lambda: overview,
            map=map_,
            score=self.scores[found.slide_id],
            marks=found.marks,
            regions=regions(map_, settings.regions),
            tissue=find_tissue(overview, settings.tissue).mask,
            truth=self._truth(found),
            crop=partial(crop, image),
            crop_um=image.grid.spacing_mm[0] * 1000,
            origin_xy=found.origin_xy,
            facts=_told(found.facts),
        )

    def _truth(self, found: FoundSlide) -> ShownTruth | None:
        known = self.known.get(found.slide_id)
        if known is None:
            return None
        drawn = known.tumour if known.tumour is not None and known.tumour.has_tumour else None
        return ShownTruth(known.has_tumour, None if drawn is None else as_shown(drawn, found.origin_xy))


def crop(image: Image, mark: Candidate) -> NDArray[np.uint8]:
    """A square of the analysed image around a mark; white beyond the slide."""
    grid: Grid = image.grid
    row, column = np.rint(grid.world_to_index(mark.centre_mm)).astype(int).tolist()
    half = _CROP_PX // 2
    return np.asarray(read_padded(image, (row - half, column - half), (_CROP_PX, _CROP_PX), _WHITE), dtype=np.uint8)


def as_shown(tumour: Outline | SlideMask, origin_xy: tuple[int, int]) -> Outline | SlideMask:
    """Tumour from the file's corner as tumour from the corner of what is shown."""
    if origin_xy == (0, 0):
        return tumour
    origin = np.array(origin_xy, dtype=float)
    if isinstance(tumour, Outline):
        rings, holes = ([np.maximum(ring - origin, 0) for ring in part] for part in (tumour.rings, tumour.holes))
        return Outline(tuple(rings), tuple(holes))
    row, column = tumour.corner
    down, across = (round(value / tumour.downsample) for value in origin_xy[::-1])
    return SlideMask(tumour.mask, tumour.downsample, (row - down, column - across))


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts without what the page draws itself."""
    return {name: value for name, value in facts.items() if name not in ("origin_xy", "tissue_failure")}
