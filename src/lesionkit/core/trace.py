"""Regions of a mask -> polygons with holes that run along the edges of samples."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Ring

# Directions are numbered clockwise as seen on the image: right, down, left, up.
_STEPS = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])


@dataclass(frozen=True, eq=False)
class Polygon:
    """One connected region.

    Attributes:
        ring: (n, 2) vertices (x, y), clockwise as seen on the image, without repeating the first.
        holes: rings within, counter-clockwise; they touch each other and the ring at corners at most.
        label: its number in the label map.
    """

    ring: Ring
    holes: tuple[Ring, ...]
    label: int

    def scaled(self, downsample: float, corner_xy: tuple[float, float] = (0.0, 0.0)) -> "Polygon":
        """The polygon in finer pixels, after a shift by the corner of the image it was traced in."""
        ring, *holes = (ring * downsample + corner_xy for ring in (self.ring, *self.holes))
        return Polygon(ring, tuple(holes), self.label)


def trace(label_map: NDArray[Any]) -> list[Polygon]:
    """Polygons of all regions of a mask or a label map, 0 outside; samples of one label that share an edge are one.

    Polygons are valid in the sense of GeoJSON and shapely: no ring crosses or touches itself. Filling them gives the
    map back.

    Args:
        label_map: (rows, columns), boolean or whole numbers.

    Returns:
        In the order of labels and, within one, of their first sample.

    Raises:
        LesionkitError: not two axes, or not whole numbers.

    >>> trace(np.array([[0, 1, 1], [0, 0, 0]]))[0].ring.astype(int).tolist()
    [[1, 0], [3, 0], [3, 1], [1, 1]]
    """
    if label_map.ndim != 2 or label_map.dtype.kind not in "biu":
        raise LesionkitError(
            f"a label map has rows, columns and whole numbers, got {label_map.dtype} of shape {label_map.shape}"
        )
    regions, labels = _regions(label_map)
    rings = _rings(np.pad(regions, 1))
    outer = {region: ring for region, ring, is_outer in rings if is_outer}
    holes: dict[int, list[Ring]] = {region: [] for region in outer}
    for region, ring, is_outer in rings:
        if not is_outer:
            holes[region].append(ring)
    return [Polygon(outer[region], tuple(holes[region]), labels[region]) for region in sorted(outer)]


def _regions(label_map: NDArray[Any]) -> tuple[NDArray[np.int32], dict[int, int]]:
    """Map of connected regions from 1, and the label of each."""
    regions = np.zeros(label_map.shape, dtype=np.int32)
    labels: dict[int, int] = {}
    for label in np.unique(label_map[label_map != 0]).tolist():
        found, count = ndimage.label(label_map == label)
        regions[found > 0] = found[found > 0] + len(labels)
        labels |= dict.fromkeys(range(len(labels) + 1, len(labels) + count + 1), int(label))
    return regions, labels


def _rings(padded: NDArray[np.int32]) -> list[tuple[int, Ring, bool]]:
    """(region, ring, whether it is the outer one) of a map with a margin of one sample.

    Edges keep their region on the right. Where two samples of a region meet at a corner only, the way turns left, on to
    the other sample: so rings pass each corner once.
    """
    keys, owner, width = _edges(padded)
    order = np.argsort(keys)
    keys, owner = keys[order], owner[order]
    direction, vertex = keys % 4, keys // 4
    end = vertex + _STEPS[direction, 1] * width + _STEPS[direction, 0]
    following = np.full(len(keys), -1, dtype=np.int64)
    for turn in (1, 0, 3):  # right, straight, left: what is found later wins
        wanted = end * 4 + (direction + turn) % 4
        place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        is_there = (keys[place] == wanted) & (owner[place] == owner) if len(keys) else np.zeros(0, dtype=bool)
        following[is_there] = place[is_there]
    is_corner = direction[following] != direction if len(keys) else np.zeros(0, dtype=bool)
    # Positions without the margin, of the corner at the end of each edge.
    corners = np.stack([end % width - 1, end // width - 1], axis=1).astype(np.float64)
    return [
        (int(owner[cycle[0]]), *_as_ring(corners[[edge for edge in cycle if is_corner[edge]]]))
        for cycle in _cycles(following.tolist())
    ]


def _edges(padded: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32], int]:
    """Edges as vertex * 4 + direction, the region of each, and vertices per row."""
    width = padded.shape[1] + 1
    keys, owners = [], []
    inner = padded[1:-1, 1:-1]
    beside = (padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1], padded[1:-1, :-2])
    # Where the edge above, right of, below and left of a sample begins, walking clockwise around it.
    starts = ((0, 0), (0, 1), (1, 1), (1, 0))
    for direction, (other, (down, across)) in enumerate(zip(beside, starts, strict=True)):
        rows, columns = np.nonzero((inner != 0) & (inner != other))
        keys.append(((rows + 1 + down) * width + columns + 1 + across) * 4 + direction)
        owners.append(inner[rows, columns])
    return np.concatenate(keys).astype(np.int64), np.concatenate(owners), width


def _cycles(following: list[int]) -> list[list[int]]:
    seen = bytearray(len(following))
    cycles = []
    for first in range(len(following)):
        if seen[first]:
            continue
        cycle, edge = [], first
        while not seen[edge]:
            seen[edge] = 1
            cycle.append(edge)
            edge = following[edge]
        cycles.append(cycle)
    return cycles


def _as_ring(corners: NDArray[np.float64]) -> tuple[Ring, bool]:
    """The ring from its first corner in reading order, and whether it runs clockwise, as outer ones do."""
    first = int(np.lexsort((corners[:, 0], corners[:, 1]))[0])
    ring = np.roll(corners, -first, axis=0)
    x, y = ring.T
    return ring, bool(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) > 0)
