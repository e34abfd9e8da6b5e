"""What is shown of a slide to be reviewed, and what readers hold to be true of slides as a data set."""

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import cast

from lesionkit.core.grid import Grid
from lesionkit.core.handed import Outlines
from lesionkit.core.image import Image
from lesionkit.core.slide_place import polygon_pixels
from lesionkit.read.slide.whole import Slide
from lesionkit.read.truth.camelyon import slide_name
from lesionkit.recipes.data_set import link_image
from lesionkit.recipes.reviewing import Reviewing
from lesionkit.recipes.slide.search import FoundSlide
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.review.consensus import Truth
from lesionkit.review.corrected import polygon_of
from lesionkit.review.finding import Finding, findings_of
from lesionkit.review.session import Picture
from lesionkit.write.geojson import Feature, write_geojson
from lesionkit.write.slide_truth import write_slide_labels, write_slide_patients

_OVERVIEW_PX = 1 << 22


def grid_of(found: FoundSlide) -> Grid:
    """See `Reviewing.grid`."""
    return found.grid


def findings(found: FoundSlide, handed: Outlines) -> Sequence[Finding]:
    """See `Reviewing.findings`."""
    del found
    return findings_of(handed)


def open_picture(handed: Outlines) -> Picture:
    """See `Reviewing.open`: tiles are read from the level that fits; the smallest from one overview in memory."""
    # The image of a case of this kind is its slide.
    slide = cast(Slide, handed.case().image)
    finest_um, pixels = max(slide.grid.spacing_mm) * 1000, math.prod(slide.grid.shape)
    # So often halved the whole of it is small enough; halves are averaged faster than other shares.
    small = next(k for k in itertools.count() if pixels >> (2 * k) <= _OVERVIEW_PX)

    @lru_cache(maxsize=1)
    def overview() -> Image:
        return slide.overview(max_px=pixels, min_spacing_um=finest_um * (1 << small))

    @lru_cache(maxsize=32)
    def at(halvings: int) -> Image:
        if halvings >= small:
            return overview()
        return slide.at_spacing(finest_um * (1 << halvings)) if halvings else slide

    return Picture(slide.grid, at)


def write(folder: Path, judged: Sequence[tuple[FoundSlide, Truth]]) -> Sequence[Path]:
    """See `Reviewing.write`: slides/ (links), annotations/ as GeoJSON of QuPath, labels.csv and patients.csv."""
    labels, patients, drawn = {}, {}, []
    for found, truth in judged:
        name = slide_name(link_image(found.item.path, folder / "slides").name)
        labels[name] = bool(truth.lesions)
        patients[name] = found.item.patient_id or name
        if truth.lesions:
            polygons = [polygon_pixels(polygon_of(one.finding), found.grid) for one in truth.lesions]
            drawn.append(write_geojson(folder / "annotations" / f"{name}.geojson", map(Feature, polygons)))
    table = write_slide_labels(folder / "labels.csv", labels)
    return [table, write_slide_patients(folder / "patients.csv", patients), *drawn]


SLIDE_REVIEWING: Reviewing[SlideMetastasis, FoundSlide] = Reviewing(
    grid_of, findings, open_picture, write, reach_mm=0.1
)
