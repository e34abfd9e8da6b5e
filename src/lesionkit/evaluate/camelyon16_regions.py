"""The lesions that CAMELYON16 counts: tumour grown a little, its holes filled, its pieces labelled."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.core.outline import Outline, SlideMask
from lesionkit.core.settings import Settings

_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


LEVEL_0_UM = 0.243
"""Size of a pixel of the finest level; the script takes one size for all slides."""
_SAMPLE_UM = 32 * LEVEL_0_UM
"""A sample of the mask on which the script counts: level 5."""


class RegionSettings(Settings):
    """How outlines of one slide become lesions; the defaults are those of the organisers' script."""

    level_0_um: float = LEVEL_0_UM
    """Size of a pixel of the finest level."""
    downsample: float = 32.0
    """Of the mask that outlines are drawn on; the script works on level 5."""
    growth_um: float = 37.5
    """How far tumour is grown on all sides, so that nests of cells a few cells apart are one lesion."""
    itc_um: float = 275.0
    """Grown regions whose major axis is shorter are isolated tumour cells: neither lesion nor false positive."""


def fitting_downsample(level_0_um: float) -> float:
    """The power of two whose samples come nearest to those of the script, for pixels of another size.

    >>> [fitting_downsample(um) for um in (0.243, 0.25, 0.5, 1.0, 20.0)]
    [32.0, 32.0, 16.0, 8.0, 1.0]
    """
    return float(2 ** max(0, round(math.log2(_SAMPLE_UM / level_0_um))))


@dataclass(frozen=True, eq=False)
class Regions:
    """Lesions of one slide.

    Attributes:
        labels: (rows, columns) of the part that is held: 0 outside, else the number of the region from 1.
        length_um: (regions,) major axis of region i + 1, grown as it is.
        is_itc: (regions,) whether region i + 1 is isolated tumour cells.
        corner: (row, column) of `labels[0, 0]` in the whole reduced slide.
        downsample: pixels of the finest level per sample.
        size_xy: of the slide in pixels of the finest level, None where unknown.
    """

    labels: NDArray[np.int32]
    length_um: NDArray[np.float64]
    is_itc: NDArray[np.bool_]
    corner: tuple[int, int] = (0, 0)
    downsample: float = 1.0
    size_xy: tuple[float, float] | None = None

    @property
    def has_tumour(self) -> bool:
        """Whether anything was annotated, isolated tumour cells included."""
        return len(self.is_itc) > 0

    def at(self, xy: NDArray[np.float64]) -> NDArray[np.intp]:
        """(n,) number of the region that each position (x, y) lies in, 0 where in none."""
        # Compared before they are whole numbers: one beyond 2 ** 63 has none.
        place = np.floor(np.asarray(xy)[:, ::-1] / self.downsample) - np.array(self.corner)
        inside = ((place >= 0) & (place < self.labels.shape)).all(axis=1)
        found = np.zeros(len(place), dtype=np.intp)
        found[inside] = self.labels[tuple(place[inside].astype(np.intp).T)]
        return found


NO_REGIONS = Regions(np.zeros((0, 0), dtype=np.int32), np.zeros(0), np.zeros(0, dtype=bool))


def find_regions(tumour: Outline | SlideMask | None, settings: RegionSettings) -> Regions:
    """Grow, fill and label the tumour of a slide.

    Samples closer than `growth_um` to tumour are added, holes are filled, pieces that touch by a side or a corner are
    one region. None is a healthy slide.
    """
    if tumour is None:
        return NO_REGIONS
    downsample = tumour.downsample if isinstance(tumour, SlideMask) else settings.downsample
    sample_um = downsample * settings.level_0_um
    reach = settings.growth_um / sample_um
    margin = int(np.ceil(reach)) + 1
    sampled = tumour if isinstance(tumour, SlideMask) else tumour.sampled(downsample)
    held = sampled.around_tumour(margin)
    if not held.mask.any():
        return replace(NO_REGIONS, downsample=downsample, size_xy=held.size_xy)
    filled = _fill_holes(_grow(held.mask, reach, margin))
    labels, _ = ndimage.label(filled, structure=_EIGHT_NEIGHBOURS)
    length_um = major_axes(labels) * sample_um
    return Regions(labels, length_um, length_um < settings.itc_um, held.corner, downsample, held.size_xy)


def major_axes(labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """(regions,) length in samples of the major axis of the ellipse with the same second moments as each region."""
    flat, columns = labels.ravel(), labels.shape[1]
    begins = np.zeros(labels.shape, dtype=bool)
    begins[:, 0] = True
    begins[:, 1:] = labels[:, 1:] != labels[:, :-1]
    start = np.flatnonzero(begins)
    n = np.diff(start, append=len(flat)).astype(np.float64)
    inside = flat[start] > 0
    start, n, label = start[inside], n[inside], flat[start[inside]] - 1
    # A stretch of n samples from column c on adds n c + n (n - 1) / 2 to the sum of columns, and so on.
    row, column = start // columns, start % columns
    column_sum = n * column + n * (n - 1) / 2
    column_squares = n * column**2 + column * n * (n - 1) + n * (n - 1) * (2 * n - 1) / 6
    area = np.bincount(label, n)
    r, c = np.bincount(label, n * row) / area, np.bincount(label, column_sum) / area
    rr = np.bincount(label, n * row**2) / area - r * r
    cc = np.bincount(label, column_squares) / area - c * c
    rc = np.bincount(label, row * column_sum) / area - r * c
    largest = (rr + cc) / 2 + np.hypot((rr - cc) / 2, rc)
    return np.asarray(4 * np.sqrt(np.maximum(largest, 0.0)))


def _fill_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Add what is outside the mask but not connected, side by side, with the edge of the array."""
    outside, n_pieces = ndimage.label(~mask)
    is_open = np.zeros(n_pieces + 1, dtype=bool)
    for edge in (outside[0], outside[-1], outside[:, 0], outside[:, -1]):
        is_open[edge] = True
    is_open[0] = False
    return np.asarray(~is_open[outside])


def _grow(mask: NDArray[np.bool_], reach: float, margin: int) -> NDArray[np.bool_]:
    """Add the samples closer than `reach` to the mask, piece by piece: distances are only taken near tumour."""
    grown = mask.copy()
    pieces, _ = ndimage.label(mask, structure=_EIGHT_NEIGHBOURS)
    for box in ndimage.find_objects(pieces):
        near = tuple(slice(max(0, side.start - margin), side.stop + margin) for side in box)
        grown[near] |= ndimage.distance_transform_edt(~mask[near]) < reach
    return grown
