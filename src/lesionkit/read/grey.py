"""What makes samples those of a grey picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError

_COLOUR_STEP, _COLOUR_SHARE = 24, 0.02


def refuse_colour(colours: NDArray[np.uint8], name: str) -> None:
    """Refuse RGB samples (row, column, 3) that are no grey picture stored as colours.

    Raises:
        LesionkitError: more than 2 percent of the pixels are clearly coloured.
    """
    spread = colours.max(axis=2).astype(int) - colours.min(axis=2)
    share = float((spread > _COLOUR_STEP).mean())
    if share > _COLOUR_SHARE:
        raise LesionkitError(
            f"{name}: a radiograph is grey, but {share:.0%} of the pixels are coloured; a photograph of a screen or a "
            "slide cannot be read as one"
        )


def spread_to_sixteen_bits(values: NDArray[Any], name: str, notes: list[str]) -> NDArray[np.uint16]:
    """Whole numbers spread over all 16 bits; a note is added where fewer were in use.

    Raises:
        LesionkitError: a sample is no whole number from 0 to 65535.
    """
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 65535 or not np.issubdtype(values.dtype, np.integer):
        raise LesionkitError(f"{name}: samples must be whole numbers from 0 to 65535, got {low:g} to {high:g}")
    bits = max(1, int(high).bit_length())
    if bits < 16:
        notes.append(f"the samples use {bits} of 16 bits and were stretched to all of them")
    stretched: NDArray[np.uint16] = np.rint(values.astype(np.float64) * (65535 / (2**bits - 1))).astype(np.uint16)
    return stretched
