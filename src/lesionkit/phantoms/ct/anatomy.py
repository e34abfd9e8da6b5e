"""The organs of a chest as signed distances: body, rib cage, lungs, heart and great vessels, diaphragm.

Everything is in the millimetres of an adult: x to the left, y to the back, z to the head, the origin in the middle of
the chest at the height of the lung roots. No source is followed: shapes and sizes are drawn by eye after real scans.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lesionkit.phantoms.field import (
    Floats,
    Lattice,
    as_distance,
    ellipsoid_field,
    noise_field,
    smooth_max,
    smooth_min,
    tube_field,
)

LOW_MM = (-175.0, -140.0, -190.0)
HIGH_MM = (175.0, 140.0, 190.0)
STEP_MM = 3.5


@dataclass(frozen=True)
class Build:
    """How this person is built, in mm.

    Attributes:
        apex: height of the top of the rib cage.
        dome: height of the right dome of the diaphragm.
        half_width, half_depth: of the rib cage inside at its widest.
        fat: thickness of the fat under the skin.
        spine_y: how far behind the middle the spine's axis runs.
    """

    apex: float
    dome: float
    half_width: float
    half_depth: float
    fat: float
    spine_y: float

    @classmethod
    def draw(cls, rng: Generator) -> "Build":
        """A person by chance."""
        depth = rng.uniform(80, 98)
        return cls(
            apex=rng.uniform(118, 138),
            dome=rng.uniform(-75, -50),
            half_width=rng.uniform(122, 142),
            half_depth=depth,
            fat=rng.uniform(5, 26),
            spine_y=depth - 17,
        )


@dataclass(frozen=True, eq=False)
class Chest:
    """Signed distances on one lattice, in mm and positive inside, and the lines that vessels and airways start from.

    Attributes:
        cavity: inside the ribs. lung: both lungs. body: depth below the skin. belly: organs below the diaphragm.
        blood: heart and great vessels. patches, haze, folds: noise of standard deviation 1, coarse to fine.
        right_root, left_root: (x, y, z) where vessels enter the lungs.
        airway_lines: trachea and main bronchi as (points (n, 3), radii (n,)).
    """

    build: Build
    lattice: Lattice
    cavity: Floats
    lung: Floats
    body: Floats
    belly: Floats
    blood: Floats
    patches: Floats
    haze: Floats
    folds: Floats
    right_root: NDArray[np.float64]
    left_root: NDArray[np.float64]
    airway_lines: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]

    @property
    def body_half_depth_mm(self) -> float:
        """From the body's axis (y = 4) to the skin of the back."""
        return self.build.half_depth + 17 + 0.8 * self.build.fat


def draw_chest(rng: Generator) -> Chest:
    """A chest by chance."""
    build = Build.draw(rng)
    lattice = Lattice.covering(LOW_MM, HIGH_MM, STEP_MM)
    waves = noise_field(rng, lattice, 110.0)
    folds = noise_field(rng, lattice, 28.0)
    cavity = as_distance(_cavity(build, lattice), STEP_MM) + 2.0 * waves
    diaphragm = np.asarray(_above_diaphragm(rng, build, lattice) + 2.5 * waves, dtype=np.float32)
    right_root = np.array([-40.0, 8.0, 5.0]) + rng.normal(0, 3, 3)
    left_root = np.array([40.0, 10.0, 13.0]) + rng.normal(0, 3, 3)
    blood, centre = _mediastinum(rng, build, lattice, right_root, left_root)
    beside = np.asarray(0.8 * folds - centre, dtype=np.float32)
    lung = smooth_min(smooth_min(cavity, beside, 9.0), diaphragm, 7.0)
    lung = as_distance(lung - _apical_cap(rng, build, lattice, cavity, folds), STEP_MM)
    return Chest(
        build=build,
        lattice=lattice,
        cavity=cavity,
        lung=lung,
        body=_body(build, lattice) + 3.0 * waves,
        belly=smooth_min(cavity + np.float32(4), -diaphragm - np.float32(2.5), 6.0),
        blood=blood,
        patches=noise_field(rng, lattice, 60.0),
        haze=noise_field(rng, lattice, 18.0),
        folds=folds,
        right_root=right_root,
        left_root=left_root,
        airway_lines=_airway_lines(build, right_root, left_root),
    )


def _cavity(build: Build, lattice: Lattice) -> Floats:
    z, y, x = lattice.open
    rise = np.clip((z + 45) / (build.apex + 45), 0, 0.999)
    half_width = build.half_width * np.sqrt(1 - rise**2.3) + 3
    half_depth = build.half_depth * np.sqrt(1 - rise**3.2) + 3
    flare = 1 - 0.0006 * np.clip(-45 - z, 0, None)
    middle = 14 * rise**2
    u, v = np.abs(x) / (half_width * flare), np.abs(y - middle) / half_depth
    rho = (u**2.3 + v**2.3) ** (1 / 2.3) + 1e-3
    # Along the ray from the axis: how far the wall is.
    inside = (1 / rho - 1) * np.hypot(x, y - middle)
    return np.asarray(np.minimum(inside, (build.apex + 4 - z)), dtype=np.float32)


def _body(build: Build, lattice: Lattice) -> Floats:
    z, y, x = lattice.open
    shoulders = np.clip((z - 70) / 80, 0, 1)
    half_width = build.half_width + 16 + build.fat + 10 * shoulders
    half_depth = build.half_depth + 17 + 0.8 * build.fat - 8 * shoulders
    rho = ((np.abs(x) / half_width) ** 2.4 + (np.abs(y - 4) / half_depth) ** 2.4) ** (1 / 2.4)
    return as_distance(((1 - rho) * 100).astype(np.float32), STEP_MM)


