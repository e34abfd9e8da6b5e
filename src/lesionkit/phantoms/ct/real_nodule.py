"""A real nodule cut out of a CT: its voxels at 1 mm with a soft edge, and how they are put into another CT."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box, Grid
from lesionkit.core.lesion import Lesion
from lesionkit.phantoms.ct.nodule import Attachment

MARGIN = 4
"""Samples of 1 mm that are kept around a nodule's mask."""
LARGEST_MM = 80.0
"""No nodule is larger; a mask that is was not drawn of a nodule, or its spacing is wrong."""
_CORE = 0.6
_AROUND_MM, _AIRY_HU = 2.0, -400.0


@dataclass(frozen=True, eq=False)
class RealNodule:
    """A nodule that somebody outlined.

    Attributes:
        hu: int16 (z, y, x) at 1 mm; beyond what was cut out the outermost values go on.
        mask: bool (z, y, x), what was outlined; at least `MARGIN` samples away from every face.
        diameter_mm: as the source states it, else of the ball of the mask's volume.
        nodule_id, patient_id: of its source; a patient is never both learned from and tested on.
        texture: 1 ground glass … 3 part-solid … 5 solid, as LIDC's readers rated; 0 where nobody did.
        facts: what else is known: series, calcification, spiculation …
    """

    hu: NDArray[np.int16]
    mask: NDArray[np.bool_]
    diameter_mm: float
    nodule_id: str
    patient_id: str
    texture: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def centre(self) -> NDArray[np.float64]:
        """(3,) centre of mass of the mask, in samples."""
        return np.asarray(np.argwhere(self.mask).mean(axis=0), dtype=np.float64)

    @cached_property
    def edge(self) -> NDArray[np.float32]:
        """(z, y, x) 0..1: how far a sample belongs to the nodule: the mask grown by 1 mm and blurred by 0.6 mm."""
        grown = ndimage.binary_dilation(self.mask)
        return np.asarray(ndimage.gaussian_filter(grown.astype(np.float32), 0.6, truncate=3.0))

    @property
    def texture_name(self) -> str:
        """ground-glass (1, 2), part-solid (3, 4) or solid (5, not rated)."""
        return "solid" if self.texture in (0, 5) else "ground-glass" if self.texture <= 2 else "part-solid"


@dataclass(frozen=True)
class Placed:
    """How and where a nodule is put: the provenance of what it becomes.

    Attributes:
        centre_mm: world (x, y, z) of the mask's centre of mass.
        axes, flips: the nodule's axis n lies along array axis `axes[n]`, turned round where `flips[n]`.
        scale: its new size over its old one.
    """

    centre_mm: tuple[float, ...]
    axes: tuple[int, ...]
    flips: tuple[bool, ...]
    scale: float
    attachment: Attachment

    def lesion_of(self, nodule: RealNodule) -> Lesion:
        """The truth that the nodule becomes; its facts tell which nodule it is and what was done to it."""
        facts = {
            "texture": nodule.texture_name,
            "attachment": self.attachment,
            "nodule": nodule.nodule_id,
            "patient": nodule.patient_id,
            "axes": list(self.axes),
            "flips": list(self.flips),
            "scale": round(self.scale, 4),
        }
        return Lesion(self.centre_mm, round(nodule.diameter_mm * self.scale, 3), facts=facts)

    @classmethod
    def of_lesion(cls, lesion: Lesion) -> "Placed":
        """Inverse of `lesion_of`, but for what is rounded there."""
        facts = lesion.facts
        return cls(
            lesion.centre_mm, tuple(facts["axes"]), tuple(facts["flips"]), float(facts["scale"]), facts["attachment"]
        )


