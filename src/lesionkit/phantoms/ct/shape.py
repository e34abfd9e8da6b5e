"""The form of a nodule: a deformed ball with lobules or spicules, blurred like a scanner would."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from lesionkit.core.grid import Grid

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class NoduleShape:
    """A closed surface r = radius · (1 + bumps(direction)) in an ellipsoidal frame, with spicules and a core inside.

    Attributes:
        frame: (3, 3) from world offset (x, y, z) mm to the frame in which the surface is a bumpy ball; volume kept.
        bumps: (n, 5) waves on the sphere: wave vector (x, y, z), phase, amplitude.
        spicules: (n, 5) unit direction (x, y, z), length beyond the surface mm, radius at the root mm.
        core_offset_mm, core_radius_mm: the solid part of a part-solid nodule.
        waves: (n, 4) inner texture: wave vector (x, y, z) in 1/mm, phase.
    """

    radius_mm: float
    edge_mm: float
    frame: NDArray[np.float64]
    bumps: NDArray[np.float64]
    spicules: NDArray[np.float64]
    core_offset_mm: NDArray[np.float64]
    core_radius_mm: float
    waves: NDArray[np.float64]

    @classmethod
    def of(
        cls, seed: int, radius_mm: float, margin: str, edge_mm: float, core_share: float, has_core: bool
    ) -> NoduleShape:
        """The shape that a seed stands for."""
        rng = np.random.default_rng(seed)
        bumps = _draw_bumps(rng, margin)
        core = core_share * radius_mm if has_core else 0.0
        return cls(
            radius_mm=radius_mm * _volume_correction(bumps),
            edge_mm=edge_mm,
            frame=_draw_frame(rng, 0.13 if margin == "smooth" else 0.16),
            bumps=bumps,
            spicules=_draw_spicules(rng, radius_mm) if margin == "spiculated" else np.zeros((0, 5)),
            core_offset_mm=_draw_directions(rng, 1)[0] * (0.45 * max(0.0, radius_mm - core) * rng.random()),
            core_radius_mm=core,
            waves=_draw_waves(rng, radius_mm),
        )

    @cached_property
    def reach_mm(self) -> float:
        """No part of the nodule is further from its centre."""
        stretch = 1 / float(np.linalg.svd(self.frame, compute_uv=False)[-1])
        surface = self.radius_mm * (1 + float(np.abs(self.bumps[:, 4]).sum())) * stretch
        return surface + 3 * self.edge_mm + float(self.spicules[:, 3].max(initial=0.0))

    def cover(
        self, grid: Grid, centre_mm: tuple[float, ...], slice_thickness_mm: float | None
    ) -> tuple[Floats, Floats]:
        """Share of each sample's cell that the nodule and that its core fill, 0 … 1, both (z, y, x) on `grid`.

        A cell is as large as the spacing, along axis 0 as `slice_thickness_mm` where given.
        """
        widths = list(grid.spacing_mm)
        widths[0] = slice_thickness_mm or widths[0]
        step = min(1.0, max(0.45, self.radius_mm / 3))
        counts = [max(1, math.ceil(w / step - 1e-6)) for w in widths]
        centre = grid.world_to_index(centre_mm)
        offsets = [
            (((np.arange(n) - c) * s)[:, None] + ((np.arange(k) + 0.5) / k - 0.5) * w).ravel().astype(np.float32)
            for n, c, s, k, w in zip(grid.shape, centre, grid.spacing_mm, counts, widths, strict=True)
        ]
        squares = [o * o for o in offsets]
        near = np.nonzero(squares[0][:, None, None] + squares[1][:, None] + squares[2] < np.float32(self.reach_mm**2))
        points = np.stack([o[i] for o, i in zip(offsets, near, strict=True)], axis=1)
        whole, core = self._at(points @ np.array(grid.direction, dtype=np.float32).T)
        return _cell_means(whole, near, grid.shape, counts), _cell_means(core, near, grid.shape, counts)

    def mottle(self, grid: Grid, centre_mm: tuple[float, ...]) -> Floats:
        """Smooth inner texture with mean about 0 and standard deviation 1, (z, y, x) on `grid`."""
        centre = grid.world_to_index(centre_mm)
        vectors = self.waves[:, :3] @ np.array(grid.direction)  # along the array axes
        phases = [
            np.exp(1j * (np.arange(n) - c)[:, None] * s * vectors[:, a])
            for a, (n, c, s) in enumerate(zip(grid.shape, centre, grid.spacing_mm, strict=True))
        ]
        phases[0] = phases[0] * np.exp(1j * self.waves[:, 3])
        plane = (phases[0][:, None] * phases[1][None]).reshape(-1, len(self.waves))
        texture = (plane.real @ phases[2].real.T - plane.imag @ phases[2].imag.T) * math.sqrt(2 / len(self.waves))
        mottle: Floats = texture.reshape(grid.shape).astype(np.float32)
        return mottle

    def _at(self, points: Floats) -> tuple[Floats, Floats]:
        """Coverage of nodule and core at world offsets (n, 3) from the centre."""
        framed = points @ self.frame.T.astype(np.float32)
        distance = np.sqrt(np.einsum("na,na->n", framed, framed)) + np.float32(1e-3)
        directions = framed / distance[:, None]
        waves = directions @ self.bumps[:, :3].T.astype(np.float32) + self.bumps[:, 3].astype(np.float32)
        relief = 1 + np.sin(waves) @ self.bumps[:, 4].astype(np.float32)
        whole = _blurred_ball(distance, self.radius_mm * relief, self.edge_mm)
        if len(self.spicules):
            whole = np.maximum(whole, self._spicule_cover(points))
        core = np.zeros_like(whole)
        if self.core_radius_mm > 0:
            inner = points - self.core_offset_mm.astype(np.float32)
            inner_distance = np.sqrt(np.einsum("na,na->n", inner, inner)) + np.float32(1e-3)
            core = _blurred_ball(inner_distance, self.core_radius_mm * relief, self.edge_mm)
        return whole, core

    def _spicule_cover(self, points: Floats) -> Floats:
        squared = np.einsum("na,na->n", points, points)
        cover = np.zeros(len(points), np.float32)
        outer = np.flatnonzero(squared > (0.7 * self.radius_mm) ** 2)
        points, squared = points[outer], squared[outer]
        for *direction, length, root in self.spicules:
            along = points @ np.array(direction, dtype=np.float32)
            end = self.radius_mm + length
            chosen = np.flatnonzero((along > 0.5 * self.radius_mm) & (along < end) & (squared - along**2 < 9))
            taper = 1 - np.clip((along[chosen] - self.radius_mm) / length, 0, 1)
            width = (root * (0.35 + 0.65 * taper)) ** 2
            blurred = width + self.edge_mm**2
            strength = width / blurred * np.sqrt(taper)
            ridge = 1.8 * strength * np.exp(-(squared[chosen] - along[chosen] ** 2) / (2 * blurred))
            cover[outer[chosen]] = np.maximum(cover[outer[chosen]], np.minimum(ridge, 0.9))
        return cover


def _blurred_ball(distance: Floats, radius: Floats, sigma: float) -> Floats:
    """A ball of `radius` convolved with a Gaussian, at `distance` from its centre; volume is conserved."""
    scale = np.float32(1 / (math.sqrt(2) * sigma))
    near, far = (radius - distance) * scale, (radius + distance) * scale
    bell = (np.exp(-near * near) - np.exp(-far * far)) * np.float32(sigma / math.sqrt(2 * math.pi)) / distance
    ball: Floats = np.clip(0.5 * (erf(near) + erf(far)) - bell, 0, 1).astype(np.float32)
    return ball


def _cell_means(
    values: Floats, near: tuple[NDArray[np.intp], ...], shape: tuple[int, ...], counts: list[int]
) -> Floats:
    """Sum of scattered sub-samples per cell over the number of sub-samples."""
    cells = np.ravel_multi_index(tuple(i // k for i, k in zip(near, counts, strict=True)), shape)
    sums = np.bincount(cells, weights=values, minlength=math.prod(shape))
    return (sums / math.prod(counts)).reshape(shape).astype(np.float32)


def _draw_directions(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    vectors = rng.standard_normal((count, 3))
    unit: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _draw_frame(rng: np.random.Generator, spread: float) -> NDArray[np.float64]:
    """A random rotation times stretches that keep the volume."""
    rotation, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    logs = np.clip(rng.normal(0, spread, 3), -1.8 * spread, 1.8 * spread)
    framed: NDArray[np.float64] = np.diag(np.exp(logs - logs.mean())) @ rotation
    return framed


def _draw_bumps(rng: np.random.Generator, margin: str) -> NDArray[np.float64]:
    count, strength, low, high = {
        "smooth": (5, 0.06, 1.5, 3.0),
        "lobulated": (6, 0.17, 2.5, 5.0),
        "spiculated": (7, 0.13, 3.0, 7.0),
    }[margin]
    vectors = _draw_directions(rng, count) * rng.uniform(low, high, (count, 1))
    amplitudes = strength * rng.uniform(0.5, 1.0, count) * math.sqrt(2 / count)
    return np.column_stack([vectors, rng.uniform(0, 2 * math.pi, count), amplitudes])


def _draw_spicules(rng: np.random.Generator, radius_mm: float) -> NDArray[np.float64]:
    count = int(rng.integers(6, 21))
    lengths = np.clip(radius_mm * rng.uniform(0.4, 1.1, count), 2.0, 10.0)
    return np.column_stack([_draw_directions(rng, count), lengths, rng.uniform(0.5, 1.1, count)])


def _draw_waves(rng: np.random.Generator, radius_mm: float) -> NDArray[np.float64]:
    lengths_mm = rng.uniform(2.5, 2.5 + max(3.0, radius_mm), (14, 1))
    vectors = _draw_directions(rng, 14) * (2 * math.pi / lengths_mm)
    return np.column_stack([vectors, rng.uniform(0, 2 * math.pi, 14)])


def _volume_correction(bumps: NDArray[np.float64]) -> float:
    """Factor of the radius by which the bumpy ball gets the volume of the plain one."""
    index = np.arange(256) + 0.5
    z = 1 - index / 128
    turn = math.pi * (1 + math.sqrt(5)) * index
    ring = np.sqrt(1 - z * z)
    directions = np.column_stack([ring * np.cos(turn), ring * np.sin(turn), z])
    relief = 1 + np.sin(directions @ bumps[:, :3].T + bumps[:, 3]) @ bumps[:, 4]
    return float(np.mean(relief**3) ** (-1 / 3))
