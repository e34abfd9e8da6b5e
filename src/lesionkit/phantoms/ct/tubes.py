"""Draw thousands of tapered tubes onto a grid, blurred like a scanner would, many at a time."""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import chndtr

from lesionkit.phantoms.ct.tree import Tubes

_RADIUS_STEP_MM = 0.1
_LARGEST_MM = 16.0
_COLUMNS = 96
_SAMPLES_AT_ONCE = 1_000_000


def draw_tubes(
    cover: NDArray[np.uint8], first_mm: Sequence[float], spacing_mm: Sequence[float], tubes: Tubes, blur_mm: float
) -> None:
    """Raise `cover` to the share (0 … 255) of each sample that the tubes fill after a Gaussian blur.

    Args:
        cover: (z, y, x), written to.
        first_mm: position of sample 0 in (z, y, x) mm.
        blur_mm: standard deviation of the blur; a tube thinner than it stays as visible as its volume makes it.
    """
    spacing = np.array(spacing_mm, dtype=float)
    starts = (tubes.starts[:, ::-1] - np.array(first_mm)).astype(np.float32)
    ends = (tubes.ends[:, ::-1] - np.array(first_mm)).astype(np.float32)
    radii = np.stack([tubes.start_radii, tubes.end_radii], axis=1).astype(np.float32)
    reach = radii.max(axis=1, initial=0)[:, None] + 2.2 * blur_mm
    low = np.floor((np.minimum(starts, ends) - reach) / spacing).astype(int)
    high = np.ceil((np.maximum(starts, ends) + reach) / spacing).astype(int)
    visible = ((high >= 0) & (low < np.array(cover.shape))).all(axis=1)
    table = _profile(round(blur_mm, 3))
    sizes = (high - low) // 3 * 3 + 3
    for chosen, size in _groups(np.flatnonzero(visible), sizes):
        _draw_group(cover, spacing, low[chosen], size, (starts[chosen], ends[chosen], radii[chosen]), table, blur_mm)


def _groups(numbers: NDArray[np.int_], sizes: NDArray[np.int_]) -> Iterator[tuple[NDArray[np.int_], NDArray[np.int_]]]:
    """Tubes whose boxes have the same size, so many at once as memory likes."""
    kinds, kind = np.unique(sizes[numbers], axis=0, return_inverse=True)
    for n, size in enumerate(kinds):
        members = numbers[kind.reshape(-1) == n]
        step = max(1, _SAMPLES_AT_ONCE // int(size.prod()))
        for start in range(0, len(members), step):
            yield members[start : start + step], size


def _draw_group(
    cover: NDArray[np.uint8],
    spacing: NDArray[np.float64],
    low: NDArray[np.int_],
    size: NDArray[np.int_],
    tubes: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    table: NDArray[np.uint8],
    blur_mm: float,
) -> None:
    starts, ends, radii = tubes
    rays = ends - starts
    squares = np.maximum(np.einsum("na,na->n", rays, rays), 1e-6)
    index, offsets = [], []
    for axis in range(3):
        wide = [-1, 1, 1, 1]
        wide[axis + 1] = int(size[axis])
        numbers = low[:, axis, None] + np.arange(size[axis])
        index.append(numbers.reshape(wide))
        offsets.append((numbers * spacing[axis] - starts[:, axis, None]).astype(np.float32).reshape(wide))

    def each(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return values.reshape(-1, 1, 1, 1)

    pz, py, px = offsets
    dz, dy, dx = (each(rays[:, axis]) for axis in range(3))
    along = np.clip((pz * dz + py * dy + px * dx) / each(squares), 0, 1)
    distance = np.sqrt((pz - along * dz) ** 2 + (py - along * dy) ** 2 + (px - along * dx) ** 2)
    radius = each(radii[:, 0]) + along * each(radii[:, 1] - radii[:, 0])
    beyond = distance - radius
    inside = beyond < 2.2 * blur_mm
    for numbers, length in zip(index, cover.shape, strict=True):
        inside &= (numbers >= 0) & (numbers < length)
    flat = (index[0] * cover.shape[1] + index[1]) * cover.shape[2] + index[2]
    row = np.minimum(radius[inside] / _RADIUS_STEP_MM + 0.5, len(table) - 1).astype(np.intp)
    column = np.clip((beyond[inside] / blur_mm + 3) * ((_COLUMNS - 1) / 6) + 0.5, 0, _COLUMNS - 1).astype(np.intp)
    np.maximum.at(cover.reshape(-1), flat[inside], table[row, column])


@lru_cache(maxsize=8)
def _profile(blur_mm: float) -> NDArray[np.uint8]:
    """Cover of a long tube: rows by radius, columns from 3 blurs inside its surface to 3 outside.

    A disc convolved with a Gaussian is the distribution function of a non-central chi-square.
    """
    radius = np.maximum(np.arange(math.ceil(_LARGEST_MM / _RADIUS_STEP_MM) + 1) * _RADIUS_STEP_MM, 0.05)[:, None]
    distance = np.maximum(radius + np.linspace(-3, 3, _COLUMNS) * blur_mm, 0)
    share = chndtr((radius / blur_mm) ** 2, 2, (distance / blur_mm) ** 2)
    return np.asarray(np.rint(255 * np.clip(np.nan_to_num(share, nan=1.0), 0, 1)), dtype=np.uint8)
