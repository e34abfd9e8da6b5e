"""A slide and a network -> the map of how likely each place of its tissue is tumour."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.grid import Box, Grid
from lesionkit.core.image import Image
from lesionkit.infer.dense import cell_of, infer_dense
from lesionkit.infer.probability_map import ProbabilityMap
from lesionkit.infer.sampled import infer_sampled
from lesionkit.nets.patch_net import PatchNet
from lesionkit.read.slide import Slide
from lesionkit.read.slide_stream import stream
from lesionkit.recipes.slide_case import analysed
from lesionkit.recipes.slide_patches import tissue_colours
from lesionkit.recipes.slide_settings import SlideMetastasis
from lesionkit.sample.slide_grid import SlideGridSettings, find_patches
from lesionkit.sample.slide_patches import Normalise
from lesionkit.sample.slide_stain import normaliser

_NOWHERE = np.float16(-1)


@dataclass(frozen=True, eq=False)
class _Restained:
    """A slide in the stain of the reference."""

    image: Image
    normalise: Normalise
    name: str

    @property
    def grid(self) -> Grid:
        return self.image.grid

    def read(self, box: Box) -> NDArray[Any]:
        return self.normalise(self.name, self.image.read(box))


def probability_map(net: PatchNet, slide: Slide, tissue: Image, settings: SlideMetastasis) -> ProbabilityMap:
    """The map of one slide; a slide without tissue gets an empty one.

    Args:
        tissue: boolean, on the grid of the slide's overview.
    """
    image: Image = analysed(slide, settings)
    if not tissue.read(tissue.grid.whole).any():
        return ProbabilityMap.empty(image.grid, cell_of(net, settings.dense))
    if settings.stain != "none":
        colours = tissue_colours(slide, tissue, settings)
        image = _Restained(image, normaliser(settings.stain, {slide.path.name: colours}), slide.path.name)
    if settings.search.mode == "sampled":
        return _sampled_map(net, image, tissue, settings)
    return infer_dense(net, image, tissue, settings.dense, partial(stream, threads=settings.search.threads))


def _sampled_map(net: PatchNet, image: Image, tissue: Image, settings: SlideMetastasis) -> ProbabilityMap:
    """Scores of sampled patches on the lattice of all patches; the others were not computed (row 4.18)."""
    sampled = settings.sampled
    grid = SlideGridSettings(patch=sampled.patch, min_tissue=settings.patches.min_tissue)
    patches = find_patches(image.grid, tissue, None, grid)
    found = ProbabilityMap.empty(image.grid, sampled.patch)
    if len(patches):
        reader = partial(stream, threads=settings.search.threads)
        scored = infer_sampled(net, image, patches, sampled, reader)
        cells = tuple((scored[name] // sampled.patch).to_numpy() for name in ("row", "column"))
        found.array[cells] = scored["score"].to_numpy()
        found.computed[cells] = True
    return found


def keep_map(path: Path, found: ProbabilityMap) -> Path:
    """Keep a map as it was computed, for the report; -1 where it was not. Inverse of `read_map`."""
    held = np.where(found.computed, found.array, _NOWHERE).astype(np.float16)
    with replacing(path) as temporary:
        blosc2.save_array(held, str(temporary), mode="w")
    return path


def read_map(path: Path, grid: Grid) -> ProbabilityMap:
    """The map that `keep_map` kept.

    Raises:
        LesionkitError: there is none, or it is damaged.
    """
    try:
        held = np.asarray(blosc2.load_array(str(path)), dtype=np.float16)
    except (OSError, RuntimeError, ValueError) as error:
        raise LesionkitError(f"{path} is damaged ({error}); delete it and run the same command again") from error
    return ProbabilityMap(grid, held, held >= 0)
