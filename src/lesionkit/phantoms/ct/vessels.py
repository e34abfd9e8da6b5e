"""The trees of one chest and what imitates nodules: scars and plugged airways."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lesionkit.phantoms.ct.anatomy import Chest
from lesionkit.phantoms.ct.tree import Tubes, airways_along, grow_tree
from lesionkit.phantoms.field import values_at


@dataclass(frozen=True, eq=False)
class LungTubes:
    """What is drawn into the lungs as tubes, in mm of the chest.

    Attributes:
        dense: vessels, scars, plugs. walls, lumens: of airways.
    """

    dense: Tubes
    walls: Tubes
    lumens: Tubes


def draw_lung_tubes(rng: Generator, chest: Chest, leaves_per_litre: float, distractors: float) -> LungTubes:
    """Arteries, veins and airways of both lungs, with scars and mucus plugs at `distractors` times the usual number."""
    dense: list[Tubes] = []
    airways = [_chain(*line) for line in chest.airway_lines]
    for side, root in ((-1, chest.right_root), (1, chest.left_root)):
        inside = _points_in_lung(rng, chest, side, 2.0, leaves_per_litre)
        count = len(inside) // 2
        arteries = grow_tree(rng, root, inside[:count], rng.uniform(0.36, 0.48))
        veins = grow_tree(rng, root + np.array([-side * 6, 2, -24]), inside[count:], rng.uniform(0.36, 0.48))
        dense += [arteries.tubes, veins.tubes]
        airways.append(airways_along(arteries, np.array([side * 0.5, 0.6, 0.6]), 1.15))
    tubes = _joined(airways)
    plugged = _plugged(rng, tubes, int(rng.poisson(3 * distractors)))
    dense.append(_chosen(tubes, plugged))
    dense += [_scar(rng, chest) for _ in range(int(rng.poisson(3 * distractors)))]
    open_tubes = _chosen(tubes, ~plugged)
    thickness = rng.uniform(0.25, 0.4) * np.sqrt(open_tubes.end_radii) + 0.35
    walls = Tubes(
        open_tubes.starts, open_tubes.ends, open_tubes.start_radii + thickness, open_tubes.end_radii + thickness
    )
    return LungTubes(_joined(dense), walls, open_tubes)


def _points_in_lung(rng: Generator, chest: Chest, side: int, depth_mm: float, per_litre: float) -> NDArray[np.float64]:
    """Random points of one lung at least `depth_mm` below its surface, (n, 3) in (x, y, z)."""
    lattice = chest.lattice
    low = np.array([lattice.x[0], lattice.y[0], lattice.z[0]])
    high = np.array([lattice.x[-1], lattice.y[-1], lattice.z[-1]])
    litres = float(np.prod(high - low)) / 1e6
    points = rng.uniform(low, high, (int(litres * per_litre), 3))
    points = points[points[:, 0] * side > 0]
    inside: NDArray[np.float64] = points[values_at(lattice, chest.lung, points) > depth_mm]
    return inside


def _plugged(rng: Generator, tubes: Tubes, count: int) -> NDArray[np.bool_]:
    """Which airways are filled with mucus: short runs of middle-sized ones."""
    plugged = np.zeros(len(tubes), bool)
    middle = np.flatnonzero((tubes.end_radii > 0.9) & (tubes.end_radii < 2.6))
    for _ in range(count if len(middle) else 0):
        first = tubes.starts[rng.choice(middle)]
        near = middle[np.linalg.norm(tubes.starts[middle] - first, axis=1) < rng.uniform(4, 14)]
        plugged[near[:4]] = True
    return plugged


def _scar(rng: Generator, chest: Chest) -> Tubes:
    """A band of a few parallel strands that runs inwards from the pleura."""
    sides = _points_in_lung(rng, chest, int(rng.choice([-1, 1])), 1.0, 300.0)
    depth = values_at(chest.lattice, chest.lung, sides)
    start = sides[rng.choice(np.flatnonzero(depth < 4))]
    along = -start * (1, 1, 0.3) + rng.normal(0, 35, 3)
    along /= np.linalg.norm(along)
    across = np.cross(along, rng.standard_normal(3))
    across /= np.linalg.norm(across)
    length, strands = rng.uniform(8, 30), int(rng.integers(1, 5))
    shifts = (np.arange(strands) - (strands - 1) / 2)[:, None] * across * 1.3
    bend = rng.normal(0, 0.06 * length, 3)
    middle, end = start + along * length / 2 + bend, start + along * length
    width = rng.uniform(0.5, 1.2)
    starts = np.concatenate([start + shifts, middle + shifts])
    ends = np.concatenate([middle + shifts, end + 0.4 * shifts])
    return Tubes(starts, ends, np.full(2 * strands, width), np.repeat([width, 0.5 * width], strands))


def _chain(points: NDArray[np.float64], radii: NDArray[np.float64]) -> Tubes:
    return Tubes(points[:-1], points[1:], radii[:-1], radii[1:])


def _chosen(tubes: Tubes, which: NDArray[np.bool_]) -> Tubes:
    return Tubes(tubes.starts[which], tubes.ends[which], tubes.start_radii[which], tubes.end_radii[which])


def _joined(parts: list[Tubes]) -> Tubes:
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + part
    return joined
