"""One slide on disk -> its tissue and its patches, kept in a small folder per slide."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image as Picture

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing, write_text
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage, Image
from lesionkit.prepare.tissue import TissueMask, find_tissue
from lesionkit.read.slide.level import ScaledLevel, SlideLevel
from lesionkit.read.slide.set import SlideEntry
from lesionkit.read.slide.whole import Slide, open_slide
from lesionkit.recipes.slide.drawn import SlideTruth, read_truth
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.sample.slide_grid import SlideGridSettings, find_patches
from lesionkit.write.siim import write_mask

_TISSUE, _PATCHES, _FACTS = "tissue.png", "patches.parquet", "facts.json"


@dataclass(frozen=True, eq=False)
class PreparedSlide:
    """A slide that is ready to learn from.

    Attributes:
        tissue: boolean, on the grid of the overview.
        patches: see `patches_of`.
        facts: mpp, levels, areas of tissue and what is none, seconds, warnings.
    """

    entry: SlideEntry
    tissue: ArrayImage
    patches: pd.DataFrame
    facts: Mapping[str, Any]

    @property
    def has_tumour(self) -> bool:
        """Whether any tumour is drawn on it."""
        return bool(self.facts["has_tumour"])


def open_case(path: Path, settings: SlideMetastasis) -> Slide:
    """A slide as the settings say; nothing but its header is read."""
    return open_slide(path, settings.read)


def analysed(slide: Slide, settings: SlideMetastasis) -> SlideLevel | ScaledLevel:
    """The image that patches are read from and that is searched."""
    return slide.at_spacing(settings.um)


def tissue_of(slide: Slide, settings: SlideMetastasis) -> TissueMask:
    """The tissue of a slide, found on its overview."""
    overview = slide.overview(settings.overview.max_px, settings.overview.min_um)
    return find_tissue(overview, settings.tissue)


def patches_of(grid: Grid, tissue: Image, truth: SlideTruth | None, settings: SlideMetastasis) -> pd.DataFrame:
    """The patches of a slide: those of the grid, and where it has few tumour patches also smaller ones.

    Returns:
        The columns of `find_patches` and `side`: how many samples in the middle of the patch decide its kind. The
        patch that is read has the same size for all.
    """
    annotated = truth.annotated if truth is not None else None
    table = find_patches(grid, tissue, annotated, settings.patches).assign(side=settings.patches.patch)
    few = settings.few
    if truth is None or not truth.has_tumour or (table["kind"] == "tumour").sum() >= few.below:
        return table
    smaller = SlideGridSettings(patch=few.patch, stride=few.stride, min_tissue=settings.patches.min_tissue)
    more = find_patches(grid, tissue, annotated, smaller)
    more = more[more["kind"] == "tumour"].assign(side=few.patch)
    margin = (settings.patches.patch - few.patch) // 2
    for axis, name in enumerate(("row", "column")):
        last = grid.shape[axis] - settings.patches.patch
        more = more[(more[name] >= margin) & (more[name] - margin <= last)]
        more[name] = more[name] - margin
    more = more.drop_duplicates(["row", "column"])
    return pd.concat([table, more], ignore_index=True) if len(more) else table


def prepare_slide(entry: SlideEntry, settings: SlideMetastasis, folder: Path) -> None:
    """Find tissue and patches of a slide and keep them in `folder`; what is there already is not done again.

    Raises:
        LesionkitError: the slide or its truth cannot be used.
    """
    if (folder / _FACTS).is_file():
        return
    start = time.perf_counter()
    slide = open_case(entry.path, settings)
    truth = read_truth(entry, slide, settings.truth)
    image = analysed(slide, settings)
    found = tissue_of(slide, settings)
    slide.refuse_unread()
    table = patches_of(image.grid, found.mask, truth, settings)
    write_mask(folder / _TISSUE, found.mask.array)
    with replacing(folder / _PATCHES) as temporary:
        table.to_parquet(temporary, index=False)
    told = slide_facts(slide, found)
    facts = {
        **told,
        "warnings": [*told["warnings"], *(truth.notes if truth is not None else ())],
        "um": image.grid.spacing_mm[0] * 1000,
        "looked_at": truth is not None,
        "has_tumour": truth is not None and truth.has_tumour,
        "patches": len(table),
        "tissue_grid": asdict(found.mask.grid),
        "prepare_seconds": round(time.perf_counter() - start, 3),
    }
    write_text(folder / _FACTS, json.dumps(facts, indent=1) + "\n")


def read_prepared(entry: SlideEntry, folder: Path) -> PreparedSlide:
    """What `prepare_slide` kept.

    Raises:
        LesionkitError: the folder is damaged.
    """
    try:
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        with Picture.open(folder / _TISSUE) as picture:
            mask = np.asarray(picture.convert("L")) > 0
        tissue = ArrayImage(Grid(**facts["tissue_grid"]), mask)
        return PreparedSlide(entry, tissue, pd.read_parquet(folder / _PATCHES), facts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LesionkitError(f"{folder} is damaged ({error}); delete it and run the same command again") from error


def slide_facts(slide: Slide, found: TissueMask) -> dict[str, Any]:
    """What is worth telling of a slide: its file, its tissue, and what is odd about either."""
    warnings = [*slide.warnings, *([found.failure] if found.failure else [])]
    if slide.unreadable:
        warnings.append(unreadable_sentence(slide))
    height, width = slide.grid.shape
    return {
        "path": str(slide.path),
        "mpp": round(slide.grid.spacing_mm[0] * 1000, 6),
        "mpp_from": slide.mpp_from,
        "rows": height,
        "columns": width,
        "levels": len(slide.levels),
        "origin_xy": list(slide.origin_xy),
        "areas_mm2": {name: round(area, 4) for name, area in found.areas_mm2.items()},
        "tissue_seconds": round(found.seconds, 3),
        "tissue_failure": found.failure,
        "warnings": warnings,
    }


def unreadable_sentence(slide: Slide) -> str:
    """What is said of tiles that could not be decoded."""
    return (
        f"{slide.unreadable} tiles ({slide.unreadable_share:.2%} of those that were read) could not be read and were "
        "taken for white: no tumour was looked for there"
    )
