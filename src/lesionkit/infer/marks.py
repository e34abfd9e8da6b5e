"""A probability map -> marks of lesions: peaks that keep their distance, or connected regions with their outlines."""

from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import ndimage

from lesionkit.core.grid import Box, Grid
from lesionkit.core.lesion import Candidate
from lesionkit.core.region import Region
from lesionkit.core.settings import Settings
from lesionkit.core.slide_place import polygon_world
from lesionkit.core.trace import trace
from lesionkit.infer.probability_map import ProbabilityMap
from lesionkit.infer.spread import Spread

Mask = NDArray[np.bool_]

_ROWS = 256
"""Of a large piece at a time."""


class PeakSettings(Settings):
    """How peaks become marks."""

    threshold: float = Field(default=0.3, ge=0, le=1)
    """Lowest probability of a mark."""
    radius_um: float = Field(default=120.0, ge=0)
    """No two marks are closer than this; the stronger stays."""
    smoothing_um: float = Field(default=0.0, ge=0)
    """Standard deviation of a Gaussian over analysed tissue before peaks are sought; 0 for none."""
    limit: int = Field(default=500, ge=1)
    """Most marks of a slide."""


class RegionMarkSettings(Settings):
    """How regions are cut out."""

    threshold: float = Field(default=0.5, ge=0, le=1)
    """Cells above this belong to a region."""
    bridge_um: float = Field(default=0.0, ge=0)
    """Gaps narrower than this are closed: CAMELYON16 takes nests up to 75 um apart for one lesion."""
    min_area_mm2: float = Field(default=0.0, ge=0)
    """Smaller regions are dropped."""
    limit: int = Field(default=1000, ge=1)
    """Most regions of a slide."""


def peaks(found: ProbabilityMap, settings: PeakSettings | None = None) -> list[Candidate]:
    """Marks at local maxima, strongest first; no two closer than the radius.

    Of equal cells, as in a saturated lesion, the one whose surroundings score higher comes first, so that a mark lies
    inside rather than at the rim.

    >>> grid = Grid.upright((1, 5), (0.1, 0.1), (0.05, 0.05))
    >>> row = np.array([[0.9, 0.2, 0.8, 0.1, 0.6]])
    >>> found = ProbabilityMap(grid, row, np.ones((1, 5), dtype=bool))
    >>> [(mark.score, round(mark.centre_mm[0], 3)) for mark in peaks(found, PeakSettings(radius_um=300))]
    [(0.9, 0.05), (0.6, 0.45)]
    """
    settings, box = settings or PeakSettings(), _bounds(found.computed)
    if not found.computed.any():
        return []
    score = _smoothed(found, box, settings.smoothing_um) if settings.smoothing_um else found.read(box)
    is_peak = found.computed[box] & (score >= settings.threshold) & (score == ndimage.maximum_filter(score, 3))
    cells = np.flatnonzero(is_peak)
    around = ndimage.uniform_filter(score, _window(settings.radius_um, found.grid), mode="constant").ravel()[cells]
    shape = (score.shape[0], score.shape[1])
    spread = Spread(shape, found.grid.spacing_mm, settings.radius_um / 1000, settings.limit)
    kept = spread(cells, score.ravel()[cells], around)
    places = found.grid.index_to_world(kept + [b.start for b in box])
    return [
        Candidate(tuple(place.tolist()), round(float(score[row, column]), 6))
        for place, (row, column) in zip(places, kept.tolist(), strict=True)
    ]


def regions(found: ProbabilityMap, settings: RegionMarkSettings | None = None) -> list[Region]:
    """Connected pieces above the threshold, strongest first; cells are connected where they share an edge.

    Their polygons are valid, run along the edges of cells, and hold every cell of the piece and no other.
    """
    settings, box = settings or RegionMarkSettings(), _bounds(found.computed)
    if not found.computed.any():
        return []
    score, computed = found.read(box), found.computed[box]
    mask = computed & (score > settings.threshold)
    if settings.bridge_um:
        mask = _closed(mask, settings.bridge_um / 2000, found.grid) & computed | mask
    labels, _ = ndimage.label(mask)
    order = _strongest(labels, score, settings, found.grid.voxel_mm)
    # A mask is traced in the order in which it was labelled: by first sample.
    numbers = np.sort(order)
    is_kept = np.zeros(int(labels.max(initial=0)) + 1, dtype=bool)
    is_kept[numbers] = True
    boxes = ndimage.find_objects(labels)
    cut = {}
    for number, polygon in zip(numbers.tolist(), trace(is_kept[labels]), strict=True):
        piece = boxes[number - 1]
        corner = [b.start + p.start for b, p in zip(box, piece, strict=True)]
        outline = polygon_world(polygon.scaled(1, (box[1].start, box[0].start)), found.grid)
        cut[number] = _region(score[piece], labels[piece] == number, corner, found.grid, outline)
    return [cut[number] for number in order.tolist()]


