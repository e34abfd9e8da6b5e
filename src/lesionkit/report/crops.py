"""Three planes through one place."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.report.picture import LUNG, SOFT_TISSUE, Layer, Mark, MarkKind, Picture, Window
from lesionkit.report.planes import PLANES, Plane, View, letters
from lesionkit.report.scene import AIR_HU, Scene

FIELD_MM = 60.0
PIXELS = 288
_UNKNOWN_DIAMETER_MM = 8.0

Ring: TypeAlias = tuple[Lesion, MarkKind]
"""A finding to be drawn as a circle, and what it is."""


def crops(
    scene: Scene,
    place: Candidate | Lesion,
    rings: Sequence[Ring] = (),
    planes: Sequence[Plane] = PLANES,
    windows: Sequence[Window] = (LUNG, SOFT_TISSUE),
) -> tuple[Picture, ...]:
    """Crops of 60 mm through the sample nearest to a place, which lies in their middle.

    Each plane is one plane of samples, not interpolated across; the voxels' aspect is true. A large place gets a larger
    field, so that it fills at most half of it.

    Args:
        rings: findings of the truth; those that a plane cuts are drawn as circles.
    """
    index = scene.grid.world_to_index(place.centre_mm).tolist()
    field_mm = max(FIELD_MM, 2.0 * (place.diameter_mm or 0.0))
    return tuple(
        _crop(scene, place, View.around(plane, scene.grid, index, field_mm, PIXELS), rings, windows) for plane in planes
    )


def slice_number(scene: Scene, centre_mm: Sequence[float]) -> int:
    """Number of the axial slice nearest to a place; 1 is the lowest (nearest to the feet)."""
    return int(np.rint(scene.grid.world_to_index(centre_mm)[0])) + 1


def _crop(
    scene: Scene, place: Candidate | Lesion, view: View, rings: Sequence[Ring], windows: Sequence[Window]
) -> Picture:
    plane = view.plane
    number = int(np.rint(scene.grid.world_to_index(place.centre_mm)[plane.across]))
    samples = np.full([scene.grid.shape[a] for a in (plane.down, plane.right)], AIR_HU, dtype=np.int16)
    if 0 <= number < scene.grid.shape[plane.across]:
        samples = scene.image.array.take(number, axis=plane.across)
    hu = view.show(samples, AIR_HU)
    title = f"{plane.name} · slice {number + 1}" if plane.name == "axial" else plane.name
    marks = [mark for ring in rings if (mark := _circle(scene, ring, view, number))]
    if isinstance(place, Candidate):
        marks.append(_square(place, view))
    x, y, z = (f"{value:.1f}" for value in place.centre_mm)
    return Picture(
        layers=tuple(Layer(window.name, window.label, window.grey(hu)) for window in windows),
        mm_per_pixel=view.mm_per_pixel,
        letters=letters(scene.grid, plane),
        title=title,
        alt=f"{title} cut through ({x}, {y}, {z}) mm, {view.shape[1] * view.mm_per_pixel:.0f} mm wide",
        marks=tuple(marks),
    )


def _square(place: Candidate, view: View) -> Mark:
    x, y = view.place(view.grid.world_to_index(place.centre_mm))
    reach_mm = max(6.0, 0.62 * (place.diameter_mm or _UNKNOWN_DIAMETER_MM) + 2.0)
    return Mark(x, y, reach_mm / view.mm_per_pixel)


def _circle(scene: Scene, ring: Ring, view: View, number: int) -> Mark | None:
    """Where a plane cuts the ball of a lesion."""
    lesion, kind = ring
    index = scene.grid.world_to_index(lesion.centre_mm)
    away_mm = (index[view.plane.across] - number) * scene.grid.spacing_mm[view.plane.across]
    half_slice_mm = scene.grid.spacing_mm[view.plane.across] / 2
    radius_mm = max(lesion.radius_mm, half_slice_mm, 1.5)
    if abs(away_mm) > radius_mm:
        return None
    x, y = view.place(index)
    cut_mm = max(float(np.sqrt(radius_mm**2 - away_mm**2)), 1.5)
    if not (-0.1 * view.shape[1] < x < 1.1 * view.shape[1] and -0.1 * view.shape[0] < y < 1.1 * view.shape[0]):
        return None
    return Mark(x, y, cut_mm / view.mm_per_pixel, kind)
