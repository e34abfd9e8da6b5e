"""Hounsfield values in, numbers a network likes out."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError

LOWEST_HU = -1024
"""Air on a 12-bit scanner; whatever lies below is padding outside the scanner's circle."""


def clip_hu(hu: NDArray[Any], hu_range: tuple[float, float]) -> NDArray[Any]:
    """Values clipped to `hu_range` (lowest, highest); shape and type stay.

    >>> clip_hu(np.array([-3024, 40, 3071], dtype=np.int16), (-1024, 1500)).tolist()
    [-1024, 40, 1500]
    """
    low, high = check_hu_range(hu_range)
    if np.issubdtype(hu.dtype, np.integer):
        kind = np.iinfo(hu.dtype)
        low, high = max(low, kind.min), min(high, kind.max)
    return np.asarray(np.clip(hu, hu.dtype.type(low), hu.dtype.type(high)))


def to_unit(hu: NDArray[Any], hu_range: tuple[float, float]) -> NDArray[np.float32]:
    """float32 in 0..1: `hu_range` is stretched to it and values outside are clipped.

    System 0 (row 0.20) used (-1000, 400), which is also system 1's window (row 1.5).

    >>> to_unit(np.array([-2000, -1000, -300, 400]), (-1000, 400)).tolist()
    [0.0, 0.0, 0.5, 1.0]
    """
    low, high = check_hu_range(hu_range)
    unit = np.asarray(hu, dtype=np.float32) - np.float32(low)
    unit *= np.float32(1.0 / (high - low))
    return np.clip(unit, 0.0, 1.0, out=unit)


def check_hu_range(hu_range: tuple[float, float]) -> tuple[float, float]:
    """The range itself, if it can be used.

    Raises:
        LesionkitError: the lower limit is not below the upper one.
    """
    low, high = hu_range
    if not low < high:
        raise LesionkitError(f"hu_range must be (lowest, highest), got {tuple(hu_range)}")
    return float(low), float(high)
