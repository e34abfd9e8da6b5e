"""Case -> patches: lesion-centred, negative and nodule-inserted patches, drawn by number from a seed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import read_padded
from lesionkit.core.lesion import Lesion
from lesionkit.sample.augment import augment
from lesionkit.sample.augment_settings import AugmentSettings
from lesionkit.sample.draw_settings import SampleSettings
from lesionkit.sample.patch import Patch, inside_and_partly

AIR_HU = -1024.0
_ZOOM, _ZOOMED = (0.75, 1.25), (8.0, 120.0)
"""Least and most magnification by size, and the diameters in samples that it stays between."""

Insert: TypeAlias = Callable[
    [NDArray[np.float32], NDArray[np.bool_], Grid, Sequence[Lesion], Generator],
    tuple[NDArray[np.float32], Sequence[Lesion]],
]
"""(hu, lung mask, grid of the patch, places already taken, generator) -> (hu with nodules, the nodules)."""

Drawn: TypeAlias = Callable[[Sequence[Lesion], Grid], NDArray[np.float32]]
PatchKind: TypeAlias = Literal["lesion", "again", "inserted", "hard", "lung"]


@dataclass(eq=False)
class _Source:
    """A prepared case as the sampler wants it: lesions as index balls, lung cells to draw from."""

    case: Case
    balls: NDArray[np.float64]
    ignored: NDArray[np.float64]
    hard: NDArray[np.float64]
    _cells: NDArray[np.int32] | None = field(default=None, repr=False)

    def lung_cells(self) -> NDArray[np.int32]:
        """(n, 3) every fourth lung sample per axis; read once per process."""
        if self._cells is None:
            lung = self.case.regions.get("lung")
            if lung is None:
                shape = self.case.image.grid.shape
                self._cells = np.argwhere(np.ones([max(1, n // 4) for n in shape], bool)).astype(np.int32) * 4
            else:
                self._cells = np.argwhere(lung.read(lung.grid.whole)[::4, ::4, ::4]).astype(np.int32) * 4
        return self._cells


class PatchDraws(Dataset[dict[str, Tensor]]):
    """An endless deck of training patches: number `i` is the same patch whenever and wherever it is drawn.

    Args:
        cases: prepared cases with truth; a case nobody looked at (truth None) serves as background for insertion only.
        encode: patch -> named arrays, the head's targets; applied after augmentation.
        insert: see `Insert`; without it no nodules are inserted.
        hard: per case id (n, 3) world positions of mined false positives.
        length: how many patches there are.
        drawn: (lesions, grid of a patch) -> how far each sample belongs to one, see `lesionkit.sample.drawn`; without
            it patches have no such volume.
        depth: samples along z of patches that are `cut`; None for as many as along the other axes.
        lesions_elsewhere: lesions are learned from something else too, so that none need be here.

    Raises:
        LesionkitError: there is nothing to learn from: no lesion and no insertion.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        settings: SampleSettings,
        encode: Callable[[Patch], Mapping[str, NDArray[Any]]],
        *,
        seed: int,
        length: int,
        insert: Insert | None = None,
        hard: Mapping[str, NDArray[np.float64]] | None = None,
        drawn: Drawn | None = None,
        depth: int | None = None,
        lesions_elsewhere: bool = False,
    ) -> None:
        self.depth = depth
        self.settings, self.encode, self.insert = settings, encode, insert
        self.seed, self.length, self.drawn = seed, length, drawn
        self.sources = [_source(case, (hard or {}).get(case.case_id)) for case in cases]
        self._lesions = [
            (n, k) for n, s in enumerate(self.sources) if s.case.truth is not None for k in range(len(s.balls))
        ]
        sizes_mm = [
            lesion.diameter_mm for n, k in self._lesions for lesion in (self.sources[n].case.truth or ())[k : k + 1]
        ]
        weights = np.array([self._size_weight(diameter_mm) for diameter_mm in sizes_mm])
        cure = "check annotations.csv" if not len(weights) else "raise sample.patch or change sample.size_weights"
        if weights.sum() == 0:
            self._lesions, weights = [], np.zeros(0)
        self._lesion_weights = weights / weights.sum() if len(weights) else weights
        if not self._lesions and not lesions_elsewhere and (insert is None or settings.insert_share == 0):
            raise LesionkitError(
                f"training needs at least one lesion among {len(cases)} cases that a patch can hold, got none; {cure}, "
                "or set sample.insert_share above 0 to insert nodules"
            )

    def _size_weight(self, diameter_mm: float) -> float:
        if self.settings.whole and diameter_mm > self.settings.patch:
            return 0.0
        return self.settings.size_weights[int(np.digitize(diameter_mm, self.settings.size_limits_mm))]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        patch = self.draw(number)
        arrays = {"hu": patch.hu[None], **self.encode(patch)}
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    def draw(self, number: int) -> Patch:
        """Patch `number`, augmented."""
        rng = np.random.default_rng([self.seed, number])
        kind, shares = self.chosen_kind(rng), self.settings
        side = round(shares.patch / augment_zoom(rng, shares.augment))
        return augment(self.of_kind(kind, rng, side), shares.patch, shares.augment, rng)

    def chosen_kind(self, rng: Generator) -> PatchKind:
        """What patch is drawn next, by the shares of the settings."""
        share, shares = rng.random(), self.settings
        if share < shares.lesion_share and self._lesions:
            return "lesion"
        if share < shares.lesion_share + shares.insert_share and self.insert is not None:
            return "inserted"
        if share < shares.lesion_share + shares.insert_share + shares.hard_share:
            return "hard"
        return "lung"

    def cut(self, number: int) -> Patch:
        """Patch `number` as it is, not augmented."""
        rng = np.random.default_rng([self.seed, number])
        return self.of_kind(self.chosen_kind(rng), rng, self.settings.patch)

    def of_kind(self, kind: PatchKind, rng: Generator, side: int) -> Patch:
        """A patch of `side` samples per axis, not augmented: around a true lesion, around a mined one, with nodules
        inserted, around a mined false positive, or anywhere in the lungs.

        Where there are no false positives, the last; there must be lesions, or something that inserts.
        """
        match kind:
            case "lesion":
                return self._around_lesion(self.lesion(rng), rng, side)
            case "again":
                return self._around_lesion(self.lesion_again(rng), rng, side)
            case "inserted":
                return self._inserted(rng, side)
            case "hard":
                return self._around_hard(rng, side)
            case "lung":
                return self._in_lung(rng, side)[0]

    @property
    def has_lesions(self) -> bool:
        """Whether a case has a true lesion."""
        return bool(self._lesions)

    def lesion(self, rng: Generator) -> tuple[int, int]:
        """Number of a case and of a lesion in it, drawn by size."""
        return self._lesions[int(rng.choice(len(self._lesions), p=self._lesion_weights))]

    def lesion_again(self, rng: Generator) -> tuple[int, int]:
        """The same of a lesion that was mined; here none was."""
        return self.lesion(rng)

    def _around_lesion(self, which: tuple[int, int], rng: Generator, side: int) -> Patch:
        n, k = which
        centre, diameter = self.sources[n].balls[k, :3], float(self.sources[n].balls[k, 3])
        if self.settings.zoom_by_size:
            side = round(self.settings.patch / zoom_of_size(rng, diameter))
        edge, shape = self.settings.edge_samples, self._shape(side)
        reach = np.maximum(shape / 2 - edge, 0)
        if self.settings.whole:
            free = shape / 2 - diameter / 2 - edge
            reach = np.where(free > 0, free, np.minimum(edge / 2, np.maximum(shape / 2 - diameter / 2, 0)))
        return self._cut(self.sources[n], centre + rng.uniform(-reach, reach, 3), side)[0]

    def _around_hard(self, rng: Generator, side: int) -> Patch:
        sources = [s for s in self.sources if len(s.hard)]
        if not sources:
            return self._in_lung(rng, side)[0]
        weights = np.array([len(s.hard) for s in sources], float)
        source = sources[int(rng.choice(len(sources), p=weights / weights.sum()))]
        centre = source.hard[int(rng.integers(len(source.hard)))]
        shape = self._shape(side)
        reach = np.minimum(shape / 4, np.maximum(shape / 2 - self.settings.edge_samples, 0))
        return self._cut(source, centre + rng.uniform(-reach, reach, 3), side)[0]

    def _in_lung(self, rng: Generator, side: int, background: bool = False) -> tuple[Patch, _Source, Grid]:
        allowed = [s for s in self.sources if background or s.case.truth is not None] or self.sources
        healthy, sick = [s for s in allowed if not s.case.truth], [s for s in allowed if s.case.truth]
        from_healthy = background or rng.random() < self.settings.healthy_share
        sources = (healthy or sick) if from_healthy else (sick or healthy)
        source = sources[int(rng.integers(len(sources)))]
        cells = source.lung_cells()
        centre = cells[int(rng.integers(len(cells)))] + rng.uniform(-self._shape(side) / 4, self._shape(side) / 4, 3)
        patch, grid = self._cut(source, centre, side)
        return patch, source, grid

    def _inserted(self, rng: Generator, side: int) -> Patch:
        patch, source, grid = self._in_lung(rng, side, background=True)
        lung = source.case.regions.get("lung")
        if lung is None or self.insert is None:
            return patch
        start = np.rint(lung.grid.world_to_index(grid.origin_mm)).astype(int)
        mask = read_padded(lung, tuple(start.tolist()), grid.shape, fill=0).astype(bool)
        taken = [*(source.case.truth or ()), *source.case.excluded]
        hu, nodules = self.insert(patch.hu, mask, grid, taken, rng)
        balls = np.concatenate([patch.balls, _balls(nodules, grid)])
        whole = None if self.drawn is None else np.maximum(self.drawn(nodules, grid), cast(Any, patch.drawn))
        return replace(patch, hu=np.asarray(hu, np.float32), balls=balls, drawn=whole)

    def _shape(self, side: int) -> NDArray[np.int_]:
        """(z, y, x) samples of a patch of a side."""
        return np.array([self.depth or side, side, side])

    def _cut(self, source: _Source, centre: NDArray[np.float64], side: int) -> tuple[Patch, Grid]:
        """See `_cut`; with lesions drawn if asked for."""
        patch, grid = _cut(source, centre, self._shape(side))
        if self.drawn is None:
            return patch, grid
        near = [lesion for lesion in source.case.truth or () if _reaches(lesion, grid)]
        whole = np.array(self.drawn(near, grid))
        # A lesion at the border of a scan that is smaller than the patch does not reach into the air around it.
        for axis, count in enumerate(source.case.image.grid.shape):
            np.moveaxis(whole, axis, 0)[count:] = 0
        return replace(patch, drawn=whole), grid


