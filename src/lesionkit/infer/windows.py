"""Boxes to run a net on: only where a mask is, each small enough for bounded memory."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.grid import Box

COARSE = 4
"""Windows start and end at multiples of so many samples."""


@dataclass(frozen=True)
class WindowRule:
    """What a window costs.

    Attributes:
        largest: most samples in a window, context included.
        halo: samples of context on each side.
        multiple: a window's sides, context included, are rounded up to this.
        flat: slices are looked at one by one, so that there is neither context nor rounding along the first axis.
    """

    largest: int
    halo: int = 16
    multiple: int = 16
    flat: bool = False

    def grown(self, box: Box) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Start and shape of a box with its context."""
        reach = (0 if self.flat else self.halo, *(self.halo,) * (len(box) - 1))
        steps = (1 if self.flat else self.multiple, *(self.multiple,) * (len(box) - 1))
        start = tuple(b.start - r for b, r in zip(box, reach, strict=True))
        sides = (b.stop - b.start + 2 * r for b, r in zip(box, reach, strict=True))
        return start, tuple(math.ceil(side / step) * step for side, step in zip(sides, steps, strict=True))

    def cost(self, box: Box | None) -> int:
        """Samples that a net has to look at for a box."""
        return 0 if box is None else math.prod(self.grown(box)[1])


def windows_over(mask: NDArray[np.bool_], rule: WindowRule) -> list[Box]:
    """Disjoint boxes that together hold every set sample of a mask, none larger than the rule allows.

    A box is shrunk to what it holds and cut in two where that leaves the least to look at, context included, as long
    as it is too large or the cut saves something: what lies between two lungs is skipped. A box that context makes too
    large however it is cut stays.

    Args:
        mask: (z, y, x).

    >>> mask = np.zeros((8, 8, 80), bool)
    >>> mask[:, :, :20] = mask[:, :, 60:] = True
    >>> [(box[2].start, box[2].stop) for box in windows_over(mask, WindowRule(largest=10**6, halo=4, multiple=4))]
    [(0, 20), (60, 80)]
    """
    coarse = _coarsened(mask)
    boxes: list[Box] = []
    waiting = [_shrunk(coarse, tuple(slice(0, n) for n in coarse.shape), mask.shape)]
    while waiting:
        box = waiting.pop()
        if box is None:
            continue
        whole = rule.cost(box)
        parts, cost = _best_cut(coarse, box, mask.shape, rule)
        too_large = whole > rule.largest and all(rule.cost(part) < whole for part in parts)
        if parts and (too_large or cost < 0.9 * whole):
            waiting.extend(parts)
        else:
            boxes.append(box)
    return sorted(boxes, key=lambda box: [b.start for b in box])


def _coarsened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether any sample of each block of 4 per axis is set."""
    padded = np.pad(mask, [(0, -n % COARSE) for n in mask.shape])
    z, y, x = (n // COARSE for n in padded.shape)
    return np.asarray(padded.reshape(z, COARSE, y, COARSE, x, COARSE).any(axis=(1, 3, 5)))


def _best_cut(
    coarse: NDArray[np.bool_], box: Box, shape: tuple[int, ...], rule: WindowRule
) -> tuple[list[Box | None], float]:
    """The two shrunk parts of the cheapest cut, and what they cost; no parts where the box cannot be cut."""
    best: list[Box | None] = []
    best_cost: float = math.inf
    inside = tuple(slice(b.start // COARSE, math.ceil(b.stop / COARSE)) for b in box)
    for axis, side in enumerate(inside):
        length = side.stop - side.start
        for cut in sorted({side.start + round(length * n / 8) for n in range(1, 8)} - {side.start, side.stop}):
            halves = (slice(side.start, cut), slice(cut, side.stop))
            parts = [_shrunk(coarse, (*inside[:axis], half, *inside[axis + 1 :]), shape) for half in halves]
            # Of equal cuts the one near the middle: its parts need fewer cuts themselves.
            cost = sum(rule.cost(part) for part in parts) + abs(cut - (side.start + side.stop) / 2)
            if cost < best_cost:
                best, best_cost = parts, cost
    return best, best_cost


def _shrunk(coarse: NDArray[np.bool_], inside: Box, shape: tuple[int, ...]) -> Box | None:
    """The samples of a coarse box that hold something, None where nothing does."""
    part = coarse[inside]
    bounds = []
    for axis, (side, size) in enumerate(zip(inside, shape, strict=True)):
        filled = np.flatnonzero(part.any(axis=tuple(a for a in range(part.ndim) if a != axis)))
        if len(filled) == 0:
            return None
        first, last = side.start + int(filled[0]), side.start + int(filled[-1]) + 1
        bounds.append(slice(first * COARSE, min(last * COARSE, size)))
    return tuple(bounds)