def cut_nodule(
    hu: NDArray[Any], mask: NDArray[Any], grid: Grid, nodule_id: str, patient_id: str, **known: Any
) -> RealNodule:
    """The nodule of a mask, resampled to 1 mm (trilinear) and cropped.

    A mask reaches half a sample beyond its outermost ones. Where the volume ends, its outermost values go on.

    Args:
        hu, mask: (z, y, x) on `grid`, upright; the mask holds one nodule, whatever its sample type: 0 is outside.
        known: further fields of `RealNodule`.

    Raises:
        LesionkitError: shapes differ, values are no HU, the mask is empty or larger than any nodule.
    """
    if hu.shape != mask.shape or hu.shape != grid.shape:
        raise LesionkitError(
            f"{nodule_id}: image and mask must have one shape, got {hu.shape} and {mask.shape}; cut both alike"
        )
    inside = mask != 0
    if not inside.any():
        raise LesionkitError(f"{nodule_id}: the mask must mark a nodule, but it is empty; leave it out or outline it")
    low, high = float(hu.min()), float(hu.max())
    if not np.isfinite([low, high]).all() or low >= -50 or high > 40000:
        raise LesionkitError(
            f"{nodule_id}: samples must be Hounsfield units with some lung or fat around, got {low:g} to {high:g}"
        )
    spacing = np.array(grid.spacing_mm)
    held = np.argwhere(inside)
    extent = (np.ptp(held, axis=0) + 1) * spacing
    if extent.max() > LARGEST_MM:
        raise LesionkitError(
            f"{nodule_id}: a nodule is at most {LARGEST_MM:g} mm long, got {extent.max():.0f} mm; "
            "is the spacing in millimetres, and does the mask hold a single nodule?"
        )
    first = (held.min(axis=0) - 0.5) * spacing - MARGIN - 0.5
    count = np.ceil(extent + 2 * MARGIN + 1).astype(int) + 1
    axes = [(f + np.arange(n)) / s for f, n, s in zip(first, count, spacing, strict=True)]
    at = np.stack(np.meshgrid(*axes, indexing="ij"))
    values = ndimage.map_coordinates(hu.astype(np.float32), at, order=1, mode="nearest")
    outlined = ndimage.map_coordinates(np.pad(inside, 1).astype(np.float32), at + 1, order=1, mode="constant") >= 0.5
    if not outlined.any():
        # Thinner than a sample of 1 mm everywhere: the nearest sample stands for it.
        nearest = np.rint(held.mean(axis=0) * spacing - first).astype(int)
        outlined[tuple(nearest)] = True
    ball = float((inside.sum() * grid.voxel_mm * 6 / np.pi) ** (1 / 3))
    known.setdefault("diameter_mm", round(ball, 3))
    samples = np.rint(np.clip(values, -1024, 3071)).astype(np.int16)
    return RealNodule(samples, outlined, nodule_id=nodule_id, patient_id=patient_id, **known)


def draw_placed(
    rng: Generator, centre_mm: tuple[float, ...], attachment: Attachment, scale: tuple[float, float]
) -> Placed:
    """One of 48 orientations and a size, log-uniform in `scale`."""
    axes, flips = rng.permutation(3), rng.random(3) < 0.5
    size = float(np.exp(rng.uniform(*np.log(scale))))
    return Placed(centre_mm, tuple(int(a) for a in axes), tuple(bool(f) for f in flips), size, attachment)


