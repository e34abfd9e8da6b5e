"""Which finding of one list is which of another: by nearest place, each at most once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lesionkit.core.errors import LesionkitError


@dataclass(frozen=True)
class Matched:
    """A pair of two lists, and how far its places lie apart after the shift."""

    first: int
    second: int
    distance_mm: float


def match_nearest(
    first_mm: Sequence[Sequence[float]],
    second_mm: Sequence[Sequence[float]],
    reach_mm: float,
    shift_mm: Sequence[float] | None = None,
) -> list[Matched]:
    """Pairs of places no further apart than `reach_mm`: as many as there can be, and of these the nearest in sum.

    Args:
        first_mm, second_mm: world positions (n, d).
        shift_mm: is added to the first, and lays one image upon the other; None for nothing.

    Returns:
        In the order of the first list.

    Raises:
        LesionkitError: a reach that is not positive.

    >>> match_nearest([[0, 0], [10, 0]], [[11, 0], [50, 0]], reach_mm=5)
    [Matched(first=1, second=0, distance_mm=1.0)]
    """
    # Loaded when it is needed: no search needs it.
    from scipy.optimize import linear_sum_assignment

    if not reach_mm > 0:
        raise LesionkitError(f"how far a match may lie must be positive, got {reach_mm} mm")
    if not len(first_mm) or not len(second_mm):
        return []
    moved = np.array(first_mm, dtype=float) + (0 if shift_mm is None else np.array(shift_mm, dtype=float))
    distance = np.linalg.norm(moved[:, None] - np.array(second_mm, dtype=float)[None], axis=2)
    # What is out of reach costs more than all that is within, so that it is never chosen instead of a pair.
    far = reach_mm * (min(distance.shape) + 1)
    rows, columns = linear_sum_assignment(np.where(distance <= reach_mm, distance, far))
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [Matched(i, j, float(distance[i, j])) for i, j in pairs if distance[i, j] <= reach_mm]
