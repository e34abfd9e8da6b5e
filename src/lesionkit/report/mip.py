"""The whole chest at a glance: brightest sample along each line of sight through the lungs, with every mark."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.grid import Box, Grid
from lesionkit.core.lesion import Candidate
from lesionkit.report.crops import Ring
from lesionkit.report.inside import inside_lungs, with_balls
from lesionkit.report.picture import LUNG, Layer, Mark, MarkKind, Picture
from lesionkit.report.planes import AXIAL, CORONAL, SAGITTAL, Plane, View, letters
from lesionkit.report.scene import AIR_HU, Scene

LONG_SIDE = 560
_MARGIN_MM = 12.0
_SMALLEST_REACH = 9.0
_LABEL_HEIGHT = 17.0


@dataclass(frozen=True)
class Slab:
    """What one overview looks through: a plane's normal, and between which columns (None: no bound)."""

    plane: Plane
    title: str
    first_column: int | None = None
    last_column: int | None = None

    def holds(self, grid: Grid, centre_mm: Sequence[float]) -> bool:
        """Whether a place lies between the columns."""
        column = float(grid.world_to_index(centre_mm)[2]) + 0.5
        return (self.first_column or -np.inf) <= column < (self.last_column or np.inf)


@dataclass(frozen=True, eq=False)
class Volume:
    """The box that is looked through: HU, and which samples count as inside the lungs (None: no mask)."""

    grid: Grid
    hu: NDArray[Any]
    inside: NDArray[np.bool_] | None


def overview(scene: Scene, candidates: Sequence[Candidate], rings: Sequence[Ring] = ()) -> tuple[Picture, ...]:
    """Coronal, axial and one sagittal picture per lung; candidates are numbered from 1 in the order given.

    Inside the lungs, and inside every mark, the maximum along the line of sight is shown in the lung window; around it,
    dimly, the mean, so that the body can be recognised. Without a mask the mean alone, like a radiograph.
    """
    box = scene.box_around_lungs(_MARGIN_MM)
    grid = scene.grid.crop(box)
    inside = None
    if scene.has_lung:
        inside = inside_lungs(scene, box)
        with_balls(inside, grid, ((c.centre_mm, 0.5 * (c.diameter_mm or 0.0)) for c in candidates))
        with_balls(inside, grid, ((lesion.centre_mm, lesion.radius_mm) for lesion, _ in rings))
    volume = Volume(grid, scene.image.read(box), inside)
    pixel_mm = max(grid.size_mm) / LONG_SIDE
    slabs = [Slab(CORONAL, "coronal"), Slab(AXIAL, "axial"), *_sagittal_slabs(scene, box)]
    return tuple(_look_through(volume, slab, pixel_mm, candidates, rings) for slab in slabs)


def _sagittal_slabs(scene: Scene, box: Box) -> tuple[Slab, ...]:
    if not scene.has_lung:
        return (Slab(SAGITTAL, "sagittal"),)
    middle = int(np.ceil(scene.midline)) - box[2].start
    return (
        Slab(SAGITTAL, "sagittal, right lung", last_column=middle),
        Slab(SAGITTAL, "sagittal, left lung", first_column=middle),
    )


def _look_through(
    volume: Volume, slab: Slab, pixel_mm: float, candidates: Sequence[Candidate], rings: Sequence[Ring]
) -> Picture:
    grid = volume.grid
    view = View.whole(slab.plane, grid, pixel_mm)
    what = "mean intensity (no lung mask)" if volume.inside is None else "maximum inside the lungs"
    seen = [(number, c) for number, c in enumerate(candidates, 1) if slab.holds(grid, c.centre_mm)]
    marks = [
        _mark(view, lesion.centre_mm, lesion.radius_mm, kind)
        for lesion, kind in rings
        if slab.holds(grid, lesion.centre_mm)
    ]
    numbered = [
        replace(_mark(view, c.centre_mm, 0.5 * (c.diameter_mm or 0.0)), label=str(number)) for number, c in seen
    ]
    return Picture(
        layers=(Layer("mip", "mean" if volume.inside is None else LUNG.label, _grey(volume, slab, view)),),
        mm_per_pixel=view.mm_per_pixel,
        letters=letters(grid, slab.plane),
        title=slab.title,
        alt=f"{slab.title} overview, {what}, with {len(seen)} numbered marks",
        marks=(*marks, *_with_labels(numbered, view.shape)),
        bar_mm=50.0,
    )


def _grey(volume: Volume, slab: Slab, view: View) -> NDArray[np.uint8]:
    axis, columns = slab.plane.across, slice(slab.first_column, slab.last_column)
    hu = volume.hu[..., columns]
    body = view.show(np.asarray(hu.mean(axis=axis, dtype=np.float32)), AIR_HU, smooth=False)
    if volume.inside is None:
        return np.asarray(np.clip((body + 1000) * (255 / 1100), 0, 255), dtype=np.uint8)
    inside = volume.inside[..., columns]
    brightest = np.where(inside, hu, np.array(AIR_HU, dtype=hu.dtype)).max(axis=axis)
    covered = view.show(np.asarray(inside.any(axis=axis), dtype=np.float32), 0.0, smooth=False)
    lungs = LUNG.grey(view.show(np.asarray(brightest), AIR_HU)).astype(np.float32)
    around = np.clip((body + 1000) * (75 / 1100), 0, 75)
    return np.asarray(np.clip(covered * lungs + (1 - covered) * around, 0, 255), dtype=np.uint8)


def _mark(view: View, centre_mm: Sequence[float], radius_mm: float, kind: MarkKind = "candidate") -> Mark:
    x, y = view.place(view.grid.world_to_index(centre_mm))
    reach = max(_SMALLEST_REACH, radius_mm / view.mm_per_pixel + 3.0)
    return Mark(x, y, reach, kind)


def _with_labels(marks: Sequence[Mark], shape: tuple[int, int]) -> list[Mark]:
    """Each mark with its label beside it, where it covers no other mark or label, as far as there is room.

    The strongest candidates choose first.
    """
    high, wide = shape
    letter = _LABEL_HEIGHT
    taken = [(m.x - m.reach, m.y - m.reach, m.x + m.reach, m.y + m.reach) for m in marks]
    for x, y in ((letter, high / 2), (wide - letter, high / 2), (wide / 2, letter), (wide / 2, high - letter)):
        taken.append((x - letter, y - letter, x + letter, y + letter))
    placed = []
    for mark in marks:
        width = 5.0 + 9.0 * len(mark.label)
        options = []
        for sx, sy in ((1, -1), (-1, -1), (1, 1), (-1, 1), (1, 0), (-1, 0), (0, -1), (0, 1)):
            x = mark.x + sx * (mark.reach + width / 2)
            y = mark.y + sy * (mark.reach + (_LABEL_HEIGHT / 2 if sx == 0 else 0.0))
            spot = (x - width / 2, y - _LABEL_HEIGHT / 2, x + width / 2, y + _LABEL_HEIGHT / 2)
            outside = spot[0] < 0 or spot[1] < 0 or spot[2] > shape[1] or spot[3] > shape[0]
            options.append((sum(_shared(spot, other) for other in taken) + 1e4 * outside, x, y, spot))
        _, x, y, spot = min(options, key=lambda option: option[0])
        taken.append(spot)
        placed.append(replace(mark, label_x=x, label_y=y))
    return placed


def _shared(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(wide, 0.0) * max(high, 0.0)
