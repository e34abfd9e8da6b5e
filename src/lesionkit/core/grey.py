"""How the samples of a radiograph become grey values; the same in training and inference because both call this."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError

_FULL = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}


def to_grey(samples: NDArray[Any]) -> NDArray[np.float32]:
    """float32 0..1 of a radiograph (y, x), dense tissue bright, of any size.

    The whole range of the type goes from 0 to 1, as the winners of SIIM-ACR scaled (system 3, rows 3.4, 3.64, 3.100):
    a DICOM of more than 8 bits, which is read as uint16 over its whole range, and its 8-bit PNG give the same values up
    to rounding.

    Args:
        samples: uint8, uint16, or floating values that already lie in 0..1.

    Raises:
        LesionkitError: not two axes, no sample, another type, or floating values outside 0..1.

    >>> eight, sixteen = np.array([[0, 51, 255]], np.uint8), np.array([[0, 13107, 65535]], np.uint16)
    >>> bool((to_grey(eight) == to_grey(sixteen)).all())
    True
    """
    if samples.ndim != 2 or not samples.size:
        raise LesionkitError(f"a radiograph has rows and columns of samples, got an array of shape {samples.shape}")
    full = _FULL.get(samples.dtype)
    if full is not None:
        return np.asarray(np.divide(samples, full, dtype=np.float32))
    if not np.issubdtype(samples.dtype, np.floating):
        raise LesionkitError(
            f"a radiograph has samples of type uint8, uint16 or floating 0..1, got {samples.dtype}; convert them, the "
            "whole range of the type being black to white"
        )
    low, high = float(samples.min()), float(samples.max())
    if not (low >= 0 and high <= 1):
        raise LesionkitError(f"floating samples of a radiograph must lie in 0..1, got {low:g}..{high:g}; divide them")
    return samples.astype(np.float32)


def to_bytes(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """The same grey values (y, x) as uint8 0..255, to be stored or shown; uint8 stay as they are.

    >>> to_bytes(np.array([[0, 13107, 65535]], np.uint16)).tolist()
    [[0, 51, 255]]
    """
    if samples.dtype == np.uint8 and samples.ndim == 2:
        return np.asarray(samples, np.uint8)
    return np.asarray(np.rint(to_grey(samples) * 255), np.uint8)
