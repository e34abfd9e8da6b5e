"""Samples of any type -> int16 HU, slice by slice; and whether they can be HU at all."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.read.options import PADDING_HU

_HIGHEST = 32767
_AIR_BELOW = -200
_BEYOND_12_BITS = 3071
_MOST_BEYOND = 0.05
_LEAST_AIR = 0.001
_TOLD_BY = 2_000_000


def as_hu(slices: Iterable[NDArray[Any]], shape: tuple[int, ...]) -> NDArray[np.int16]:
    """Slices in order -> one volume of rounded HU, clipped to -1024 … 32767; never more than a slice in another type.

    Args:
        slices: arrays (y, x) of any real type.
        shape: (z, y, x).

    Raises:
        LesionkitError: a sample is no number, all are equal, or they cannot be HU.
    """
    hu = np.empty(shape, np.int16)
    low, high, odd = np.inf, -np.inf, 0
    for target, values in zip(hu, slices, strict=True):
        lowest, highest = values.min(), values.max()
        if not np.isfinite([lowest, highest]).all():
            odd += int(np.count_nonzero(~np.isfinite(values)))
            continue
        low, high = min(low, float(lowest)), max(high, float(highest))
        if values.dtype == np.int16:
            np.maximum(values, np.int16(PADDING_HU), out=target)
        else:
            np.clip(np.rint(values), PADDING_HU, _HIGHEST, out=target, casting="unsafe")
    if odd:
        raise LesionkitError(f"every sample must be a number, but {odd / hu.size:.2%} are NaN or infinite")
    if low == high:
        raise LesionkitError(f"a scan must show something, but all samples are {low:g}")
    refuse_no_hu(hu, low, high)
    return hu


def refuse_no_hu(hu: NDArray[np.int16], low: float | None = None, high: float | None = None) -> None:
    """Raise where samples cannot be the HU of a scan through a body.

    Padding, wherever it was not told from samples, is the lowest value there is. What remains must have air or lung
    below -200, and hardly anything beyond what a scanner's 12 bits hold.

    Args:
        hu: (z, y, x), clipped at -1024.
        low, high: of the samples before they were clipped; those of `hu` by default.

    Raises:
        LesionkitError: says what the samples look like instead.
    """
    low, high = float(hu.min() if low is None else low), float(hu.max() if high is None else high)
    step = max(1, round((hu.size / _TOLD_BY) ** 0.5))
    some = hu[:, ::step, ::step]
    beyond = np.count_nonzero(some > _BEYOND_12_BITS) / some.size
    if beyond > _MOST_BEYOND:
        raise LesionkitError(
            f"samples must be Hounsfield units, where hardly anything but metal exceeds {_BEYOND_12_BITS}, but "
            f"{beyond:.0%} do: most likely negative values were stored as large positive ones; "
            "check PixelRepresentation, BitsStored and the rescale, and export the scan again"
        )
    if low > _AIR_BELOW:
        raise LesionkitError(
            f"samples must be Hounsfield units with air near -1000, got {low:g} to {high:g}; {_cure(low, high)}"
        )
    inside = some[some > PADDING_HU]
    if np.count_nonzero(inside < _AIR_BELOW) < _LEAST_AIR * some.size:
        lowest = int(inside.min()) if inside.size else PADDING_HU
        raise LesionkitError(
            "samples must be Hounsfield units with air near -1000, "
            f"but beside padding they are {lowest:g} to {high:g}; {_cure(lowest, high)}"
        )


def _cure(low: float, high: float) -> str:
    if high <= 1.0:
        return "this looks like a scaled image (0..1) or a mask; give the CT itself"
    if high <= 255:
        return "this looks like an 8-bit picture (0..255) or a mask; give the CT itself"
    if low > -100:
        return "this looks like stored values without rescale; apply slope and intercept (often -1024) first"
    return "give a CT that shows lung"
