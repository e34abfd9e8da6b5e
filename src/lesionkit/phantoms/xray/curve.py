"""Curves on an image: how far each pixel near one lies from it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from lesionkit.phantoms.xray.trunk import Floats

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Canvas:
    """A square image on which curves are drawn in mm from its top left; `size` pixels per edge."""

    size: int
    pixel_mm: float

    @property
    def edge_mm(self) -> float:
        return self.size * self.pixel_mm

    def add(self, image: Floats, curve: Points, reach_mm: float, profile: Callable[[Floats], Floats]) -> None:
        """Add `profile(distance in mm)` to the pixels within `reach_mm` of a curve (n, 2) in (x, y) mm, in place."""
        rows, columns, distance = self._near(curve, reach_mm)
        image[rows, columns] += profile(distance)

    def _near(self, curve: Points, reach_mm: float) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
        places = _dense(curve, 0.5 * self.pixel_mm)[:, ::-1] / self.pixel_mm - 0.5
        reach = int(np.ceil(reach_mm / self.pixel_mm)) + 1
        window = np.arange(-reach, reach + 1)
        base = np.rint(places).astype(int)
        inside = ((base >= -reach) & (base < self.size + reach)).all(axis=1)
        base, places = base[inside], places[inside]
        rows = base[:, 0, None, None] + window[None, :, None]
        columns = base[:, 1, None, None] + window[None, None, :]
        squares = (rows - places[:, 0, None, None]) ** 2 + (columns - places[:, 1, None, None]) ** 2
        kept = (rows >= 0) & (rows < self.size) & (columns >= 0) & (columns < self.size)
        flat = (rows * self.size + columns)[kept]
        nearest = np.full(self.size * self.size, np.inf, np.float32)
        np.minimum.at(nearest, flat, squares[kept].astype(np.float32))
        found = np.flatnonzero(nearest <= (reach_mm / self.pixel_mm) ** 2)
        distance = np.sqrt(nearest[found]) * np.float32(self.pixel_mm)
        return found // self.size, found % self.size, distance.astype(np.float32)


def spline(points: Points, count: int = 80) -> Points:
    """A smooth curve (count, 2) through the points (n, 2)."""
    points = np.asarray(points, dtype=float)
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1) + 1e-9)])
    curve: Points = CubicSpline(way, points)(np.linspace(0, way[-1], count))
    return curve


def rod(radius_mm: float, attenuation: float, blur_mm: float) -> Callable[[Floats], Floats]:
    """Profile of a full round rod seen from the side: how much it adds along the rays, in mm of water."""

    def profile(distance: Floats) -> Floats:
        inner: Floats = np.sqrt(np.maximum(radius_mm**2 - distance**2, 0)) * np.float32(2 * attenuation)
        if radius_mm > 1.5 * blur_mm:
            return inner
        sigma = np.hypot(blur_mm, radius_mm / 2)
        height = np.pi * radius_mm**2 * attenuation / (sigma * np.sqrt(2 * np.pi))
        blurred: Floats = (height * np.exp(-0.5 * (distance / sigma) ** 2)).astype(np.float32)
        return blurred

    return profile


def pipe(radius_mm: float, wall_mm: float, attenuation: float, core: float) -> Callable[[Floats], Floats]:
    """Profile of a pipe with a dense wall around a core of another attenuation: a rib, a drain."""

    def profile(distance: Floats) -> Floats:
        outer = np.sqrt(np.maximum(radius_mm**2 - distance**2, 0))
        inner = np.sqrt(np.maximum((radius_mm - wall_mm) ** 2 - distance**2, 0))
        seen: Floats = (2 * attenuation * (outer - inner) + 2 * core * inner).astype(np.float32)
        return seen

    return profile


def _dense(curve: Points, step_mm: float) -> Points:
    """The curve with points at most `step_mm` apart."""
    lengths = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    way = np.concatenate([[0], np.cumsum(lengths)])
    wanted = np.arange(0, way[-1] + step_mm, step_mm)
    return np.stack([np.interp(wanted, way, curve[:, axis]) for axis in range(2)], axis=1)
