"""Cover a shape with boxes."""

import itertools
import math
from collections.abc import Sequence

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box


def cover(shape: Sequence[int], tile: Sequence[int], overlap: Sequence[int] | int = 0) -> list[Box]:
    """Boxes of one size that cover a shape; neighbours share at least `overlap` samples.

    Boxes are spread evenly, so the last does not stick out; an axis shorter than its tile gets one box of its length.

    >>> [b[0].start for b in cover([10], [4])]
    [0, 3, 6]
    >>> cover([3], [4])
    [(slice(0, 3, None),)]
    """
    overlaps = [overlap] * len(shape) if isinstance(overlap, int) else list(overlap)
    starts = []
    for size, side, shared in zip(shape, tile, overlaps, strict=True):
        if not 0 <= shared < side:
            raise LesionkitError(f"overlap must be at least 0 and less than the tile's side {side}, got {shared}")
        count = max(1, math.ceil((size - shared) / (side - shared)))
        last = max(size - side, 0)
        starts.append([round(i * last / max(count - 1, 1)) for i in range(count)])
    return [
        tuple(slice(a, min(a + side, size)) for a, side, size in zip(corner, tile, shape, strict=True))
        for corner in itertools.product(*starts)
    ]