def transplant(
    hu: NDArray[np.float32],
    grid: Grid,
    nodule: RealNodule,
    placed: Placed,
    slice_thickness_mm: float | None = None,
) -> NDArray[np.float32]:
    """Put a real nodule into a patch, in place, and return the patch; what lies outside the patch is left out.

    Where the nodule's edge is above 0.6 its own values replace those of the lung; nearer to its border, and where
    there is wall or a large vessel, the brighter of both is taken, so that neither is cut. Then the edge blends.

    Args:
        hu: (z, y, x) Hounsfield values of `grid`, float32, any spacing; written to.
        slice_thickness_mm: of the scan along axis 0, where it differs from the spacing: the nodule is averaged over it.

    Raises:
        LesionkitError: the patch is not float32, or shapes differ.
    """
    if hu.dtype != np.float32 or hu.shape != grid.shape:
        raise LesionkitError(
            f"a patch to insert into must be float32 of the grid's shape {grid.shape}, got {hu.dtype} of {hu.shape}"
        )
    thickness = max(slice_thickness_mm or 0.0, grid.spacing_mm[0])
    box = _box_of(grid, nodule, placed, thickness)
    if box is None:
        return hu
    values, edge = _sampled(grid.crop(box), nodule, placed, thickness)
    patch = hu[box]
    around = ndimage.gaussian_filter(patch, [_AROUND_MM / s for s in grid.spacing_mm], truncate=2.0, mode="nearest")
    core = (edge > _CORE) & (around < _AIRY_HU)
    wanted = np.where(core, values, np.maximum(values, patch))
    patch += edge * (wanted - patch)
    return hu


def placed_outline(grid: Grid, nodule: RealNodule, placed: Placed) -> NDArray[np.float32]:
    """How far each sample (z, y, x) of a grid belongs to a nodule that was put there, 0..1: its mask, interpolated."""
    whole = np.zeros(grid.shape, np.float32)
    box = _box_of(grid, nodule, placed, grid.spacing_mm[0])
    if box is not None:
        mask = nodule.mask.astype(np.float32)
        whole[box] = ndimage.map_coordinates(
            mask, _within(grid.crop(box), nodule, placed), np.float32, order=1, mode="constant"
        )
    return whole


def _within(grid: Grid, nodule: RealNodule, placed: Placed, shift_mm: float = 0.0) -> NDArray[np.float64]:
    """Where each sample of a grid lies in a nodule that was put there, (3, z, y, x) in the nodule's samples.

    Args:
        shift_mm: looked at so much further along array axis 0.
    """
    centre = grid.world_to_index(placed.centre_mm)
    # Millimetres from the centre along each array axis.
    offsets = [(np.arange(n) - c) * s for n, c, s in zip(grid.shape, centre, grid.spacing_mm, strict=True)]
    mesh = np.meshgrid(offsets[0] + shift_mm, offsets[1], offsets[2], indexing="ij")
    return np.stack(
        [
            nodule.centre[n] + (-1 if flip else 1) / placed.scale * mesh[axis]
            for n, (axis, flip) in enumerate(zip(placed.axes, placed.flips, strict=True))
        ]
    )


def _box_of(grid: Grid, nodule: RealNodule, placed: Placed, thickness_mm: float) -> Box | None:
    """The samples of a grid that the nodule reaches; None where there are none."""
    centre = grid.world_to_index(placed.centre_mm)
    shape = np.array(nodule.mask.shape)
    far = np.maximum(nodule.centre, shape - 1 - nodule.centre) * placed.scale
    reach = np.zeros(3)
    reach[list(placed.axes)] = far
    reach[0] += thickness_mm / 2
    reach /= np.array(grid.spacing_mm)
    start = np.maximum(np.floor(centre - reach), 0).astype(int)
    stop = np.minimum(np.ceil(centre + reach) + 1, grid.shape).astype(int)
    if (stop <= start).any():
        return None
    return tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))


def _sampled(
    grid: Grid, nodule: RealNodule, placed: Placed, thickness_mm: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The nodule's values and its edge, (z, y, x) on a grid, each averaged over the slice's thickness."""
    parts = max(1, round(thickness_mm))
    values, edge = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    for part in range(parts):
        shift = ((part + 0.5) / parts - 0.5) * thickness_mm
        at = _within(grid, nodule, placed, shift)
        values += ndimage.map_coordinates(nodule.hu, at, np.float32, order=1, mode="nearest")
        edge += ndimage.map_coordinates(nodule.edge, at, np.float32, order=1, mode="constant")
    return values / np.float32(parts), edge / np.float32(parts)
