"""A nodule that was drawn in a CT -> its volume, its axes as radiologists report them, its density."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid

Texture: TypeAlias = Literal["solid", "part-solid", "ground-glass"]
SOLID_HU, CALCIFIED_HU = -300.0, 250.0
SOLID_FROM, GROUND_GLASS_TO = 0.7, 0.3
"""Shares of the inner samples at or above `SOLID_HU`: solid from the first, ground glass below the second. Set on 800
LIDC nodules that readers had rated, see `benchmarks/measure_lidc.py`."""
CALCIFIED_FROM = 0.1
"""Share of the inner samples at or above `CALCIFIED_HU`."""
_INNER_LEAST = 0.15


@dataclass(frozen=True)
class Axes:
    """The longest axis in an axial slice and the longest one across it there.

    Attributes:
        slice_index: along array axis 0.
    """

    long_mm: float
    short_mm: float
    slice_index: int

    @property
    def mean_mm(self) -> float:
        return (self.long_mm + self.short_mm) / 2


@dataclass(frozen=True)
class Measured:
    """A nodule in numbers.

    Attributes:
        volume_mm3: of all samples that were drawn.
        equivalent_mm: diameter of the ball of that volume.
        axes: of the whole; `solid_axes` of its largest solid part, None where it has none.
        mean_hu, deviation_hu: of the inner samples, that is without the outermost ones where enough are left.
        solid_share: of the inner samples, at or above −300 HU.
        calcified_share: of the inner samples, at or above 250 HU.
    """

    volume_mm3: float
    equivalent_mm: float
    axes: Axes
    solid_axes: Axes | None
    mean_hu: float
    deviation_hu: float
    solid_share: float
    calcified_share: float

    @property
    def texture(self) -> Texture:
        """Solid, part-solid or ground glass, by `solid_share`."""
        if self.solid_share >= SOLID_FROM:
            return "solid"
        return "part-solid" if self.solid_share >= GROUND_GLASS_TO else "ground-glass"

    @property
    def calcified(self) -> bool:
        return self.calcified_share >= CALCIFIED_FROM

    @property
    def fleischner(self) -> str:
        """Size class of the Fleischner Society (2017) by the mean of both axes in whole mm; a research label."""
        whole = round_half_up(self.axes.mean_mm)
        return "<6 mm" if whole < 6 else "6-8 mm" if whole <= 8 else ">8 mm"

    @property
    def lung_rads(self) -> str:
        """Category of Lung-RADS v2022 for a nodule at a first screening, by size and texture alone; a research label.

        Calcification, growth, place and what else a reader weighs play no part. Means of axes count to 0.1 mm.
        """
        size = round(self.axes.mean_mm, 1)
        if self.texture == "ground-glass":
            return "2" if size < 30 else "3"
        if self.texture == "part-solid":
            if size < 6:
                return "2"
            solid = 0.0 if self.solid_axes is None else round(self.solid_axes.mean_mm, 1)
            return "3" if solid < 6 else "4A" if solid < 8 else "4B"
        return "2" if size < 6 else "3" if size < 8 else "4A" if size < 15 else "4B"


def measure(hu: NDArray[np.generic], mask: NDArray[np.generic], grid: Grid) -> Measured:
    """Measure one nodule.

    Args:
        hu: Hounsfield values (z, y, x) of an upright grid: array axis 0 runs along the body.
        mask: whether a sample belongs to the nodule, same shape.

    Raises:
        LesionkitError: shapes differ or nothing was drawn.
    """
    inside = np.asarray(mask) != 0
    if not inside.any() or inside.shape != hu.shape or inside.shape != grid.shape:
        raise LesionkitError(
            f"a nodule is measured by a mask that marks some of an image's samples, got {int(inside.sum())} of a mask "
            f"of {inside.shape} and an image of {hu.shape}; draw it on that image"
        )
    box = ndimage.find_objects(inside.astype(np.uint8))[0]
    inside, values, part = inside[box], np.asarray(hu[box], np.float64), grid.crop(box)
    inner = ndimage.binary_erosion(np.pad(inside, 1))[1:-1, 1:-1, 1:-1]
    inner = inner if inner.sum() >= _INNER_LEAST * inside.sum() else inside
    seen = values[inner]
    volume = float(inside.sum()) * grid.voxel_mm
    solid = _largest(inside & (values >= SOLID_HU))
    return Measured(
        volume_mm3=volume,
        equivalent_mm=(6 * volume / math.pi) ** (1 / 3),
        axes=axes_of(inside, part, box[0].start),
        solid_axes=axes_of(solid, part, box[0].start) if solid.any() else None,
        mean_hu=float(seen.mean()),
        deviation_hu=float(seen.std()),
        solid_share=float((seen >= SOLID_HU).mean()),
        calcified_share=float((seen >= CALCIFIED_HU).mean()),
    )


def axes_of(mask: NDArray[np.bool_], grid: Grid, first: int = 0) -> Axes:
    """The longest axis of a mask in any of its axial slices, edge to edge, and the longest across it in that slice.

    Args:
        mask: (z, y, x) with a set sample.
        first: index of slice 0 in the image that the mask was cut from.
    """
    spacing = np.array(grid.spacing_mm[1:])
    found = []
    for number in np.flatnonzero(mask.any(axis=(1, 2))).tolist():
        long_mm, short_mm = _axes_in(mask[number], spacing)
        # Of slices with equally long axes the one that holds most.
        found.append((round(long_mm, 6), int(mask[number].sum()), Axes(long_mm, short_mm, first + number)))
    return max(found, key=lambda one: one[:2])[2]


def _axes_in(flat: NDArray[np.bool_], spacing: NDArray[np.float64]) -> tuple[float, float]:
    """Long and short axis of what is set in a slice (y, x), mm."""
    places = np.argwhere(flat).astype(float)
    # A sample reaches half a step along each axis; its corners would make all that is slanted longer than it is.
    reach = np.array([(0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)])
    points = (places[:, None] + reach).reshape(-1, 2) * spacing
    points = points[ConvexHull(points).vertices]
    away = np.linalg.norm(points[:, None] - points, axis=2)
    one, other = np.unravel_index(int(away.argmax()), away.shape)
    along = (points[other] - points[one]) / away[one, other]
    across = np.array([-along[1], along[0]])
    return float(away[one, other]), _widest(points @ along, points @ across)


def _widest(along: NDArray[np.float64], across: NDArray[np.float64]) -> float:
    """The longest chord of a convex polygon across an axis: its corners' places along that axis and across it."""
    closed_along, closed_across = np.append(along, along[0]), np.append(across, across[0])
    widths = []
    for place in along:
        low, high = np.minimum(closed_along[:-1], closed_along[1:]), np.maximum(closed_along[:-1], closed_along[1:])
        sides = np.flatnonzero((low <= place) & (place <= high) & (high > low))
        share = (place - closed_along[sides]) / (closed_along[sides + 1] - closed_along[sides])
        cut = closed_across[sides] + share * (closed_across[sides + 1] - closed_across[sides])
        widths.append(float(np.ptp(cut)) if len(cut) else 0.0)
    return max(widths)


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest piece of a mask; samples that share a face, an edge or a corner are together."""
    pieces, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count < 2:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(pieces == sizes.argmax())


def round_half_up(value: float) -> int:
    """To whole numbers, halves upwards, as readers do.

    >>> round_half_up(5.5), round_half_up(6.49)
    (6, 6)
    """
    return math.floor(value + 0.5)
