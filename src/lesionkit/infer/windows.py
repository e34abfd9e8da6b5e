"""Boxes to run a net on: only where a mask is, each small enough for bounded memory."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.grid import Box


def windows_over(mask: NDArray[np.bool_], largest: int, least: int = 16) -> list[Box]:
    """Disjoint boxes that together hold every set sample of a mask, none with more than `largest` samples.

    A box is shrunk to what it holds and then halved, where halving leaves the least volume, until it is small enough:
    two lungs become two boxes and the mediastinum between them is skipped.

    Args:
        mask: (z, y, x).
        largest: most samples in a box.
        least: boxes are not cut shorter than this along an axis.

    >>> mask = np.zeros((4, 4, 40), bool)
    >>> mask[:, :, :10] = mask[:, :, 30:] = True
    >>> [(box[2].start, box[2].stop) for box in windows_over(mask, largest=400, least=4)]
    [(0, 10), (30, 40)]
    """
    boxes, waiting = [], [_shrunk(mask, tuple(slice(0, n) for n in mask.shape))]
    while waiting:
        box = waiting.pop()
        if box is None:
            continue
        halves = _best_cut(mask, box, least) if volume(box) > largest / 8 else None
        if halves is not None and (volume(box) > largest or _saving(box, halves) > 0.25):
            waiting.extend(halves)
        else:
            boxes.append(box)
    return sorted(boxes, key=lambda box: [b.start for b in box])


def volume(box: Box) -> int:
    """Samples in a box."""
    return math.prod(b.stop - b.start for b in box)


def grown(box: Box, halo: int, multiple: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Start and shape of a box with `halo` more samples on each side, the shape rounded up to a multiple."""
    start = tuple(b.start - halo for b in box)
    shape = tuple(math.ceil((b.stop - b.start + 2 * halo) / multiple) * multiple for b in box)
    return start, shape


def _saving(box: Box, halves: Sequence[Box | None]) -> float:
    return 1 - sum(volume(half) for half in halves if half is not None) / volume(box)


def _best_cut(mask: NDArray[np.bool_], box: Box, least: int) -> tuple[Box | None, Box | None] | None:
    """The two shrunk halves of the cut that leaves the least volume; near the middle of the longest axis if equal."""
    best, best_cost = None, math.inf
    for axis, side in enumerate(box):
        length = side.stop - side.start
        for share in (0.5, 0.42, 0.58):
            cut = side.start + round(length * share)
            if min(cut - side.start, side.stop - cut) < least:
                continue
            first = _shrunk(mask, (*box[:axis], slice(side.start, cut), *box[axis + 1 :]))
            second = _shrunk(mask, (*box[:axis], slice(cut, side.stop), *box[axis + 1 :]))
            kept = sum(volume(half) for half in (first, second) if half is not None)
            # A cut across a long axis makes smaller faces, and each face costs a halo.
            cost = kept + 0.5 * volume(box) * 16 / length
            if cost < best_cost:
                best, best_cost = (first, second), cost
    return best


def _shrunk(mask: NDArray[np.bool_], box: Box) -> Box | None:
    part = mask[box]
    bounds = []
    for axis, side in enumerate(box):
        filled = np.flatnonzero(part.any(axis=tuple(a for a in range(part.ndim) if a != axis)))
        if len(filled) == 0:
            return None
        bounds.append(slice(side.start + int(filled[0]), side.start + int(filled[-1]) + 1))
    return tuple(bounds)
