"""Find the chest in a scan that may also show head, abdomen or the whole body, and refuse what shows no lungs."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box, Grid
from lesionkit.core.image import Image
from lesionkit.core.settings import Settings
from lesionkit.prepare.coarse import coarsen
from lesionkit.prepare.lung.air import find_air
from lesionkit.prepare.lung.settings import LungSettings
from lesionkit.prepare.lung.shape import erode_step
from lesionkit.prepare.pieces import Mask, label_pieces


class ChestSettings(Settings):
    """How the chest is told from the rest of a long scan."""

    working_spacing_mm: float = Field(default=4.0, gt=0)
    """Samples are averaged to about this spacing first."""
    lung_hu: tuple[float, float] = (-970.0, -600.0)
    """Averaged lung lies between; windpipe and bowel gas lie below."""
    min_lung_l: float = Field(default=0.1, gt=0)
    """Less than this of solid lung tissue (after the outermost sample is taken off): there are no lungs in view."""
    plain_air_l: float = Field(default=1.5, gt=0)
    """…but at least so much enclosed air, in pieces of `share` of the largest, are the lungs of a phantom without
    tissue in them; bowel, stomach and windpipe hold less."""
    share: float = Field(default=0.2, gt=0, le=1)
    """Pieces at least this large, relative to the largest, belong to the lungs too."""
    margin_mm: float = Field(default=50.0, ge=0)
    """Kept above and below the lungs."""
    min_rest_mm: float = Field(default=100.0, ge=0)
    """The scan is only cut when more than this would be left out."""


@dataclass(frozen=True)
class Chest:
    """The part of a scan that is searched for lungs.

    Attributes:
        box: in the array order of the image that was given.
        z_mm: world z where the lowest slice begins and the highest ends.
        is_whole: nothing was left out.
        plain_air: the lungs are air without tissue, those of a phantom.
    """

    box: Box
    z_mm: tuple[float, float]
    is_whole: bool
    plain_air: bool = False

    def note(self, grid: Grid) -> str:
        """Which part of a scan with this grid is searched, as a sentence for the user."""
        upright = grid.turned_upright()
        z = upright.index_to_world([[i, 0, 0] for i in range(upright.shape[0])])[:, 2]
        inside = (z >= self.z_mm[0]) & (z <= self.z_mm[1])
        slices = len(z) if self.is_whole else int(inside.sum())
        place = f"z {self.z_mm[0]:.0f} to {self.z_mm[1]:.0f} mm, {slices} of {len(z)} slices"
        if self.is_whole:
            return f"the whole scan is searched ({place})"
        return f"only the chest is searched ({place}); the scan shows more of the body"


def find_chest(image: Image, settings: ChestSettings | None = None) -> Chest:
    """Which slices hold the lungs.

    Raises:
        LesionkitError: no lungs in view, not three-dimensional, constant, or values that are not finite.
    """
    settings = settings or ChestSettings()
    work = coarsen(image, settings.working_spacing_mm)
    if work.array.min() == work.array.max():
        raise LesionkitError(f"a CT varies, but every value is {int(work.array.min())}; is this the right file?")
    slices, plain_air = _slices_with_lung(work.array, work.grid, settings)
    upright = image.grid.turned_upright()
    per = work.grid.spacing_mm[0] / upright.spacing_mm[0]
    margin = settings.margin_mm / upright.spacing_mm[0]
    low = max(0, round(slices.start * per - margin))
    high = min(upright.shape[0], round(slices.stop * per + margin))
    if (upright.shape[0] - (high - low)) * upright.spacing_mm[0] <= settings.min_rest_mm:
        low, high = 0, upright.shape[0]
    return replace(_chest(image.grid, low, high), plain_air=plain_air)


def _slices_with_lung(hu: NDArray[np.int16], grid: Grid, settings: ChestSettings) -> tuple[slice, bool]:
    """Range of coarse slices that hold lung, and whether that is plain air."""
    low, high = settings.lung_hu
    rules = LungSettings(threshold_hu=high, min_area_mm2=0, max_airway_mm2=0)
    air = find_air(hu, grid.spacing_mm, rules)
    keep, litres = _large_pieces(air & (hu > low), grid, settings.share)
    plain_air = False
    if litres[0] < settings.min_lung_l:
        plain, all_air = _large_pieces(air, grid, settings.share)
        plain_air = sum(all_air) >= settings.plain_air_l
        keep = plain
    if litres[0] < settings.min_lung_l and not plain_air:
        raise LesionkitError(
            f"no lungs in view: the largest piece of lung-like tissue has {litres[0]:.2f} L, "
            f"at least {settings.min_lung_l:g} L are needed; give a chest CT in Hounsfield units"
        )
    places = np.flatnonzero(keep.any(axis=(1, 2)))
    return slice(int(places[0]), int(places[-1]) + 1), plain_air


def _large_pieces(mask: Mask, grid: Grid, share: float) -> tuple[Mask, list[float]]:
    """Pieces of at least a share of the largest, without their outermost samples, and their litres, largest first."""
    labels, _ = label_pieces(erode_step(mask), 26)
    litres = np.bincount(labels.ravel()) * grid.voxel_mm * 1e-6
    litres[0] = 0
    large = (litres >= share * litres.max()) & (litres > 0)
    return large[labels], sorted(litres[large].tolist(), reverse=True) or [0.0]


def _chest(grid: Grid, low: int, high: int) -> Chest:
    """The part between two upright slices, in the array order of `grid`."""
    upright = grid.turned_upright()
    axes, flips = grid.upright_axes
    box = list(grid.whole)
    size = grid.shape[axes[0]]
    box[axes[0]] = slice(size - high, size - low) if flips[0] else slice(low, high)
    ends = upright.index_to_world([[low - 0.5, 0, 0], [high - 0.5, 0, 0]])[:, 2]
    return Chest(tuple(box), (float(ends[0]), float(ends[1])), high - low == size)