def _above_diaphragm(rng: Generator, build: Build, lattice: Lattice) -> Floats:
    """Height above the diaphragm: two domes that fall steeply towards the back and the sides."""
    z, y, x = lattice.open
    left_drop = rng.uniform(4, 22)
    tops = []
    for side, top in ((-1, build.dome), (1, build.dome - left_drop)):
        outwards = (x - side * 55) * side
        fall_x = np.where(outwards > 0, 2.6, 1.0) * (outwards / build.half_width) ** 2 * rng.uniform(70, 110)
        fall_y = np.where(y > -25, ((y + 25) / build.half_depth) ** 2 * rng.uniform(46, 64), ((y + 25) / 75) ** 2 * 24)
        tops.append(top - fall_x - fall_y)
    surface = np.maximum(tops[0], tops[1])
    return np.asarray((z - surface) * 0.82, dtype=np.float32)


def _mediastinum(
    rng: Generator, build: Build, lattice: Lattice, right_root: NDArray[np.float64], left_root: NDArray[np.float64]
) -> tuple[Floats, Floats]:
    """Distances to the blood (heart, great vessels) and to everything between the lungs."""
    z, y, x = lattice.open
    heart_centre = (rng.uniform(16, 26), rng.uniform(-34, -24), rng.uniform(-58, -44))
    heart = ellipsoid_field(lattice, heart_centre, (rng.uniform(52, 62), rng.uniform(42, 50), rng.uniform(46, 56)))
    top = build.apex + 30
    back = build.spine_y - 27
    lines = [
        ([(-8, -22, -20), (-14, -26, 30), (2, -12, 56), (20, 22, 50), (23, back, 20), (20, back + 6, -150)], 13.0),
        ([(12, -24, -5), (14, -22, 22), (0, 0, 22), tuple(right_root)], 10.5),
        ([(14, -22, 18), tuple(left_root)], 10.5),
        ([(-22, -14, -20), (-23, -10, 40), (-20, -6, top)], 8.5),
        ([(-20, 12, -24), tuple(right_root - (4, 2, 16))], 8.0),
        ([(18, 14, -24), tuple(left_root - (-4, 0, 20))], 8.0),
        ([(2, -12, 58), (-14, -2, top)], 5.5),
        ([(12, 8, 58), (22, 6, top)], 4.5),
    ]
    blood = heart
    for points, radius in lines:
        tube = tube_field(lattice, np.array(points), [radius * rng.uniform(0.9, 1.1)] * len(points))
        blood = smooth_max(blood, tube, 5.0)
    spine = 21 - np.sqrt(x**2 + ((y - build.spine_y) * 0.95) ** 2)
    narrow = np.clip((z - 60) / 80, 0, 1)
    column = 26 * (1 - np.sqrt((x / (25 - 3 * narrow)) ** 2 + ((y - 12 - 14 * narrow) / (58 - 12 * narrow)) ** 2))
    front = np.minimum(6 - np.abs(x - 3), -10 - y)
    centre = smooth_max(blood + 2.5, column.astype(np.float32), 10.0)
    centre = smooth_max(centre, np.broadcast_to(spine, centre.shape), 8.0)
    centre = smooth_max(centre, np.broadcast_to(front, centre.shape), 8.0)
    for root in (right_root, left_root):
        centre = smooth_max(centre, ellipsoid_field(lattice, root - (0, 0, 6), (11, 13, 22)), 10.0)
        centre = _with_lymph_nodes(rng, lattice, centre, root)
    return blood, centre


def _with_lymph_nodes(rng: Generator, lattice: Lattice, centre: Floats, root: NDArray[np.float64]) -> Floats:
    """Some lymph nodes bulge from the lung root; they lie outside the lung and are no nodules."""
    for _ in range(int(rng.integers(0, 4))):
        place = root + rng.normal(0, 1, 3) * (7, 8, 16)
        centre = smooth_max(centre, ellipsoid_field(lattice, place, rng.uniform(5, 10, 3)), 3.0)
    return centre


def _apical_cap(rng: Generator, build: Build, lattice: Lattice, cavity: Floats, folds: Floats) -> Floats:
    """Pleural thickening that eats into the tops of the lungs, patchy, 0 to 6 mm."""
    z, _, _ = lattice.open
    near_top = np.clip((z - build.apex + 45) / 25, 0, 1)
    strength = rng.uniform(1, 6) if rng.random() < 0.6 else 0.0
    cap: Floats = strength * near_top * np.clip(folds + 0.2, 0, 1.5) * (cavity < 20)
    return cap


def _airway_lines(
    build: Build, right_root: NDArray[np.float64], left_root: NDArray[np.float64]
) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]:
    carina = np.array([1.0, 14.0, 34.0])
    trachea = np.array([(0.0, 30.0, build.apex + 30), (0.0, 20.0, 80.0), carina])
    right = np.array([carina, (-22.0, 16.0, 18.0), right_root + np.array([-2, 6, 0])])
    left = np.array([carina, (24.0, 18.0, 14.0), left_root + np.array([2, 8, -6])])
    return (
        (trachea, np.array([9.0, 8.5, 8.5])),
        (right, np.array([7.5, 6.5, 5.5])),
        (left, np.array([6.5, 5.8, 5.0])),
    )
