"""What a net says of a slide: probabilities of tumour, cell by cell, and where it was asked."""

import math
import mmap
import tempfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.display import Displayed
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box, Grid
from lesionkit.core.image import Image

_IN_MEMORY_BYTES = 2**27


@dataclass(frozen=True, eq=False)
class ProbabilityMap(Displayed):
    """Probabilities of a slide; itself an `Image`.

    Attributes:
        grid: of the cells; the first begins where the image does.
        array: (rows, columns) 0..1, float32 as nets write it: as float16 all logits above 8 would be the same, and
            scores are of the largest. 0 where nothing was computed. A file without a name where it is large.
        computed: bool (rows, columns): cells of tissue, which are those that count.
        facts: windows, net_px (pixels that the net saw, surroundings included), waited_s (for pixels), seconds.
        features: what the net saw of blocks of tissue, (k, c); (0, 0) where that is not known.
    """

    grid: Grid
    array: NDArray[Any]
    computed: NDArray[np.bool_]
    facts: dict[str, float] = field(default_factory=dict)
    features: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))

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

    @property
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

    def put(self, box: Box, probability: NDArray[Any], held: NDArray[np.bool_]) -> None:
        """Say what was computed in a box.

        Args:
            probability: (rows, columns) of the box.
            held: the cells of it that count; the others stay 0.
        """
        self.array[box] = np.where(held, probability, 0)
        self.computed[box] = held
        for array in (self.array, self.computed):
            _let_go(array)

    @classmethod
    def empty(cls, grid: Grid, cell: int) -> "ProbabilityMap":
        """A map in which nothing is computed yet.

        Args:
            grid: of the image.
            cell: pixels of the image per cell and axis.
        """
        cells = cells_of(grid, cell)
        return cls(cells, _zeros(cells.shape, np.float32), _zeros(cells.shape, np.bool_))


def cells_of(grid: Grid, cell: int) -> Grid:
    """The grid of cells of so many pixels; the last may reach beyond the image.

    >>> cells_of(Grid.upright((100, 64), (0.001, 0.001), (0.0005, 0.0005)), 8)
    Grid(shape=(13, 8), spacing_mm=(0.008, 0.008), origin_mm=(0.004, 0.004), direction=((0.0, 1.0), (1.0, 0.0)))
    """
    shape = tuple(math.ceil(n / cell) for n in grid.shape)
    first = grid.index_to_world([(cell - 1) / 2] * 2)
    return Grid(shape, tuple(s * cell for s in grid.spacing_mm), tuple(first), grid.direction)


def tissue_at(cells: Grid, box: Box, tissue: Image | None) -> NDArray[np.bool_]:
    """Which cells of a box have their centre in tissue.

    Args:
        tissue: a 2-D boolean image of any spacing on the same slide, upright as the cells are; None for everything.
    """
    shape = tuple(b.stop - b.start for b in box)
    if tissue is None:
        return np.ones(shape, dtype=bool)
    low = tissue.grid.world_to_index(cells.index_to_world([b.start for b in box]))
    step = np.array(cells.spacing_mm) / np.array(tissue.grid.spacing_mm)
    index = [np.floor(a + 0.5 + np.arange(n) * d).astype(np.int64) for a, n, d in zip(low, shape, step, strict=True)]
    inside = [(i >= 0) & (i < n) for i, n in zip(index, tissue.grid.shape, strict=True)]
    rows, columns = (i[held] for i, held in zip(index, inside, strict=True))
    found = np.zeros(shape, dtype=bool)
    if len(rows) and len(columns):
        part = tissue.read((slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)))
        found[np.ix_(*inside)] = np.asarray(part, dtype=bool)[np.ix_(rows - rows[0], columns - columns[0])]
    return found


def _zeros(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Zeros that cost memory only where something is written; many of them lie in a file without a name."""
    if math.prod(shape) * np.dtype(dtype).itemsize <= _IN_MEMORY_BYTES:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(prefix="lesionkit-map-") as file:
        # The mapping keeps the file alive; the file goes when the map does.
        return np.memmap(file, dtype, mode="w+", shape=shape)


def _let_go(array: NDArray[Any]) -> None:
    """Leave what was written to a file to the system, so that it is none of this process's memory."""
    mapping: Any = array.base
    if isinstance(mapping, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)
