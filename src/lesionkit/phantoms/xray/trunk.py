"""A chest as X-rays meet it: attenuation in coronal planes, and how deep each place lies below the lungs' surface."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.image import ArrayImage, upright

Floats: TypeAlias = NDArray[np.float32]
Side: TypeAlias = Literal["right", "left"]

PLANE_MM = 3.0
"""Distance of the coronal planes: nobody sees depth in a radiograph, so it may be coarse."""
_LEAST_LUNG_ML = 150.0
_GRAIN = 0.6
_REAL_BONE, _DRAWN_BONE = 3.0, 1.16
"""Most attenuation of bone. The spine of a synthetic CT is a row of blocks, so it is kept faint; ribs are drawn."""
_OUTSIDE_MM = -20.0


@dataclass(frozen=True, eq=False)
class Lung:
    """One lung in a box of a trunk's planes.

    Attributes:
        box: slices into the planes.
        depth_mm: (y, z, x) signed distance to the lung's surface, positive inside.
        root: (y, z, x) index within the box of the place it hangs on, where vessels enter.
    """

    side: Side
    box: tuple[slice, slice, slice]
    depth_mm: Floats
    root: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Trunk:
    """A chest without table and arms' padding, ready to be projected.

    Attributes:
        planes: (y, z, x) attenuation as multiples of water's; y from front to back, z from head to feet, x to the left.
        spacing_mm: of the planes in array order.
        lungs: right and left.
    """

    planes: Floats
    spacing_mm: tuple[float, float, float]
    lungs: tuple[Lung, ...]
    case_id: str
    patient_id: str
    is_real: bool

    @property
    def centre(self) -> tuple[float, float, float]:
        """(y, z, x) index of the middle between the lungs."""
        y, z, x = ((a + b - 1) / 2 for a, b in self._reach)
        return y, z, x

    @property
    def lung_extent_mm(self) -> tuple[float, float]:
        """Height and width of both lungs together."""
        _, height, width = ((b - a) * step for (a, b), step in zip(self._reach, self.spacing_mm, strict=True))
        return height, width

    @property
    def _reach(self) -> list[tuple[int, int]]:
        boxes = [lung.box for lung in self.lungs]
        return [(min(b[axis].start for b in boxes), max(b[axis].stop for b in boxes)) for axis in range(3)]


def trunk_of(case: Case, lung: NDArray[np.bool_], pixel_mm: float) -> Trunk:
    """The trunk of a chest CT, synthetic or real.

    Args:
        case: a CT in HU.
        lung: (z, y, x) mask of both lungs on the grid of the case's image.
        pixel_mm: distance of pixels of the radiographs to come; planes are sampled as finely, within the CT's limits.

    Raises:
        LesionkitError: the mask does not fit, or holds no two lungs.
    """
    grid = case.image.grid
    if lung.shape != grid.shape:
        raise LesionkitError(f"lung must be a mask of the image's shape {grid.shape}, got shape {lung.shape}")
    image, mask = upright(case.image), upright(ArrayImage(grid, lung))
    spacing = image.grid.spacing_mm
    steps = (max(pixel_mm, min(spacing[0], spacing[2])), PLANE_MM, max(pixel_mm, spacing[2]))
    hu = _resampled(image.array, spacing, steps)
    share = _resampled(mask.array, spacing, steps)
    is_real = not case.facts.get("synthetic", False)
    planes = _attenuation(hu, _REAL_BONE if is_real else _DRAWN_BONE)
    planes *= _body(planes, share > 0.2, steps)
    order = (1, 0, 2)
    # Grain of the CT would show where a lung is moved between samples, and tell which lung was.
    planes = ndimage.gaussian_filter(planes, _GRAIN)
    planes = np.ascontiguousarray(planes.transpose(order)[:, ::-1])
    share = np.ascontiguousarray(share.transpose(order)[:, ::-1])
    step_yzx = (steps[1], steps[0], steps[2])
    lungs = tuple(_lung(part, side, step_yzx) for side, part in _two_sides(share > 0.5, step_yzx).items())
    return Trunk(planes, step_yzx, lungs, case.case_id, case.patient_id, is_real)


def _resampled(array: NDArray[Any], old_mm: Sequence[float], new_mm: Sequence[float]) -> Floats:
    """(z, y, x) samples at other distances; slice by slice, for a CT is large."""
    counts = [max(1, int(n * old / new)) for n, old, new in zip(array.shape, old_mm, new_mm, strict=True)]
    steps = [new / old for old, new in zip(old_mm, new_mm, strict=True)]
    across, rows, columns = (
        interpolation(np.arange(count) * step, size, step)
        for count, step, size in zip(counts, steps, array.shape, strict=True)
    )
    flat = np.empty((len(array), counts[1] * counts[2]), np.float32)
    for place, plane in zip(flat, array, strict=True):
        place[:] = (columns @ np.ascontiguousarray((rows @ plane.astype(np.float32)).T)).T.ravel()
    result: Floats = (across @ flat).reshape(counts)
    return result


def interpolation(
    position: NDArray[np.floating[Any]], size: int, step: float = 1.0, goes_on: bool = False
) -> sparse.csr_array:
    """Weights (n, size) of samples at fractional positions; a step above 1 averages over it.

    Args:
        goes_on: repeat the samples at both ends beyond them, instead of 0.
    """
    reach = max(1.0, float(step))
    first = np.floor(position - reach).astype(int) + 1
    count = int(np.ceil(2 * reach))
    taps = first[:, None] + np.arange(count)
    weights = np.maximum(0, 1 - np.abs(taps - position[:, None]) / reach)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-6)
    if not goes_on:
        weights *= (taps >= 0) & (taps < size)
    columns = taps.clip(0, size - 1).ravel().astype(np.int32)
    ends = np.arange(0, count * len(position) + 1, count, dtype=np.int32)
    return sparse.csr_array((weights.ravel().astype(np.float32), columns, ends), shape=(len(position), size))


def _attenuation(hu: Floats, most: float) -> Floats:
    """Multiples of water's, at most `most`."""
    planes: Floats = np.clip(1 + hu / 1000, 0, most).astype(np.float32)
    return planes


