"""A slide and a network, or several -> the map of how likely each place of its tissue is tumour."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import blosc2
import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.grid import Box, Grid
from lesionkit.core.image import Image
from lesionkit.infer.probability_map import ProbabilityMap
from lesionkit.read.slide.stream import stream
from lesionkit.read.slide.whole import Slide
from lesionkit.recipes.slide.answer import Measured
from lesionkit.recipes.slide.case import analysed
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.sample.slide_grid import SlideGridSettings, find_patches

if TYPE_CHECKING:
    from lesionkit.nets.patch_net import PatchNet
    from lesionkit.sample.slide_patches import Normalise

_NOWHERE = np.float32(-1)
_ROWS = 1024


@dataclass(frozen=True, eq=False)
class _Restained:
    """A slide in the stain of the reference."""

    image: Image
    normalise: "Normalise"
    name: str

    @property
    def grid(self) -> Grid:
        return self.image.grid

    def read(self, box: Box) -> NDArray[Any]:
        return self.normalise(self.name, self.image.read(box))


def probability_map(net: "PatchNet", slide: Slide, tissue: Image, settings: SlideMetastasis) -> ProbabilityMap:
    """The map of one slide; a slide without tissue gets an empty one.

    Args:
        tissue: boolean, on the grid of the slide's overview.
    """
    from lesionkit.infer.dense import cell_of, infer_dense

    if not tissue.read(tissue.grid.whole).any():
        return ProbabilityMap.empty(analysed(slide, settings).grid, cell_of(net, settings.infer))
    image = _searched_image(slide, tissue, settings)
    if settings.infer.mode == "sampled":
        return _sampled_map(net, image, tissue, settings)
    return infer_dense(net, image, tissue, settings.infer, partial(stream, threads=settings.infer.threads))


def _searched_image(slide: Slide, tissue: Image, settings: SlideMetastasis) -> Image:
    """What a network is shown of a slide: at the spacing it learned at, in its stain."""
    from lesionkit.recipes.slide.patches import tissue_colours
    from lesionkit.sample.slide_stain import normaliser

    image: Image = analysed(slide, settings)
    if settings.stain == "none":
        return image
    colours = tissue_colours(slide, tissue, settings)
    return _Restained(image, normaliser(settings.stain, {slide.path.name: colours}), slide.path.name)


def tissue_features(net: "PatchNet", slide: Slide, tissue: Image, settings: SlideMetastasis) -> NDArray[np.float32]:
    """What a network sees of blocks of a slide's tissue (k, c), in some of its windows."""
    from lesionkit.infer.dense import dense_features

    if not tissue.read(tissue.grid.whole).any():
        return np.zeros((0, 0), np.float32)
    return dense_features(net, _searched_image(slide, tissue, settings), tissue, settings.infer)


def patch_groups(
    net: "PatchNet", patches: NDArray[np.uint8], settings: SlideMetastasis, group: int = 30
) -> list[NDArray[np.float32]]:
    """What a network sees of labelled patches, some together as if they were one slide, for theirs is not told."""
    from lesionkit.infer.dense import patch_features

    rows = patch_features(net, patches, settings.infer)
    order = np.random.default_rng(0).permutation(len(rows))
    return [rows[order[first : first + group]] for first in range(0, max(len(rows) - group, 0) + 1, group)]


def joined_map(
    nets: "Sequence[tuple[str, PatchNet, float]]", slide: Slide, tissue: Image, settings: SlideMetastasis
) -> tuple[ProbabilityMap, dict[str, Measured]]:
    """The weighted mean of the maps of several networks, and what each one's map measures.

    One map is held beside the mean, so that memory does not grow with their number. Cells are as large as those of the
    coarsest network.

    Args:
        nets: name, network and positive weight of each.
        tissue: boolean, on the grid of the slide's overview.
    """
    from lesionkit.infer.dense import cell_of

    cell = math.lcm(*(cell_of(net, settings.infer) for _, net, _ in nets))
    alike = settings.model_copy(update={"infer": settings.infer.model_copy(update={"least_stride": cell})})
    total, mean, measured = sum(weight for _, _, weight in nets), None, {}
    for name, net, weight in nets:
        found = probability_map(net, slide, tissue, alike)
        measured[name] = Measured.of(found, settings.answer)
        mean = _added(mean, found, np.float32(weight / total))
    if mean is None:
        raise LesionkitError("a slide is searched by one network or more, got none")
    for rows in _bands(mean):
        # Shares that sum to 1 up to rounding would make a probability of a little more.
        np.minimum(mean.array[rows], 1, out=mean.array[rows])
    return mean, measured


def _added(mean: ProbabilityMap | None, found: ProbabilityMap, share: np.float32) -> ProbabilityMap:
    """The mean with a share of another map; the first one is made the mean in its place."""
    for rows in _bands(found):
        found.array[rows] *= share
        if mean is not None:
            mean.array[rows] += found.array[rows]
    if mean is None:
        return found
    for name, value in found.facts.items():
        mean.facts[name] = mean.facts.get(name, 0) + value
    return mean


def _sampled_map(net: "PatchNet", image: Image, tissue: Image, settings: SlideMetastasis) -> ProbabilityMap:
    """Scores of sampled patches on the lattice of all patches; the others were not computed (row 4.18)."""
    sampled = settings.infer.sampled
    grid = SlideGridSettings(patch=sampled.patch, min_tissue=settings.patches.min_tissue)
    patches = find_patches(image.grid, tissue, None, grid)
    found = ProbabilityMap.empty(image.grid, sampled.patch)
    if len(patches):
        reader = partial(stream, threads=settings.infer.threads)
        from lesionkit.infer.sampled import infer_sampled

        how = (settings.infer.precision, settings.infer.device)
        scored = infer_sampled(net, image, patches, sampled, reader, *how)
        cells = tuple((scored[name] // sampled.patch).to_numpy() for name in ("row", "column"))
        found.array[cells] = scored["score"].to_numpy()
        found.computed[cells] = True
    return found


def keep_map(path: Path, found: ProbabilityMap) -> Path:
    """Keep a map as it was computed, for the report; -1 where it was not. Inverse of `read_map`.

    It keeps float32: as float16 all that a network is sure of would be equal, and marks and scores are of that. Some
    rows are written at a time.
    """
    with replacing(path) as temporary:
        held = blosc2.empty(found.grid.shape, np.float32, urlpath=str(temporary), mode="w")
        for rows in _bands(found):
            held[rows] = np.where(found.computed[rows], found.array[rows], _NOWHERE)
        del held
    return path


def read_map(path: Path, grid: Grid) -> ProbabilityMap:
    """The map that `keep_map` kept.

    Raises:
        LesionkitError: there is none, or it is damaged.
    """
    try:
        opened: Any = blosc2.open(str(path), mode="r")
        # The first versions kept the array in another form.
        held = np.asarray(opened[:] if isinstance(opened, blosc2.NDArray) else blosc2.load_array(str(path)))
        if held.shape != grid.shape:
            raise ValueError(f"a shape of {held.shape} instead of {grid.shape}")
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise LesionkitError(f"{path} is damaged ({error}); delete it and run the same command again") from error
    return ProbabilityMap(grid, held, held >= 0)


def _bands(found: ProbabilityMap) -> Iterator[slice]:
    """Some rows at a time, so that no copy of a large map is needed."""
    rows = found.grid.shape[0]
    yield from (slice(row, min(row + _ROWS, rows)) for row in range(0, rows, _ROWS))