def augment_zoom(rng: Generator, settings: AugmentSettings) -> float:
    """How much larger things will look; decided before cutting so that no sample is made up at the faces."""
    low, high = settings.zoom
    return float(np.exp(rng.uniform(np.log(low), np.log(high)))) if high > low else low


def zoom_of_size(rng: Generator, diameter: float) -> float:
    """How much larger a lesion of so many samples will look, by its size; see `SampleSettings.zoom_by_size`."""
    lowest, highest = _ZOOM
    smallest, largest = _ZOOMED
    return float(rng.uniform(min(1, max(smallest / diameter, lowest)), max(1, min(largest / diameter, highest))))


def _balls(lesions: Sequence[Lesion], grid: Grid) -> NDArray[np.float64]:
    if not lesions:
        return np.zeros((0, 4))
    index = grid.world_to_index([lesion.centre_mm for lesion in lesions])
    mean_mm = float(np.prod(grid.spacing_mm)) ** (1 / 3)
    return np.column_stack([index, [lesion.diameter_mm / mean_mm for lesion in lesions]])


def _source(case: Case, hard_mm: NDArray[np.float64] | None) -> _Source:
    grid = case.image.grid
    # A finding of unknown size hides a ball of 10 mm, as the LUNA16 evaluation does.
    excluded = [x if x.diameter_mm > 0 else replace(x, diameter_mm=10.0) for x in case.excluded]
    hard = np.zeros((0, 3)) if hard_mm is None or len(hard_mm) == 0 else grid.world_to_index(hard_mm)
    return _Source(case, _balls(case.truth or (), grid), _balls(excluded, grid), hard)


