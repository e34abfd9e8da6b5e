"""A body one can calculate: two ellipsoidal lungs in an elliptical cylinder."""

from types import SimpleNamespace

import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion

LUNG_MM = (100.0, 75.0, 55.0)  # semi-axes z, y, x: 1.73 L each
CENTRES_MM = {"right": (-75.0, 0.0, 0.0), "left": (75.0, 0.0, 0.0)}  # x, y, z
LUNG_L = 4 / 3 * np.pi * 100 * 75 * 55 * 1e-6


def ball(grid, centre_xyz, radius_mm):
    z, y, x = _world(grid)
    cx, cy, cz = centre_xyz
    return (x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2 < radius_mm**2


def _world(grid):
    axes = [np.arange(n) * s for n, s in zip(grid.shape, grid.spacing_mm, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    ox, oy, oz = grid.origin_mm
    return z + oz, y + oy, x + ox


def make_body(spacing_mm=(4.0, 3.0, 3.0), lungs=("right", "left"), length_mm=280.0):
    """Air at -1000, tissue at 40, lung at -850 HU; centred on the world's origin."""
    sizes = (length_mm, 330.0, 400.0)
    shape = tuple(round(size / s) for size, s in zip(sizes, spacing_mm, strict=True))
    origin = [-(n - 1) / 2 * s for n, s in zip(shape, spacing_mm, strict=True)][::-1]
    grid = Grid.upright(shape, spacing_mm, origin)
    z, y, x = _world(grid)
    hu = np.full(shape, -1000, dtype=np.int16)
    hu[np.broadcast_to((x / 170) ** 2 + (y / 125) ** 2 < 1, shape)] = 40
    for side in lungs:
        cx, cy, cz = CENTRES_MM[side]
        az, ay, ax = LUNG_MM
        hu[((x - cx) / ax) ** 2 + ((y - cy) / ay) ** 2 + ((z - cz) / az) ** 2 < 1] = -850
    return ArrayImage(grid, hu)


@pytest.fixture(scope="session")
def shapes():
    """What the tests draw with: `make_body(...)`, `ball(grid, centre, radius)` and the volume of one lung."""
    return SimpleNamespace(make_body=make_body, ball=ball, lung_l=LUNG_L)


@pytest.fixture(scope="session")
def body():
    return make_body()


@pytest.fixture
def case(body):
    return Case("series-1", "patient-1", body, truth=(Lesion((75.0, 0.0, 0.0), 10.0, lesion_id="n1"),))
