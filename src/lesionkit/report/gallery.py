"""Cuts through lungs with the outline of the mask, the oddest first."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.image import Image
from lesionkit.core.polyline import simplified
from lesionkit.report.found import FoundCase
from lesionkit.report.picture import LUNG, Layer, Picture
from lesionkit.report.planes import AXIAL, CORONAL, Plane, View, letters
from lesionkit.report.scene import AIR_HU, Scene

PIXEL_MM = 0.9
_MARGIN_MM = 45.0  # wide enough to notice a lung that was left out
# Typical value and the factor that counts as one step of oddness: adults at full inspiration; left lung the smaller.
_TYPICAL = {"volume_l": (4.5, 1.4), "left_right_ratio": (0.88, 1.15), "cover_ratio": (0.17, 1.4)}


@dataclass(frozen=True, eq=False)
class LungView:
    """One lung mask to look at.

    Attributes:
        image: CT in HU.
        lung: mask, on any grid of the same world; None where there is none.
        volume_l, left_right_ratio, cover_ratio: as the segmentation reported them; None where unknown.
        failure: why the segmentation failed, None where it did not.
        caption: anything else to say below the pictures.
    """

    case_id: str
    image: Image
    lung: Image | None
    volume_l: float | None = None
    left_right_ratio: float | None = None
    cover_ratio: float | None = None
    failure: str | None = None
    caption: str = ""

    @classmethod
    def of(cls, case: FoundCase) -> "LungView":
        """The lungs of a searched scan, with the numbers of `facts["lung"]`."""
        told = case.facts.get("lung") or {}
        numbers: dict[str, Any] = {name: told.get(name) for name in (*_TYPICAL, "failure")}
        return cls(case.case_id, case.image, case.lung, **numbers)

    @property
    def oddness(self) -> float:
        """How far volume, left/right ratio and cover ratio lie from typical ones; inf for a failed segmentation.

        The largest of the three, each as a logarithm in steps of 1.4, 1.15 and 1.4; 0 where nothing is known.
        """
        if self.failure is not None or self.lung is None:
            return math.inf
        steps = [0.0]
        for name, (typical, step) in _TYPICAL.items():
            value = getattr(self, name)
            if value is not None:
                steps.append(abs(math.log(value / typical)) / math.log(step) if value > 0 else math.inf)
        return max(steps)


def oddest_first(views: Iterable[LungView]) -> list[LungView]:
    """Sorted by oddness, ties by case id."""
    return sorted(views, key=lambda view: (-view.oddness, view.case_id))


def lung_cuts(scene: Scene, axial_at: Sequence[float] = (0.5,)) -> tuple[Picture, ...]:
    """Axial cuts and a coronal one through the lungs (or through the image) with the mask's outline.

    Args:
        axial_at: which share of the lungs' volume lies below each axial cut; the coronal one halves it.
    """
    return (*(_cut(scene, AXIAL, share) for share in axial_at), _cut(scene, CORONAL, 0.5))


def _cut(scene: Scene, plane: Plane, share: float) -> Picture:
    number = _dividing(scene, plane.across, share)
    box = scene.box_around_lungs(_MARGIN_MM)
    grid = scene.grid.crop(box)
    view = View.whole(plane, grid, PIXEL_MM)
    flat = (box[plane.down], box[plane.right])
    hu = view.show(scene.image.array.take(number, axis=plane.across)[flat], AIR_HU)
    outlines: tuple[NDArray[np.float64], ...] = ()
    if scene.lung is not None:
        outlines = outlines_of(view, np.asarray(scene.lung.take(number, axis=plane.across))[flat])
    outline = "with the outline of the lung mask" if outlines else "without a lung mask"
    title = f"axial · slice {number + 1}" if plane is AXIAL else plane.name
    return Picture(
        layers=(Layer(LUNG.name, LUNG.label, LUNG.grey(hu)),),
        mm_per_pixel=view.mm_per_pixel,
        letters=letters(scene.grid, plane),
        title=title,
        alt=f"{title} cut through the lungs, {outline}",
        outlines=outlines,
        bar_mm=50.0,
    )


def _dividing(scene: Scene, axis: int, share: float) -> int:
    """The plane that cuts a share of the lungs' volume off."""
    if scene.lung is None or scene.lung_box is None:
        return int(scene.grid.shape[axis] * share)
    filled = scene.lung.sum(axis=tuple(a for a in range(3) if a != axis), dtype=np.int64).cumsum()
    return int(np.searchsorted(filled, filled[-1] * share))


def outlines_of(view: View, mask: NDArray[np.bool_]) -> tuple[NDArray[np.float64], ...]:
    """The edges of a mask in the plane of a view, as lines of (x, y) pixels of its picture."""
    from skimage.measure import find_contours  # only where there is a mask

    lines = []
    for contour in find_contours(np.pad(mask, 1).astype(np.float32), 0.5):
        index = np.zeros((len(contour), 3))
        index[:, [view.plane.down, view.plane.right]] = contour - 1
        lines.append(simplified(view.places(index), 0.4))
    return tuple(lines)
