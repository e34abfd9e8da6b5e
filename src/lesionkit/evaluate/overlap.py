"""How well two masks cover each other."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def dice(overlap: ArrayLike, truth_area: ArrayLike, found_area: ArrayLike, both_empty: float = 1.0) -> NDArray[Any]:
    """Dice coefficient per image, from numbers of pixels: twice the overlap over the sum of the areas.

    Args:
        overlap, truth_area, found_area: (n,) pixels inside both, inside the truth, inside what was found.
        both_empty: what an image is worth whose two masks are empty; 1 in the SIIM-ACR challenge.

    >>> dice([2, 0, 0], [3, 0, 0], [5, 0, 4]).tolist()
    [0.5, 1.0, 0.0]
    """
    total = np.asarray(truth_area, dtype=np.float64) + np.asarray(found_area, dtype=np.float64)
    empty = total == 0
    return np.where(empty, both_empty, 2.0 * np.asarray(overlap) / np.where(empty, 1.0, total))


def mask_dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Dice of two masks of one image; two empty ones count 1."""
    return float(dice((found & truth).sum(), truth.sum(), found.sum()))
