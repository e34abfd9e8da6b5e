"""Lung that is dark without a pneumothorax: bullae at the wall, emphysema, and the opposite, veiled lung."""

from typing import Any

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from lesionkit.phantoms.xray.trunk import Floats, Lung, Trunk


def add_lucencies(rng: Generator, planes: Floats, trunk: Trunk, often: float) -> None:
    """Change the lungs of a trunk's planes in place, the same for healthy and sick patients.

    Args:
        often: multiple of the usual number of changes, 0 for none.
    """
    for lung in trunk.lungs:
        part = planes[lung.box]
        for _ in range(int(rng.poisson(0.5 * often))):
            _bulla(rng, part, lung, trunk.spacing_mm)
        if rng.random() < 0.5 * often:
            _mantle(rng, part, lung)
        if rng.random() < 0.35 * often:
            _veil(rng, part, lung)


def _bulla(rng: Generator, part: Floats, lung: Lung, spacing_mm: tuple[float, float, float]) -> None:
    """Air without vessels in a blister below the surface, mostly in the upper half, with a hair-thin wall."""
    axes: tuple[Any, ...] = np.indices(part.shape, dtype=np.float32, sparse=True)
    y, z, x = axes
    near = np.argwhere((lung.depth_mm > 2) & (lung.depth_mm < 12))
    upper = near[near[:, 1] < np.quantile(near[:, 1], 0.6)]
    cy, cz, cx = upper[rng.integers(len(upper))]
    radii = np.array([rng.uniform(20, 70), rng.uniform(10, 40), rng.uniform(8, 30)]) / spacing_mm
    rho = np.sqrt(((y - cy) / radii[0]) ** 2 + ((z - cz) / radii[1]) ** 2 + ((x - cx) / radii[2]) ** 2)
    inside = np.clip((1 - rho) * 5 + 0.5, 0, 1) * (lung.depth_mm > 0)
    wall = 0.1 * rng.uniform(0, 1) * np.exp(-np.square((rho - 1) * 12)) * (lung.depth_mm > 0)
    part *= 1 - rng.uniform(0.6, 0.95) * inside
    part += wall


def _mantle(rng: Generator, part: Floats, lung: Lung) -> None:
    """The outer lung has fewer vessels and more air, stronger towards the top."""
    depth = lung.depth_mm
    height = np.linspace(1, 0, part.shape[1], dtype=np.float32)[None, :, None]
    strength = rng.uniform(0.2, 0.8) * (0.3 + 0.7 * height)
    part *= 1 - strength * np.exp(-np.clip(depth, 0, None) / rng.uniform(8, 25)) * (depth > 0)


def _veil(rng: Generator, part: Floats, lung: Lung) -> None:
    """Patches of denser lung, as infiltrates and oedema make them."""
    coarse = rng.standard_normal([n // 8 + 3 for n in part.shape]).astype(np.float32)
    coarse = ndimage.gaussian_filter(coarse, 1.2)
    coarse /= coarse.std()
    patches = ndimage.zoom(coarse, [n / m for n, m in zip(part.shape, coarse.shape, strict=True)], order=1)
    patches = patches[tuple(slice(0, n) for n in part.shape)]
    part += rng.uniform(0.04, 0.16) * np.clip(patches - 0.2, 0, 2) * np.clip(lung.depth_mm / 4, 0, 1)
