"""Metastases of a slide: their outlines, sizes, stages and growth, and where in the lymph node they lie."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from lesionkit.core.errors import LesionkitError
from lesionkit.phantoms.slide.noise import Floats, Raster

Stage: TypeAlias = Literal["negative", "itc", "micro", "macro"]
Growth: TypeAlias = Literal["solid", "nests", "glands", "scattered"]

ITC_MM, MICRO_MM = 0.2, 2.0
"""Largest extents of isolated tumour cells and of micrometastases (TNM, 8th edition)."""

SIZES_MM: dict[Stage, tuple[float, float]] = {"itc": (0.03, 0.19), "micro": (0.25, 1.8), "macro": (2.1, 3.4)}
"""Range of extents drawn per stage."""
SATELLITE_MM = (0.22, 0.8)
"""Range of most of those beside the largest; most lesions of CAMELYON16 are as small."""

_SATELLITES: dict[Stage, float] = {"itc": 0.7, "micro": 2.5, "macro": 5.0}
_VERTICES = 144


def stage_of(extent_mm: float) -> Stage:
    """The stage of a slide whose largest metastasis has this extent; 0 where there is none.

    >>> [stage_of(mm) for mm in (0, 0.2, 0.21, 2.0, 2.1)]
    ['negative', 'itc', 'micro', 'micro', 'macro']
    """
    if extent_mm <= 0:
        return "negative"
    return "itc" if extent_mm <= ITC_MM else "micro" if extent_mm <= MICRO_MM else "macro"


@dataclass(frozen=True, eq=False)
class Metastasis:
    """One outline, star-shaped about its centre.

    Attributes:
        centre_um: (y, x) from the top left corner of the slide.
        radii_um: distance of the outline from the centre at evenly spaced angles, angle 0 along x towards y.
        growth: how the tumour cells lie in it.
    """

    centre_um: tuple[float, float]
    radii_um: NDArray[np.float64]
    growth: Growth

    @property
    def outline_um(self) -> NDArray[np.float64]:
        """(vertices, 2) positions x, y."""
        angle = np.arange(len(self.radii_um)) * (2 * np.pi / len(self.radii_um))
        y, x = self.centre_um
        return np.stack([x + self.radii_um * np.cos(angle), y + self.radii_um * np.sin(angle)], axis=1)

    @property
    def extent_mm(self) -> float:
        """Largest distance between two points of the outline."""
        return float(pdist(self.outline_um).max()) / 1000

    @property
    def reach_um(self) -> float:
        """The outline is nowhere farther from the centre."""
        return float(self.radii_um.max())

    def depth(self, raster: Raster, margin_um: float) -> tuple[tuple[slice, slice], Floats] | None:
        """How far inside the outline the samples near it lie (µm, negative outside): index box and values."""
        window = raster.window(*self.centre_um, self.reach_um + margin_um)
        if window is None:
            return None
        y, x = raster.open
        y, x = y[window[0]] - self.centre_um[0], x[:, window[1]] - self.centre_um[1]
        turn = np.arctan2(y, x) * (len(self.radii_um) / (2 * np.pi))
        closed = np.append(self.radii_um, self.radii_um[0])
        slope = np.gradient(np.concatenate([closed[-2:], closed[1:], closed[1:2]]))[1:-1]
        slope *= len(self.radii_um) / (2 * np.pi)
        # Across a slanting outline the way to it is shorter than along the ray.
        slant = closed / np.hypot(closed, slope)
        angle = np.mod(turn, len(self.radii_um))
        edge = np.interp(angle, np.arange(len(closed)), closed)
        return window, ((edge - np.hypot(y, x)) * np.interp(angle, np.arange(len(closed)), slant)).astype(np.float32)


def draw_sizes(rng: Generator, stage: Stage, room_mm: float) -> list[float]:
    """Extents (mm) of the metastases of a slide of this stage, the largest first.

    Args:
        room_mm: no metastasis is larger, so that it fits into its piece of tissue.

    Raises:
        LesionkitError: there is no room for a metastasis of this stage.
    """
    if stage == "negative":
        return []
    sizes = [_draw_size(rng, SIZES_MM[stage], stage, room_mm)]
    for _ in range(rng.poisson(_SATELLITES[stage])):
        low, high = SIZES_MM["itc"] if stage == "itc" or rng.random() < 0.3 else SATELLITE_MM
        size = _draw_size(rng, (low, high), stage, room_mm)
        sizes.append(size if size < sizes[0] else float(rng.uniform(0.3, 0.95)) * sizes[0])
    return sorted(sizes, reverse=True)


def _draw_size(rng: Generator, between: tuple[float, float], stage: Stage, room_mm: float) -> float:
    low, high = between[0], min(between[1], room_mm)
    if high < low:
        raise LesionkitError(
            f"the tissue must have room for a {stage} metastasis of at least {low:g} mm, but it has {room_mm:.2g} mm; "
            "make size_mm larger"
        )
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


def draw_metastasis(rng: Generator, extent_mm: float, centre_um: tuple[float, float]) -> Metastasis:
    """A lobed outline of exactly this extent."""
    angle = np.arange(_VERTICES) * (2 * np.pi / _VERTICES)
    radius = np.ones(_VERTICES)
    for order in range(2, 9):
        size = 0.34 / order * rng.standard_normal()
        radius += size * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    radius = np.clip(radius, 0.45, 1.8)
    growths: tuple[Growth, ...] = ("solid", "nests", "glands", "scattered")
    chances = (0.5, 0.0, 0.1, 0.4) if extent_mm <= ITC_MM else (0.28, 0.3, 0.2, 0.22)
    growth = growths[rng.choice(4, p=chances)]
    unit = Metastasis(centre_um, radius, growth)
    return Metastasis(centre_um, radius * (extent_mm / unit.extent_mm), growth)


def place_metastases(
    rng: Generator, extents_mm: Sequence[float], depth_at: Callable[[Raster], Floats], raster: Raster
) -> tuple[Metastasis, ...]:
    """Put metastases of these extents into the node, apart from each other; half of the small ones near its capsule.

    Args:
        depth_at: how deep inside the node (µm) the samples of a raster lie, negative outside.
        raster: of the whole slide, coarse.

    Returns:
        As many as found a place; the first, which makes the stage, always does.
    """
    depth = depth_at(raster).astype(np.float64)
    y, x = (np.broadcast_to(axis, raster.shape) for axis in raster.open)
    free = np.full(raster.shape, np.inf)
    placed: list[Metastasis] = []
    for extent in extents_mm:
        radius = extent * 500
        cover = depth - np.minimum(radius, 0.8 * depth.max())
        wanted = (cover > 40) & (free > radius + 260)
        near = wanted & (cover < 160)
        if near.any() and rng.random() < 0.5:
            wanted = near
        if not wanted.any() and not placed:
            wanted = depth >= np.quantile(depth, 0.999)
        places = np.flatnonzero(wanted)
        if not len(places):
            continue
        chosen = places[rng.integers(len(places))]
        centre = (float(y.flat[chosen]), float(x.flat[chosen]))
        placed.append(draw_metastasis(rng, extent, centre))
        free = np.minimum(free, np.hypot(y - centre[0], x - centre[1]) - placed[-1].reach_um)
    return tuple(placed)
