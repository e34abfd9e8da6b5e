"""Resample to an upright grid of another spacing.

Grids whose axes run along the world axes, in whatever order and sign, are resampled axis by axis, slice by slice, on
a few threads; that needs no copy of the input and is faster than a general resampler. Oblique grids go through
SimpleITK.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage, Image
from lesionkit.prepare.intensity import LOWEST_HU

Order: TypeAlias = Literal[0, 1]
"""0 takes the nearest sample (masks), 1 interpolates linearly."""


def resample_onto(
    image: Image, grid: Grid, order: Order = 1, antialias: bool = False, fill: float = LOWEST_HU
) -> ArrayImage:
    """The image on the lattice of `grid`, in samples of its own type; integers are rounded.

    Args:
        image: three-dimensional, any orientation.
        order: 0 nearest, 1 linear.
        antialias: smooth axes that become coarser first (Gaussian, sigma of half the new spacing, less what the old
            one already blurs), so that noise is averaged instead of picked.
        fill: outside the image.

    Raises:
        LesionkitError: the image is not three-dimensional.
    """
    array = _turned(image)
    source = image.grid.turned_upright()
    if antialias:
        array = _smoothed(array, source, grid)
    if source.is_oblique or grid.is_oblique or grid.upright_axes != ((0, 1, 2), (False, False, False)):
        return ArrayImage(grid, _resample_any(array, source, grid, order, fill))
    start = source.world_to_index(grid.origin_mm)
    steps = np.array(grid.spacing_mm) / np.array(source.spacing_mm)
    axes = [
        _Axis.along(first, step, count, size, order)
        for first, step, count, size in zip(start, steps, grid.shape, source.shape, strict=True)
    ]
    return ArrayImage(grid, _resample_separably(array, axes, fill))


def upright_grid(grid: Grid, spacing_mm: float | tuple[float, float, float]) -> Grid:
    """An upright grid that covers what `grid` covers: its turned self, or the bounding box if oblique.

    Args:
        spacing_mm: of all axes, or of each (z, y, x).
    """
    if grid.ndim != 3:
        raise LesionkitError(f"only three-dimensional images are resampled to a spacing, got shape {grid.shape}")
    spacing = spacing_mm if isinstance(spacing_mm, tuple) else (spacing_mm,) * 3
    if not min(spacing) > 0:
        raise LesionkitError(f"spacing_mm must be positive, got {spacing_mm}")
    turned = grid.turned_upright()
    if not turned.is_oblique:
        return turned.resampled(spacing)
    corners = turned.index_to_world(list(itertools.product(*((-0.5, n - 0.5) for n in turned.shape))))
    low, high = corners.min(axis=0), corners.max(axis=0)
    shape = np.maximum(1, np.ceil((high - low)[::-1] / spacing - 1e-6)).astype(int)
    return Grid.upright(tuple(shape.tolist()), spacing, tuple((low + np.array(spacing)[::-1] / 2).tolist()))


@dataclass(frozen=True)
class _Axis:
    """Where the samples of one new axis lie between those of an old one."""

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    weight: NDArray[np.float32]
    outside: NDArray[np.bool_]

    @classmethod
    def along(cls, first: float, step: float, count: int, size: int, order: Order) -> _Axis:
        position = first + step * np.arange(count)
        outside = (position < -0.5 - 1e-6) | (position > size - 0.5 + 1e-6)
        inside = np.clip(position, 0, size - 1)
        if order == 0:
            inside = np.floor(inside + 0.5)
        left = np.floor(inside).astype(np.intp)
        return cls(left, np.minimum(left + 1, size - 1), (inside - left).astype(np.float32), outside)

    @property
    def is_exact(self) -> bool:
        return not self.weight.any()


def _turned(image: Image) -> NDArray[Any]:
    """A view of the samples, flipped and transposed upright."""
    axes, flips = image.grid.upright_axes
    array = image.read(image.grid.whole)
    if array.ndim != image.grid.ndim:
        raise LesionkitError(f"only images without channels are resampled, got an array of shape {array.shape}")
    return np.flip(array.transpose(axes), tuple(a for a, f in enumerate(flips) if f))


def _resample_separably(array: NDArray[Any], axes: list[_Axis], fill: float) -> NDArray[Any]:
    z, y, x = axes
    result = np.empty((len(z.left), len(y.left), len(x.left)), dtype=array.dtype)
    parts = np.array_split(np.arange(len(z.left)), 2)
    with ThreadPoolExecutor(len(parts)) as pool:
        list(pool.map(lambda planes: _fill_planes(result, array, axes, planes), parts))
    for number, axis in enumerate(axes):
        if axis.outside.any():
            np.moveaxis(result, number, 0)[axis.outside] = fill
    return result


def _fill_planes(result: NDArray[Any], array: NDArray[Any], axes: list[_Axis], planes: NDArray[np.intp]) -> None:
    z, y, x = axes
    is_exact = all(axis.is_exact for axis in axes)
    kept: dict[int, NDArray[Any]] = {}
    for plane in planes:
        below, above = int(z.left[plane]), int(z.right[plane])
        weight = z.weight[plane]
        for slice_ in {below, above} if weight else {below}:
            if slice_ not in kept:
                kept[slice_] = _plane(array[slice_], y, x)
        for old in [slice_ for slice_ in kept if slice_ < below]:
            del kept[old]
        if is_exact:
            result[plane] = kept[below]
            continue
        value = kept[below] if not weight else _between(kept[below], kept[above], weight)
        _store(result[plane], value)


def _plane(plane: NDArray[Any], y: _Axis, x: _Axis) -> NDArray[Any]:
    """One old slice on the new rows and columns, float32 unless both axes only pick."""
    if y.is_exact and x.is_exact:
        return plane[np.ix_(y.left, x.left)]
    low, high = int(x.left.min()), int(x.right.max()) + 1
    plane = plane[:, low:high]
    rows = _between(plane[y.left].astype(np.float32), plane[y.right].astype(np.float32), y.weight[:, None])
    return _between(rows.take(x.left - low, axis=1), rows.take(x.right - low, axis=1), x.weight)


def _between(left: NDArray[Any], right: NDArray[Any], weight: Any) -> NDArray[np.float32]:
    difference: NDArray[np.float32] = np.subtract(right, left, dtype=np.float32)
    difference *= weight
    difference += left
    return difference


def _store(target: NDArray[Any], value: NDArray[Any]) -> None:
    if np.issubdtype(target.dtype, np.integer) or target.dtype == np.bool_:
        value = np.rint(value)
    np.copyto(target, value, casting="unsafe")


def _smoothed(array: NDArray[Any], source: Grid, grid: Grid) -> NDArray[Any]:
    from scipy.ndimage import gaussian_filter

    ratio = np.array(grid.spacing_mm) / np.array(source.spacing_mm)
    sigma = 0.5 * np.sqrt(np.maximum(ratio**2 - 1, 0))
    smooth = gaussian_filter(array.astype(np.float32), sigma, truncate=2.0, mode="nearest")
    result = np.empty(array.shape, dtype=array.dtype)
    _store(result, smooth)
    return result


def _resample_any(array: NDArray[Any], source: Grid, grid: Grid, order: Order, fill: float) -> NDArray[Any]:
    import SimpleITK as sitk

    is_integer = not np.issubdtype(array.dtype, np.floating)
    image = sitk.GetImageFromArray(array.astype(np.float32))
    image.SetSpacing(source.spacing_mm[::-1])
    image.SetOrigin(source.origin_mm)
    image.SetDirection(np.array(source.direction)[:, ::-1].ravel().tolist())
    resampler = sitk.ResampleImageFilter()
    resampler.SetInterpolator(sitk.sitkLinear if order == 1 else sitk.sitkNearestNeighbor)
    resampler.SetSize(grid.shape[::-1])
    resampler.SetOutputSpacing(grid.spacing_mm[::-1])
    resampler.SetOutputOrigin(grid.origin_mm)
    resampler.SetOutputDirection(np.array(grid.direction)[:, ::-1].ravel().tolist())
    resampler.SetDefaultPixelValue(float(fill))
    resampler.SetNumberOfThreads(2)
    values = sitk.GetArrayFromImage(resampler.Execute(image))
    return (np.rint(values) if is_integer else values).astype(array.dtype)
