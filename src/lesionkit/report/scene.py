"""A scan made ready for its pictures: upright, in memory, with the lungs on the same grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box, Grid
from lesionkit.core.image import ArrayImage, Image, upright

AIR_HU = -1024
_PLEURA_REACH_MM = 40.0


@dataclass(frozen=True, eq=False)
class Scene:
    """An upright CT (z, y, x) in HU and its lung masks of the same shape, or None.

    Attributes:
        lung: where was searched.
        proper: the lungs up to the pleura; `lung` where it is None.
    """

    image: ArrayImage
    lung: NDArray[np.bool_] | None
    proper: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, image: Image, lung: Image | None, proper: Image | None = None) -> "Scene":
        """Turn image and masks upright and bring the masks onto the image's grid.

        Raises:
            LesionkitError: the image has not three axes.
        """
        if image.grid.ndim != 3:
            raise LesionkitError(f"a CT report needs images with 3 axes, got shape {image.grid.shape}")
        turned = upright(image)
        masks = [None if mask is None else _on_grid(upright(mask), turned.grid) for mask in (lung, proper)]
        return cls(turned, *masks)

    @property
    def grid(self) -> Grid:
        return self.image.grid

    @property
    def has_lung(self) -> bool:
        return self.lung is not None and bool(self.lung_box)

    @cached_property
    def lung_box(self) -> Box | None:
        """The smallest box around the mask, None where it is empty or missing."""
        if self.lung is None:
            return None
        box = []
        for axis in range(3):
            taken = np.flatnonzero(self.lung.any(axis=tuple(a for a in range(3) if a != axis)))
            if not len(taken):
                return None
            box.append(slice(int(taken[0]), int(taken[-1]) + 1))
        return tuple(box)

    def box_around_lungs(self, margin_mm: float) -> Box:
        """The lungs' box with a margin, inside the image; the whole image where there are no lungs."""
        if self.lung_box is None:
            return self.grid.whole
        margin = [round(margin_mm / s) for s in self.grid.spacing_mm]
        return tuple(
            slice(max(b.start - m, 0), min(b.stop + m, n))
            for b, m, n in zip(self.lung_box, margin, self.grid.shape, strict=True)
        )

    @cached_property
    def midline(self) -> float:
        """Fractional column between the lungs: the emptiest column in the middle third of the mask."""
        if self.lung is None or self.lung_box is None:
            return (self.grid.shape[2] - 1) / 2
        first, last = int(self.lung_box[2].start), int(self.lung_box[2].stop)
        third = (last - first) // 3
        if third == 0:
            return (first + last - 1) / 2
        filled = self.lung[..., first + third : last - third].sum(axis=(0, 1))
        emptiest = np.flatnonzero(filled == filled.min())
        return float(first + third + emptiest.mean())

    def side(self, centre_mm: Sequence[float]) -> Literal["right", "left"] | None:
        """In which half of the chest a place lies; None without lungs."""
        if not self.has_lung:
            return None
        return "right" if float(self.grid.world_to_index(centre_mm)[2]) < self.midline else "left"

    def pleura_mm(self, centre_mm: Sequence[float]) -> float | None:
        """Distance to the nearest edge of the lungs, the mediastinal one included; None without lungs.

        0 outside of them; inf where the edge is farther than 40 mm.
        """
        if self.lung is None or not self.has_lung:
            return None
        middle = self.grid.world_to_index(centre_mm)
        reach = _PLEURA_REACH_MM / np.array(self.grid.spacing_mm)
        start = np.maximum(np.floor(middle - reach), 0).astype(int)
        stop = np.minimum(np.ceil(middle + reach) + 1, self.grid.shape).astype(int)
        if (stop <= start).any():
            return 0.0
        lungs = self.lung if self.proper is None else self.proper
        inside = lungs[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
        away = [
            ((np.arange(a, b) - m) * s) ** 2
            for a, b, m, s in zip(start, stop, middle, self.grid.spacing_mm, strict=True)
        ]
        squared = away[0][:, None, None] + away[1][:, None] + away[2]
        if not inside.flat[int(squared.argmin())]:
            return 0.0
        nearest = float(np.sqrt(squared[~inside].min(initial=np.inf)))
        return nearest if nearest <= _PLEURA_REACH_MM else float("inf")


def _on_grid(mask: ArrayImage, grid: Grid) -> NDArray[np.bool_]:
    """The mask at the nearest sample, False beyond it."""
    array = np.asarray(mask.array, dtype=bool)
    if mask.grid.shape == grid.shape and np.allclose(mask.grid.affine, grid.affine, atol=1e-3):
        return array
    change = np.linalg.inv(mask.grid.affine) @ grid.affine
    matrix, offset = change[:3, :3], change[:3, 3]
    if not np.allclose(matrix, np.diag(np.diag(matrix)), atol=1e-6):
        turned = ndimage.affine_transform(array.astype(np.uint8), matrix, offset, grid.shape, order=0)
        return np.asarray(turned, dtype=bool)
    result = np.zeros(grid.shape, dtype=bool)
    new, old = [], []
    for axis in range(3):
        nearest = np.rint(np.arange(grid.shape[axis]) * matrix[axis, axis] + offset[axis]).astype(int)
        keep = np.flatnonzero((nearest >= 0) & (nearest < array.shape[axis]))
        new.append(keep)
        old.append(nearest[keep])
    result[np.ix_(*new)] = array[np.ix_(*old)]
    return result
