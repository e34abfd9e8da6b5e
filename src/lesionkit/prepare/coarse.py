"""A coarser upright copy of a CT by averaging whole numbers of samples."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage, Image
from lesionkit.prepare.intensity import LOWEST_HU

HIGHEST_HU = 1000
"""Bone; brighter values are clipped, so that metal does not outweigh the air beside it."""


def coarsen(image: Image, spacing_mm: float) -> ArrayImage:
    """An upright int16 copy whose samples are averages of blocks, as near to `spacing_mm` as whole numbers allow.

    Samples left over at the far end of an axis are dropped. Values are clipped to -1024…1000 HU.

    Args:
        image: three-dimensional, HU, any orientation.
        spacing_mm: 0 keeps the samples as they are.

    Raises:
        LesionkitError: not three-dimensional, or values that are not finite.
    """
    grid = image.grid.turned_upright()
    if grid.ndim != 3:
        raise LesionkitError(f"a CT has three dimensions, got an image of shape {grid.shape}; is it a radiograph?")
    axes, flips = image.grid.upright_axes
    array = image.read(image.grid.whole)
    if array.ndim != 3:
        raise LesionkitError(f"a CT has one value per sample, got an array of shape {array.shape}; is it a picture?")
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        raise LesionkitError("HU values must be finite, got nan or inf; was the rescale slope missing?")
    array = np.flip(array.transpose(axes), tuple(a for a, f in enumerate(flips) if f))
    array = np.clip(array, LOWEST_HU, HIGHEST_HU).astype(np.int16, copy=False)
    blocks = [max(1, min(round(spacing_mm / s), n)) for s, n in zip(grid.spacing_mm, grid.shape, strict=True)]
    return ArrayImage(_coarse_grid(grid, blocks), np.ascontiguousarray(_averaged(array, blocks)))


def _averaged(array: NDArray[np.int16], blocks: list[int]) -> NDArray[np.int16]:
    count = 1
    result: NDArray[Any] = array
    for axis, block in enumerate(blocks):
        if block == 1:
            continue
        count *= block
        view = np.moveaxis(result, axis, 0)
        usable = len(view) // block * block
        total = view[0:usable:block].astype(np.int16 if count <= 31 else np.int32)
        for offset in range(1, block):
            total += view[offset:usable:block]
        result = np.moveaxis(total, 0, axis)
    return result if count == 1 else (result // count).astype(np.int16)


def _coarse_grid(grid: Grid, blocks: list[int]) -> Grid:
    first = [(block - 1) / 2 for block in blocks]
    return Grid(
        tuple(n // b for n, b in zip(grid.shape, blocks, strict=True)),
        tuple(s * b for s, b in zip(grid.spacing_mm, blocks, strict=True)),
        tuple(grid.index_to_world(first).tolist()),
        grid.direction,
    )
