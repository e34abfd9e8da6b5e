"""The whole chest at a glance: brightest sample along each line of sight through the lungs, with every mark."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.grid import Box
from lesionkit.core.lesion import Candidate
from lesionkit.report.crops import Ring
from lesionkit.report.picture import LUNG, Layer, Mark, MarkKind, Picture
from lesionkit.report.planes import AXIAL, CORONAL, SAGITTAL, Plane, View, letters
from lesionkit.report.scene import AIR_HU, Scene

LONG_SIDE = 560
_MARGIN_MM = 12.0
_SMALLEST_REACH = 9.0
_LABEL_HEIGHT = 17.0


@dataclass(frozen=True)
class Slab:
    """What one overview looks through: a plane's normal, and between which columns (None: all)."""

    plane: Plane
    title: str
    first_column: int | None = None
    last_column: int | None = None


def overview(scene: Scene, candidates: Sequence[Candidate], rings: Sequence[Ring] = ()) -> tuple[Picture, ...]:
    """Coronal, axial and one sagittal picture per lung; candidates are numbered from 1 in the order given.

    Within the lung mask the maximum along the line of sight is shown in the lung window; around it, dimly, the mean, so
    that the body can be recognised. Without a mask the mean alone, like a radiograph.
    """
    box = scene.box_around_lungs(_MARGIN_MM)
    pixel_mm = max(scene.grid.crop(box).size_mm) / LONG_SIDE
    slabs = [Slab(CORONAL, "coronal"), Slab(AXIAL, "axial"), *_sagittal_slabs(scene)]
    return tuple(_look_through(scene, box, slab, pixel_mm, candidates, rings) for slab in slabs)


def _sagittal_slabs(scene: Scene) -> tuple[Slab, ...]:
    if not scene.has_lung:
        return (Slab(SAGITTAL, "sagittal"),)
    middle = int(np.ceil(scene.midline))
    return (
        Slab(SAGITTAL, "sagittal, right lung", last_column=middle),
        Slab(SAGITTAL, "sagittal, left lung", first_column=middle),
    )


def _look_through(
    scene: Scene, box: Box, slab: Slab, pixel_mm: float, candidates: Sequence[Candidate], rings: Sequence[Ring]
) -> Picture:
    first, last = slab.first_column or 0, slab.last_column or scene.grid.shape[2]
    through = (*box[:2], slice(max(box[2].start, first), min(box[2].stop, last)))
    grid = scene.grid.crop(box)
    view = View.whole(slab.plane, grid, pixel_mm)
    what = "maximum inside the lungs" if scene.has_lung else "mean intensity (no lung mask)"
    seen = [
        (number, candidate)
        for number, candidate in enumerate(candidates, 1)
        if first <= scene.grid.world_to_index(candidate.centre_mm)[2] + 0.5 < last
    ]
    marks = [
        _mark(view, lesion.centre_mm, lesion.radius_mm, kind)
        for lesion, kind in rings
        if first <= scene.grid.world_to_index(lesion.centre_mm)[2] + 0.5 < last
    ]
    numbered = [
        replace(_mark(view, c.centre_mm, 0.5 * (c.diameter_mm or 0.0)), label=str(number)) for number, c in seen
    ]
    return Picture(
        layers=(Layer("mip", LUNG.label if scene.has_lung else "mean", _grey(scene, through, view)),),
        mm_per_pixel=view.mm_per_pixel,
        letters=letters(grid, slab.plane),
        title=slab.title,
        alt=f"{slab.title} overview, {what}, with {len(seen)} numbered marks",
        marks=(*marks, *_with_labels(numbered, view.shape)),
        bar_mm=50.0,
    )


def _grey(scene: Scene, box: Box, view: View) -> NDArray[np.uint8]:
    axis = view.plane.across
    hu = scene.image.read(box)
    body = view.show(np.asarray(hu.mean(axis=axis, dtype=np.float32)), AIR_HU, smooth=False)
    if not scene.has_lung or scene.lung is None:
        return np.asarray(np.clip((body + 1000) * (255 / 1100), 0, 255), dtype=np.uint8)
    lung = scene.lung[box]
    brightest = np.where(lung, hu, np.array(AIR_HU, dtype=hu.dtype)).max(axis=axis)
    covered = view.show(np.asarray(lung.any(axis=axis), dtype=np.float32), 0.0, smooth=False)
    inside = LUNG.grey(view.show(np.asarray(brightest), AIR_HU)).astype(np.float32)
    outside = np.clip((body + 1000) * (75 / 1100), 0, 75)
    return np.asarray(np.clip(covered * inside + (1 - covered) * outside, 0, 255), dtype=np.uint8)


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