def _strongest(
    labels: NDArray[np.int32], score: NDArray[np.float32], settings: RegionMarkSettings, cell_mm2: float
) -> NDArray[np.intp]:
    """Numbers of the pieces that are kept: by highest probability as it is told, then area, then first cell."""
    # Number 0 is what lies outside of all pieces.
    cells = np.asarray(cc3d.statistics(labels.view(np.uint32), no_slice_conversion=True)["voxel_counts"], np.int64)
    highest = np.zeros(len(cells), dtype=np.float32)
    np.maximum.at(highest, labels.ravel(), score.ravel())
    large = 1 + np.flatnonzero(cells[1:] * cell_mm2 >= settings.min_area_mm2)
    if len(large) > settings.limit:
        # What rounding cannot bring up to the last that is kept.
        place = len(large) - settings.limit
        large = large[highest[large] >= np.partition(highest[large], place)[place] - 2e-6]
    told = np.array([_told(value) for value in highest[large].tolist()])
    return np.asarray(large[np.lexsort((-cells[large], -told))[: settings.limit]])


def _region(score: NDArray[Any], inside: Mask, corner: list[int], grid: Grid, polygon_mm: Any) -> Region:
    values = score[inside]
    depth = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=grid.spacing_mm)[1:-1, 1:-1]
    deepest = np.argwhere(depth == depth.max())
    middle, length_mm = _middle_and_length(inside, grid)
    away = np.square((deepest - middle) * grid.spacing_mm).sum(axis=1)
    return Region(
        polygon_mm=polygon_mm,
        centre_mm=tuple(grid.index_to_world(deepest[np.argmin(away)] + corner).tolist()),
        max_score=_told(float(values.max())),
        mean_score=_told(float(values.mean(dtype=np.float64))),
        area_mm2=len(values) * grid.voxel_mm,
        length_mm=length_mm,
    )


def _middle_and_length(inside: Mask, grid: Grid) -> tuple[NDArray[np.float64], float]:
    """Mean cell, and the major axis in mm of the ellipse with the same second moments, cells having an extent."""
    count = np.count_nonzero(inside)
    along = [np.arange(n) for n in inside.shape]
    weights = [np.count_nonzero(inside, axis=1), np.count_nonzero(inside, axis=0)]
    middle = np.array([(w @ a) / count for w, a in zip(weights, along, strict=True)])
    offset = [(a - m) * s for a, m, s in zip(along, middle, grid.spacing_mm, strict=True)]
    own = [(w @ (o * o)) / count + s * s / 12 for w, o, s in zip(weights, offset, grid.spacing_mm, strict=True)]
    shared = sum(offset[0][r : r + _ROWS] @ (inside[r : r + _ROWS] @ offset[1]) for r in range(0, len(inside), _ROWS))
    shared /= count
    half = (own[0] - own[1]) / 2
    return middle, float(4 * np.sqrt((own[0] + own[1]) / 2 + np.hypot(half, shared)))


def _told(probability: float) -> float:
    return round(probability, 6)


def _bounds(mask: Mask) -> tuple[slice, slice]:
    """The box of what is true, empty if nothing is."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return _extent(rows), _extent(columns)


def _extent(places: NDArray[np.intp]) -> slice:
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)


def _smoothed(found: ProbabilityMap, box: Box, sigma_um: float) -> NDArray[np.float32]:
    """Means over computed cells only, so that tissue at the edge is not taken down by glass."""
    sigma = [sigma_um / 1000 / spacing for spacing in found.grid.spacing_mm]
    computed = found.computed[box]
    weight = ndimage.gaussian_filter(computed.astype(np.float32), sigma, mode="constant")
    total = ndimage.gaussian_filter(found.read(box), sigma, mode="constant")
    return np.where(computed, total / np.maximum(weight, 1e-6), 0).astype(np.float32)


def _window(radius_um: float, grid: Grid) -> list[int]:
    return [max(3, 2 * round(radius_um / 2000 / spacing) + 1) for spacing in grid.spacing_mm]


def _closed(mask: Mask, reach_mm: float, grid: Grid) -> Mask:
    """The mask with gaps closed that a disc of the reach does not fit into."""
    room = [int(np.ceil(reach_mm / spacing)) + 1 for spacing in grid.spacing_mm]
    padded = np.pad(mask, [(r, r) for r in room])
    if not padded.any():
        return mask
    grown = ndimage.distance_transform_edt(~padded, sampling=grid.spacing_mm) <= reach_mm
    closed = ndimage.distance_transform_edt(grown, sampling=grid.spacing_mm) > reach_mm
    return np.asarray(closed[tuple(slice(r, n - r) for r, n in zip(room, closed.shape, strict=True))])