def _body(planes: Floats, lung: NDArray[np.bool_], steps: Sequence[float]) -> NDArray[np.bool_]:
    """Where the body is, without table and sheets: the largest piece of a coarse copy and the lungs, holes filled."""
    skip = tuple(max(1, round(4.0 / step)) for step in steps)
    coarse = planes[tuple(slice(None, None, s) for s in skip)] > 0.6
    opened = ndimage.binary_opening(coarse, iterations=2)
    labels, count = ndimage.label(opened)
    if count == 0:
        raise LesionkitError("a chest CT must show a body denser than -400 HU, but this one shows none")
    largest = 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    inner = lung[tuple(slice(None, None, s) for s in skip)]
    body = ndimage.binary_dilation((labels == largest) | inner, iterations=3)
    filled = np.stack([ndimage.binary_fill_holes(plane) for plane in body])
    for axis, s in enumerate(skip):
        filled = np.repeat(filled, s, axis=axis)
    result: NDArray[np.bool_] = filled[tuple(slice(0, n) for n in planes.shape)]
    return result


def _two_sides(lung: NDArray[np.bool_], steps: Sequence[float]) -> dict[Side, NDArray[np.bool_]]:
    """The mask (y, z, x) parted at the emptiest column between the lungs."""
    columns = lung.sum(axis=(0, 1)).astype(float)
    filled = np.flatnonzero(columns)
    if not len(filled):
        raise LesionkitError("two lungs are needed for a radiograph, but the lung mask is empty")
    width = filled[-1] + 1 - filled[0]
    middle = slice(filled[0] + int(0.35 * width), filled[0] + max(int(0.65 * width), int(0.35 * width) + 1))
    cut = middle.start + int(np.argmin(ndimage.uniform_filter1d(columns, 5)[middle]))
    sides: dict[Side, NDArray[np.bool_]] = {"right": lung.copy(), "left": lung.copy()}
    sides["right"][..., cut:] = False
    sides["left"][..., :cut] = False
    for side, part in sides.items():
        millilitres = part.sum() * float(np.prod(steps)) / 1000
        if millilitres < _LEAST_LUNG_ML:
            raise LesionkitError(
                f"each lung must have at least {_LEAST_LUNG_ML:g} ml, but the {side} one of the mask has "
                f"{millilitres:.0f} ml; is the whole chest in the scan?"
            )
    return sides


def _lung(mask: NDArray[np.bool_], side: Side, steps: tuple[float, float, float]) -> Lung:
    found = ndimage.find_objects(mask.astype(np.int8))[0]
    margin = [int(np.ceil(9 / step)) for step in steps]
    box = tuple(
        slice(max(0, s.start - m), min(n, s.stop + m)) for s, m, n in zip(found, margin, mask.shape, strict=True)
    )
    inside = ndimage.binary_fill_holes(mask[box])
    depth = ndimage.distance_transform_edt(inside, steps).astype(np.float32)
    depth -= np.minimum(ndimage.distance_transform_edt(~inside, steps), -_OUTSIDE_MM).astype(np.float32)
    depth = ndimage.gaussian_filter(depth, [1.5 / step for step in steps])
    places = np.argwhere(inside)
    y, z, _ = places.mean(axis=0)
    inner = np.quantile(places[:, 2], 0.95 if side == "right" else 0.05)
    return Lung(side, (box[0], box[1], box[2]), depth, (float(y), float(z), float(inner)))
