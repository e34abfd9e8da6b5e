"""Patches of slides as tensors: read from the slides when asked for, or from pictures with one label."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.utils.data import Dataset

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import Image, read_padded
from lesionkit.core.stain import Colours
from lesionkit.sample.augment_slide import UNKNOWN
from lesionkit.sample.slide_grid import Annotated

Item = dict[str, Tensor]
"""image: float32 (3, y, x), colours 0..1. mask: float32 (1, y, x), tumour 1, none 0, `UNKNOWN` where nobody said.
label: float32 scalar, what the middle of the patch is."""

WHITE = 255


@dataclass(frozen=True, eq=False)
class RawPatch:
    """A patch as it is stored.

    Attributes:
        image: uint8 RGB (y, x, 3).
        mask: int8 (y, x): 1 tumour, 0 none, -1 unknown.
        label: 1 tumour, 0 none.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.int8]
    label: int

    def item(self) -> Item:
        """As tensors."""
        return {
            "image": torch.from_numpy(np.ascontiguousarray(self.image.transpose(2, 0, 1))).float() / 255,
            "mask": torch.from_numpy(self.mask.astype(np.float32))[None],
            "label": torch.tensor(float(self.label)),
        }


class Patches(Protocol):
    """Patches by number; also a `Dataset` of items."""

    def __len__(self) -> int: ...
    def raw(self, number: int) -> RawPatch: ...
    def __getitem__(self, number: int) -> Item: ...


Normalise = Callable[[str, Colours], Colours]
"""(slide, colours) -> the same tissue in the stain of a reference."""


class SlidePatches(Dataset[Item]):
    """Patches of a table, read from their slides when asked for.

    Args:
        rows: of `find_patches` or `draw_patches`: slide, row, column, kind.
        open_image: slide -> the image its rows count on, at one spacing for all slides. It is asked for once per slide
            and process, so a handle that opens lazily stays bounded.
        annotated: tumour by slide; a slide that is missing or None holds none.
        side: of the patches in samples.
        patch: side that the rows were made with, if another: patches then have the same middles, with more or less
            around. Slides with little tumour can so have finer rows (`SlideGridSettings.patch`).
        normalise: applied to the colours read.

    Raises:
        LesionkitError: a column is missing, or a row lies beyond its image.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        open_image: Callable[[str], Image],
        annotated: Mapping[str, Annotated | None],
        side: int = 256,
        *,
        patch: int | Mapping[str, int] | None = None,
        normalise: Normalise | None = None,
    ) -> None:
        missing = [name for name in ("slide", "row", "column", "kind") if name not in rows]
        if missing:
            raise LesionkitError(f"rows of patches need a column {missing[0]}, got {', '.join(map(str, rows.columns))}")
        self.rows = rows.reset_index(drop=True)
        self._places = list(zip(*(rows[name].tolist() for name in ("slide", "row", "column", "kind")), strict=True))
        self._open, self.annotated, self.side = open_image, annotated, side
        self._patch, self._normalise = patch, normalise
        self._images: dict[str, Image] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Item:
        return self.raw(number).item()

    def raw(self, number: int) -> RawPatch:
        """Patch `number` with its mask; what lies beyond the slide is white and no tumour."""
        slide, row, column, kind = self._places[number]
        image = self._image(slide)
        corner = self._corner(slide, row, column, image.grid)
        colours = read_padded(image, corner, (self.side, self.side), WHITE)
        if self._normalise is not None:
            colours = self._normalise(slide, colours)
        annotated = self.annotated.get(slide)
        mask = np.zeros((self.side, self.side), np.int8)
        if annotated is not None and annotated.mask.has_tumour:
            mask = tumour_within(annotated, image.grid, corner, self.side).astype(np.int8)
        return RawPatch(colours, mask, int(kind == "tumour"))

    def _image(self, slide: str) -> Image:
        if slide not in self._images:
            self._images[slide] = self._open(slide)
        return self._images[slide]

    def _corner(self, slide: str, row: int, column: int, grid: Grid) -> tuple[int, int]:
        if not (0 <= row < grid.shape[0] and 0 <= column < grid.shape[1]):
            raise LesionkitError(
                f"the patch at row {row}, column {column} must lie on slide {slide} of {grid.shape[0]} x "
                f"{grid.shape[1]} samples; was it made at another spacing?"
            )
        patch = self._patch.get(slide, self.side) if isinstance(self._patch, Mapping) else self._patch or self.side
        before = (self.side - patch) // 2
        return row - before, column - before

    def __getstate__(self) -> dict[str, Any]:
        # Each process opens its own files.
        return {**self.__dict__, "_images": {}}


def tumour_within(annotated: Annotated, grid: Grid, corner: tuple[int, int], side: int) -> NDArray[np.bool_]:
    """(side, side): which samples of a grid, from a corner on, have their centre in tumour.

    Args:
        grid: upright, on the slide that is annotated.
        corner: (row, column) of the first sample; may lie outside.
    """
    mask = annotated.mask
    held = np.zeros((side, side), dtype=bool)
    index = []
    for axis, first in enumerate(corner):
        points = np.zeros((side, 2))
        points[:, axis] = np.arange(first, first + side)
        finest = np.rint(annotated.finest.world_to_index(grid.index_to_world(points))[:, axis])
        index.append(
            np.floor((finest + annotated.origin_xy[1 - axis]) / mask.downsample).astype(int) - mask.corner[axis]
        )
    inside = [(i >= 0) & (i < n) for i, n in zip(index, mask.mask.shape, strict=True)]
    held[np.ix_(*inside)] = mask.mask[np.ix_(index[0][inside[0]], index[1][inside[1]])]
    return held


class LabelledPatches(Dataset[Item]):
    """Pictures with one label for their middle, as PatchCamelyon has them.

    Args:
        images: uint8 RGB (n, y, x, 3), square.
        labels: (n,) 1 where the middle holds tumour, else 0.
        middle: side of what the label speaks of (32 of 96). Of a 0 its mask is known to be 0; all else is unknown.

    Raises:
        LesionkitError: another form, or labels that are not 0 or 1.
    """

    def __init__(self, images: NDArray[np.uint8], labels: ArrayLike, middle: int = 32) -> None:
        found = np.asarray(labels)
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or images.shape[1] != images.shape[2]:
            raise LesionkitError(f"labelled patches are uint8 (n, side, side, 3), got {images.dtype} {images.shape}")
        if found.shape != (len(images),) or not np.isin(found, (0, 1)).all():
            raise LesionkitError(f"{len(images)} patches need as many labels of 0 or 1, got {found.size}")
        if not 1 <= middle <= images.shape[1]:
            raise LesionkitError(f"the middle must be 1 to {images.shape[1]} pixels, got {middle}")
        self.images, self.labels, self.middle = images, found.astype(int), middle

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> Item:
        return self.raw(number).item()

    def raw(self, number: int) -> RawPatch:
        """Patch `number`."""
        side, label = self.images.shape[1], int(self.labels[number])
        mask = np.full((side, side), int(UNKNOWN), np.int8)
        if not label:
            first = (side - self.middle) // 2
            mask[first : first + self.middle, first : first + self.middle] = 0
        return RawPatch(self.images[number], mask, label)