def _cut(source: _Source, centre: NDArray[np.float64], shape: NDArray[np.int_]) -> tuple[Patch, Grid]:
    """A box around an index position, kept inside the image as far as the image is large enough."""
    image = source.case.image
    start = np.rint(centre - shape / 2).astype(int)
    start = np.clip(start, 0, np.maximum(np.array(image.grid.shape) - shape, 0))
    hu = read_padded(image, tuple(start.tolist()), tuple(shape.tolist()), fill=AIR_HU).astype(np.float32)
    grid = image.grid.crop(tuple(slice(int(a), int(a) + int(n)) for a, n in zip(start, shape, strict=True)))
    inside, partly = inside_and_partly(source.balls, start, shape)
    hidden = np.concatenate([partly, *inside_and_partly(source.ignored, start, shape)])
    sizes = np.array(image.grid.shape)
    frame = np.column_stack([np.diag(1 / sizes), (start + 0.5) / sizes - 0.5])
    return Patch(hu, inside, hidden, frame=frame), grid


def _reaches(lesion: Lesion, grid: Grid) -> bool:
    """Whether a lesion comes near a grid: as far as twice its diameter."""
    index = grid.world_to_index(lesion.centre_mm)
    reach = 2 * lesion.diameter_mm / np.array(grid.spacing_mm) + 1
    return bool(((index > -reach) & (index < np.array(grid.shape) + reach)).all())
