"""A probability map -> marks of lesions: peaks that keep their distance, or connected regions with their outlines."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import ndimage

from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Candidate
from lesionkit.core.region import Region
from lesionkit.core.settings import Settings
from lesionkit.core.slide_place import polygon_world
from lesionkit.core.trace import trace
from lesionkit.infer.probability_map import ProbabilityMap

Mask = NDArray[np.bool_]


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
    settings = settings or PeakSettings()
    score = _smoothed(found, settings.smoothing_um) if settings.smoothing_um else found.read(found.grid.whole)
    is_peak = found.computed & (score >= settings.threshold) & (score == ndimage.maximum_filter(score, 3))
    rows, columns = np.nonzero(is_peak)
    around = ndimage.uniform_filter(score, _window(settings.radius_um, found.grid), mode="constant")
    order = np.lexsort((-around[rows, columns], -score[rows, columns]))
    kept = _spread(np.stack([rows, columns], axis=1)[order], found.grid, settings.radius_um / 1000, settings.limit)
    return [
        Candidate(tuple(place.tolist()), round(float(score[row, column]), 6))
        for place, (row, column) in zip(found.grid.index_to_world(kept), kept.tolist(), strict=True)
    ]


def regions(found: ProbabilityMap, settings: RegionMarkSettings | None = None) -> list[Region]:
    """Connected pieces above the threshold, strongest first; cells are connected where they share an edge.

    Their polygons are valid, run along the edges of cells, and hold every cell of the piece and no other.
    """
    settings = settings or RegionMarkSettings()
    score = found.read(found.grid.whole)
    mask = found.computed & (score > settings.threshold)
    if settings.bridge_um:
        mask = _closed(mask, settings.bridge_um / 2000, found.grid) & found.computed | mask
    labels, count = ndimage.label(mask)
    is_large = np.bincount(labels.ravel(), minlength=count + 1) * found.grid.voxel_mm >= settings.min_area_mm2
    is_large[0] = False
    mask = is_large[labels]
    labels, _ = ndimage.label(mask)
    # A mask is traced in the order in which it was labelled: by first sample.
    pieces = zip(trace(mask), ndimage.find_objects(labels), strict=True)
    cut = [
        _region(score[box], labels[box] == number, found.grid.crop(box), polygon_world(polygon, found.grid))
        for number, (polygon, box) in enumerate(pieces, 1)
    ]
    return sorted(cut, key=lambda region: (-region.max_score, -region.area_mm2))[: settings.limit]


def _region(score: NDArray[Any], inside: Mask, grid: Grid, polygon_mm: Any) -> Region:
    cells = np.argwhere(inside)
    depth = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=grid.spacing_mm)[1:-1, 1:-1][inside]
    middle = (np.square((cells - cells.mean(axis=0)) * grid.spacing_mm)).sum(axis=1)
    centre = cells[np.lexsort((middle, -depth))[0]]
    return Region(
        polygon_mm=polygon_mm,
        centre_mm=tuple(grid.index_to_world(centre).tolist()),
        max_score=round(float(score[inside].max()), 6),
        mean_score=round(float(score[inside].mean(dtype=np.float64)), 6),
        area_mm2=len(cells) * grid.voxel_mm,
        length_mm=_major_axis(cells * np.array(grid.spacing_mm), grid),
    )


def _major_axis(places: NDArray[np.float64], grid: Grid) -> float:
    """Of the ellipse with the same second moments as cells of some extent at (n, 2) places in mm."""
    moments = np.cov(places.T, bias=True) + np.diag(np.square(grid.spacing_mm) / 12)
    return float(4 * np.sqrt(np.linalg.eigvalsh(moments)[-1]))


def _spread(cells: NDArray[np.intp], grid: Grid, radius_mm: float, limit: int) -> NDArray[np.intp]:
    """(k, 2) the first of the cells, and of the rest each that is no closer than the radius to one already taken."""
    spacing = np.array(grid.spacing_mm)
    reach = np.ceil(radius_mm / spacing).astype(int)
    away = [np.arange(-r, r + 1) * s for r, s in zip(reach, spacing, strict=True)]
    disc = away[0][:, None] ** 2 + away[1] ** 2 < radius_mm**2 * (1 - 1e-9)
    disc[tuple(reach)] = True
    free = np.pad(np.ones(grid.shape, dtype=bool), [(r, r) for r in reach])
    kept: list[list[int]] = []
    for row, column in cells.tolist():
        if free[row + reach[0], column + reach[1]]:
            free[row : row + disc.shape[0], column : column + disc.shape[1]] &= ~disc
            kept.append([row, column])
            if len(kept) == limit:
                break
    return np.array(kept, dtype=np.intp).reshape(-1, 2)


def _smoothed(found: ProbabilityMap, sigma_um: float) -> NDArray[np.float32]:
    """Means over computed cells only, so that tissue at the edge is not taken down by glass."""
    sigma = [sigma_um / 1000 / spacing for spacing in found.grid.spacing_mm]
    weight = ndimage.gaussian_filter(found.computed.astype(np.float32), sigma, mode="constant")
    total = ndimage.gaussian_filter(found.read(found.grid.whole), sigma, mode="constant")
    return np.where(found.computed, total / np.maximum(weight, 1e-6), 0).astype(np.float32)


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
