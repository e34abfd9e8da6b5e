"""A coarser upright copy of a CT by averaging whole numbers of samples."""

from concurrent.futures import ThreadPoolExecutor
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
    blocks = [max(1, min(round(spacing_mm / s), n)) for s, n in zip(grid.spacing_mm, grid.shape, strict=True)]
    coarse = _coarse_grid(grid, blocks)
    result = np.empty(coarse.shape, dtype=np.int16)

    def fill(planes: NDArray[np.intp]) -> None:
        for plane in planes:
            result[plane] = _averaged(array[plane * blocks[0] : (plane + 1) * blocks[0]], blocks)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fill, np.array_split(np.arange(len(result)), 2)))
    return ArrayImage(coarse, result)


def _averaged(slab: NDArray[Any], blocks: list[int]) -> NDArray[np.int16]:
    """One plane of the result from the slices it averages."""
    values: NDArray[Any] = np.clip(slab, LOWEST_HU, HIGHEST_HU)
    total = values[0].astype(np.int32 if np.prod(blocks) > 31 else np.int16, copy=False)
    for plane in values[1:]:
        total = total + plane.astype(total.dtype, copy=False)
    for axis, block in ((0, blocks[1]), (1, blocks[2])):
        usable = total.shape[axis] // block * block
        view = np.moveaxis(total, axis, 0)[:usable]
        part = view[::block].copy()
        for offset in range(1, block):
            np.add(part, view[offset::block], out=part)
        total = np.moveaxis(part, 0, axis)
    return np.asarray(total // int(np.prod(blocks)), dtype=np.int16)


def _coarse_grid(grid: Grid, blocks: list[int]) -> Grid:
    first = [(block - 1) / 2 for block in blocks]
    return Grid(
        tuple(n // b for n, b in zip(grid.shape, blocks, strict=True)),
        tuple(s * b for s, b in zip(grid.spacing_mm, blocks, strict=True)),
        tuple(grid.index_to_world(first).tolist()),
        grid.direction,
    )
