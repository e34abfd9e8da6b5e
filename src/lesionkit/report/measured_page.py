"""The page of `lesionkit measure`: each nodule with its outline, the axes that were measured, and the numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.image import Image
from lesionkit.report.crops import FIELD_MM, PIXELS
from lesionkit.report.gallery import outlines_of
from lesionkit.report.picture import LUNG, SOFT_TISSUE, Layer, Picture
from lesionkit.report.planes import AXIAL, View, letters
from lesionkit.report.render import Table, fact_groups, write_page
from lesionkit.report.scene import AIR_HU, Scene


@dataclass(frozen=True, eq=False)
class Drawn:
    """One nodule to be shown.

    Attributes:
        image: upright CT in HU.
        mask: (z, y, x) on the grid of the image.
        slice_index: of the axial slice that is shown.
        number: of that slice as it is told; 1 is the lowest.
        size_mm: its longest axis.
        note: its numbers in a line.
    """

    name: str
    image: Image
    mask: NDArray[np.bool_]
    slice_index: int
    number: int
    size_mm: float
    note: str = ""


def write_measured_page(
    path: Path, title: str, rows: Sequence[Mapping[str, Any]], shown: Sequence[Drawn], facts: Mapping[str, Any]
) -> Path:
    """Write one self-contained page: a table, and an axial picture of each nodule in the slice of its longest axis."""
    tiles = [(one.name, one.note, _picture(one)) for one in shown]
    return write_page(
        Path(path), "measured_page.html", title=title, table=Table.of(rows), tiles=tiles, groups=fact_groups(facts)
    )


def _picture(one: Drawn) -> Picture:
    scene = Scene.of(one.image, None)
    flat = one.mask[one.slice_index]
    middle = np.argwhere(flat).mean(axis=0)
    view = View.around(AXIAL, scene.grid, [one.slice_index, *middle.tolist()], max(FIELD_MM, 2 * one.size_mm), PIXELS)
    hu = view.show(scene.image.array[one.slice_index], AIR_HU)
    title = f"axial · slice {one.number}"
    return Picture(
        layers=tuple(Layer(window.name, window.label, window.grey(hu)) for window in (LUNG, SOFT_TISSUE)),
        mm_per_pixel=view.mm_per_pixel,
        letters=letters(scene.grid, AXIAL),
        title=title,
        alt=f"{title} through {one.name} with its outline",
        outlines=outlines_of(view, flat),
    )
