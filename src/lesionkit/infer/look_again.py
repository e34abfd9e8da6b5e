"""The strongest candidates are looked at again, each in cubes of its own."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Look: TypeAlias = Callable[[Sequence[int], Sequence[int], bool, int | None], Tensor]
"""(start, shape, at_end, mirror): logits (k, z, y, x) on the lattice of the output of a box that may reach beyond the
image; `at_end` tells whether it reaches beyond an end of the scan, `mirror` which axis of z, y, x is mirrored."""
LOOK_SIDE = 48
LOOKS: tuple[tuple[tuple[int, int, int], int | None], ...] = (
    ((0, 0, 0), None),
    ((1, 2, 3), 0),
    ((2, 3, 1), 1),
    ((3, 1, 2), 2),
)
"""How a candidate is looked at again: where the lattice of the output begins (z, y, x), and which axis is mirrored.
Each axis is seen at each of its four phases once."""


def looked_at_again(
    balls: NDArray[np.float64], size: Sequence[int], ends: NDArray[np.bool_], most: int, stride: int, look: Look
) -> NDArray[np.float64]:
    """Balls (k, 5), strongest first, of which the first few are ranked by the mean logit of several looks.

    Args:
        balls: score, place in samples, diameter.
        size: of the image (z, y, x) in samples.
        ends: (3, 2) which of its faces are the scan's own.
        most: how many are looked at again.
        stride: samples per cell of the output.
    """
    balls, sides = balls.copy(), np.array(size)
    for ball in balls[:most]:
        if ball[4] > LOOK_SIDE / 2:
            continue  # Its cube would hold little beside it.
        logits = []
        for lattice, mirror in LOOKS:
            start = np.floor(ball[1:4]).astype(int) - LOOK_SIDE // 2 + lattice
            beyond = ((start < 0) & ends[:, 0]) | ((start + LOOK_SIDE > sides) & ends[:, 1])
            said = look(start.tolist(), (LOOK_SIDE,) * 3, bool(beyond.any()), mirror)
            cell = np.floor((ball[1:4] - start + 0.5) / stride).astype(int)
            around = tuple(slice(c - 1, c + 2) for c in cell)
            logits.append(float(said[(slice(None), *around)].max()))
        ball[0] = 1 / (1 + np.exp(-np.mean(logits)))
    return balls[np.argsort(-balls[:, 0], kind="stable")]
