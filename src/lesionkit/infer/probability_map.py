"""The map of how likely each place of a slide is tumour, and where it was computed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box, Grid


@dataclass(frozen=True, eq=False)
class ProbabilityMap:
    """What a network says of a slide, one number per cell of a coarse grid.

    Attributes:
        grid: two axes (row, column); its world is millimetres from the slide's top left, its spacing that of the
            network's output (input spacing x stride).
        array: (row, column), a probability 0..1 in floating point of any width; may be mapped from a file. What stands
            where nothing was computed means nothing.
        computed: (row, column) boolean: tissue that was analysed. Only there do numbers count.
    """

    grid: Grid
    array: NDArray[Any]
    computed: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.grid.ndim != 2:
            raise LesionkitError(f"a probability map has rows and columns, got a grid of shape {self.grid.shape}")
        if self.array.shape != self.grid.shape or self.array.dtype.kind != "f":
            raise LesionkitError(
                f"a probability map of shape {self.grid.shape} needs floating point numbers of that shape, "
                f"got {self.array.dtype} of shape {self.array.shape}"
            )
        if self.computed.shape != self.grid.shape or self.computed.dtype != np.bool_:
            raise LesionkitError(
                f"where a map of shape {self.grid.shape} was computed must be a boolean array of that shape, "
                f"got {self.computed.dtype} of shape {self.computed.shape}"
            )

    @cached_property
    def values(self) -> NDArray[np.float32]:
        """The probabilities of the computed cells, in reading order; (n,) float32."""
        return np.asarray(self.array[self.computed], dtype=np.float32)

    @property
    def area_mm2(self) -> float:
        """Area that was analysed, mm2."""
        return float(np.count_nonzero(self.computed)) * self.grid.voxel_mm

    def read(self, box: Box) -> NDArray[np.float32]:
        """Probabilities of a box, 0 where nothing was computed, so a map is an `Image`; (row, column) float32."""
        return np.where(self.computed[box], self.array[box], 0).astype(np.float32)
