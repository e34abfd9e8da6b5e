"""The cube of samples a net learns from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Patch:
    """What a net sees, before encoding.

    Attributes:
        hu: float32 (z, y, x), Hounsfield values.
        balls: (n, 4) centre z, y, x and diameter of the lesions in samples.
        ignored: (m, 4) balls in which nothing is learned.
        drawn: float32 (z, y, x) 0..1, how far each sample belongs to a lesion, of those that lie inside and of parts of
            others; None where nobody asked.
    """

    hu: NDArray[np.float32]
    balls: NDArray[np.float64]
    ignored: NDArray[np.float64]
    drawn: NDArray[np.float32] | None = None
