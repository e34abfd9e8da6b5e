"""Turns organs and tubes into slices: Hounsfield values without nodules and noise, and the lungs' mask."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.grid import Grid
from lesionkit.phantoms.ct.anatomy import Chest
from lesionkit.phantoms.ct.scanner import AIR_HU, Scanner, add_table
from lesionkit.phantoms.ct.tissue import ChestPainter, Tissue
from lesionkit.phantoms.ct.tubes import draw_tubes
from lesionkit.phantoms.ct.vessels import LungTubes
from lesionkit.phantoms.field import Floats

_DENSE_MM = 0.9


@dataclass(frozen=True)
class View:
    """How a chest is looked at: the grid in the world, and how long a millimetre of the chest is there."""

    grid: Grid
    scanner: Scanner
    scale: float

    @property
    def blur_mm(self) -> float:
        """The scanner's blur in millimetres of the chest."""
        return self.scanner.blur_mm / self.scale

    @property
    def plane_mm(self) -> float:
        """Distance of the thin planes in millimetres of the chest."""
        return self.scanner.plane_mm / self.scale

    def planes(self) -> NDArray[np.float64]:
        """Heights of the thin planes that are averaged into slices, in millimetres of the chest."""
        count = (self.grid.shape[0] - 1) * self.scanner.stride + self.scanner.planes
        first = self.grid.origin_mm[2] / self.scale - (self.scanner.planes - 1) / 2 * self.plane_mm
        return np.asarray(first + np.arange(count) * self.plane_mm, dtype=np.float64)

    def positions(self, axis: int) -> NDArray[np.float64]:
        """Sample positions along array axis 1 (y) or 2 (x), in millimetres of the chest."""
        grid = self.grid
        steps = np.arange(grid.shape[axis]) * grid.spacing_mm[axis] + grid.origin_mm[2 - axis]
        return np.asarray(steps / self.scale, dtype=np.float64)


def paint_slices(chest: Chest, tissue: Tissue, tubes: LungTubes, view: View) -> tuple[Floats, NDArray[np.bool_]]:
    """Hounsfield values and lung mask, both (z, y, x) on the view's grid."""
    grid, scanner = view.grid, view.scanner
    y_mm, x_mm, heights = view.positions(1), view.positions(2), view.planes()
    rows = np.flatnonzero(np.abs(y_mm - 4) < chest.body_half_depth_mm + 8)
    inner = slice(int(rows[0]), int(rows[-1]) + 1)
    organs = _Organs(ChestPainter(chest, tissue, y_mm[inner], x_mm, view.blur_mm), heights)
    covers = _tube_covers(tubes, heights, y_mm[inner], x_mm, view)
    hu = np.full(grid.shape, AIR_HU, np.float32)
    lung = np.zeros(grid.shape, bool)
    painted: dict[int, tuple[Floats, Floats]] = {}
    for number in range(grid.shape[0]):
        first = number * scanner.stride
        painted = {n: planes for n, planes in painted.items() if n >= first}
        for n in range(first, first + scanner.planes):
            if n not in painted:
                plane, cover = organs.plane(n)
                _add_tubes(plane, [c[n] for c in covers], tissue)
                painted[n] = plane, cover
        hu[number, inner] = sum(plane for plane, _ in painted.values()) / np.float32(scanner.planes)
        lung[number, inner] = sum(cover for _, cover in painted.values()) > 0.5 * scanner.planes
    add_table(hu, y_mm, x_mm, 4 + chest.body_half_depth_mm)
    return hu, lung


class _Organs:
    """Planes without tubes. Where planes lie closer than the blur, every other one is the mean of its neighbours."""

    def __init__(self, painter: ChestPainter, heights: NDArray[np.float64]) -> None:
        self._painter, self._heights = painter, heights
        self._is_dense = len(heights) > 1 and heights[1] - heights[0] < _DENSE_MM
        self._last: dict[int, tuple[Floats, Floats]] = {}

    def plane(self, number: int) -> tuple[Floats, Floats]:
        """Hounsfield values and share of lung, (y, x), to be kept and changed by the caller."""
        if not self._is_dense or (number % 2 and number + 1 == len(self._heights)):
            return self._painter.plane(float(self._heights[number]))
        below, above = (self._painted(number // 2 * 2 + step * (number % 2)) for step in (0, 2))
        half = np.float32(0.5)
        return half * (below[0] + above[0]), half * (below[1] + above[1])

    def _painted(self, number: int) -> tuple[Floats, Floats]:
        if number not in self._last:
            self._last = {n: planes for n, planes in self._last.items() if n == number - 2}
            self._last[number] = self._painter.plane(float(self._heights[number]))
        return self._last[number]


def _tube_covers(
    tubes: LungTubes, z_mm: NDArray[np.float64], y_mm: NDArray[np.float64], x_mm: NDArray[np.float64], view: View
) -> list[NDArray[np.uint8]]:
    spacing = (view.plane_mm, y_mm[1] - y_mm[0], x_mm[1] - x_mm[0])
    covers = []
    for part in (tubes.dense, tubes.walls, tubes.lumens):
        cover = np.zeros((len(z_mm), len(y_mm), len(x_mm)), np.uint8)
        draw_tubes(cover, (z_mm[0], y_mm[0], x_mm[0]), spacing, part, view.blur_mm)
        covers.append(cover)
    return covers


def _add_tubes(plane: Floats, covers: Sequence[NDArray[np.uint8]], tissue: Tissue) -> None:
    """Airway walls first, then vessels, then the air in the airways."""
    dense, walls, lumens = covers
    rows, columns = np.nonzero(dense | walls | lumens)
    share = [c[rows, columns] * np.float32(1 / 255) for c in covers]
    hu = plane[rows, columns]
    hu += share[1] * np.maximum(-20 - hu, 0)
    hu += share[0] * np.maximum(tissue.vessel - hu, 0)
    hu += share[2] * (AIR_HU + 15 - hu)
    plane[rows, columns] = hu
