"""What lies between nuclei: cytoplasm, fibres, fine grain."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lesionkit.phantoms.slide.kind import Kind, TissueMap
from lesionkit.phantoms.slide.noise import Dice, Floats, cell_distances, enlarge, noise, periodic_noise
from lesionkit.phantoms.slide.plan import SlidePlan

_SIDE = 1024
_EOSIN = (0.0, 0.25, 0.24, 0.30, 0.38, 0.72, 0.45, 0.45, 0.34, 0.2)
_HAEMATOXYLIN = (0.0, 0.20, 0.24, 0.22, 0.17, 0.07, 0.05, 0.14, 0.18, 0.0)
_MESH = np.array((0.0, 0.5, 0.5, 0.45, 0.4, 0.3, 0.3, 0.26, 0.4, 0.15), np.float32)
"""How uneven the ground of each kind is."""


@dataclass(frozen=True, eq=False)
class Grain:
    """Periodic textures in pixels: (1024, 1024) each, mean 0, standard deviation 1."""

    fine: Floats
    coarse: Floats
    fibres: Floats
    sensor: Floats

    @classmethod
    def draw(cls, seed: int, spacing_um: float) -> "Grain":
        """The textures of a slide at its pixel size; fibres run along the rows."""
        rng = np.random.default_rng([22, seed])
        fine, coarse = (periodic_noise(rng, _SIDE, max(0.4, um / spacing_um)) for um in (0.45, 1.3))
        thick, thin = (periodic_noise(rng, _SIDE, (max(0.4, um / spacing_um), 22 / spacing_um)) for um in (1.3, 0.5))
        sensor = periodic_noise(rng, _SIDE, 0.45)
        return cls(fine, coarse, 0.75 * thick + 0.6 * thin, sensor)

    @staticmethod
    def at(texture: Floats, start: tuple[int, int], shape: tuple[int, int]) -> Floats:
        """A texture at the pixels of a box."""
        rows, columns = (np.arange(n) + s & (_SIDE - 1) for s, n in zip(start, shape, strict=True))
        return np.asarray(texture[np.ix_(rows, columns)])


@dataclass(frozen=True, eq=False)
class Ground:
    """Stains between the nuclei, per pixel; `cover` is 0 in white spaces and 1 in tissue."""

    haematoxylin: Floats
    eosin: Floats
    blood: Floats | None
    cover: Floats


def paint_ground(
    plan: SlidePlan, tissue: TissueMap, grain: Grain, box: tuple[tuple[int, int], tuple[int, int]], factor: int
) -> Ground:
    """The ground of a box of pixels.

    Args:
        tissue: on a raster whose second sample is the corner of the box.
        box: first pixel and shape of the canvas.
        factor: pixels per step of the raster.
    """
    start, shape = box
    step = tissue.raster.step_um / factor
    fine, coarse = (Grain.at(texture, start, shape) for texture in (grain.fine, grain.coarse))
    solid = enlarge(tissue.solid_um, factor, shape)
    solid += 0.4 * coarse
    cover = np.clip(solid / np.float32(1.6 * max(step, 0.5)) + np.float32(0.5), 0, 1)
    eosin = enlarge(_eosin(plan, tissue), factor, shape)
    haematoxylin = enlarge(_table(_HAEMATOXYLIN, plan.tumour.haematoxylin)[tissue.kind], factor, shape)
    mesh = 1 + enlarge(_MESH[tissue.kind], factor, shape) * (0.75 * coarse + 0.55 * fine)
    fibrous = tissue.kind == Kind.STROMA
    if fibrous.any():
        share = np.clip(enlarge(fibrous.astype(np.float32), factor, shape), 0, 1)
        mesh += share * (_fibres(tissue, grain, factor, shape) - mesh)
    np.maximum(mesh, 0, out=mesh)
    eosin *= mesh
    haematoxylin *= mesh
    blood = tissue.kind == Kind.BLOOD
    red = np.clip(enlarge(blood.astype(np.float32), factor, shape), 0, 1) * cover * 0.35 if blood.any() else None
    np.maximum(eosin, 0, out=eosin)
    np.maximum(haematoxylin, 0, out=haematoxylin)
    return Ground(haematoxylin * cover, eosin * cover, red, cover)


def _eosin(plan: SlidePlan, tissue: TissueMap) -> Floats:
    eosin = _table(_EOSIN, plan.tumour.eosin)[tissue.kind]
    eosin *= 1 + 0.22 * noise(Dice.of(plan.seed, "eosin"), tissue.raster, 160)
    tumour = tissue.kind == Kind.TUMOUR
    if tumour.any():
        # The same lattice as the tumour cells' nuclei, so that borders lie between them.
        dice = Dice.of(plan.seed, "cells tumour")
        first, second = cell_distances(dice, tissue.raster, plan.tumour.pitch_um, 0.62)
        border = np.clip(1 - (second - first) / 2.6, 0, 1)
        eosin = np.where(tumour, eosin * (1.05 - 0.4 * border), eosin).astype(np.float32)
    foamy = tissue.kind == Kind.HISTIOCYTES
    if foamy.any():
        foam = 1 + 0.35 * noise(Dice.of(plan.seed, "foam"), tissue.raster, 11)
        eosin = np.where(foamy, eosin * foam, eosin).astype(np.float32)
    return eosin


def _fibres(tissue: TissueMap, grain: Grain, factor: int, shape: tuple[int, int]) -> Floats:
    """Strength of collagen, about 1, with white clefts: the texture laid along the level lines of the flow."""
    spacing = tissue.raster.step_um / factor
    across = enlarge(tissue.flow_um, factor, shape)
    y, x = tissue.raster.open
    along = enlarge((0.8 * y - 0.6 * x + 0.3 * tissue.flow_um).astype(np.float32), factor, shape)
    rows, columns = ((p * np.float32(1 / spacing)).astype(np.int32) & (_SIDE - 1) for p in (across, along))
    texture: NDArray[np.float32] = grain.fibres.ravel()[rows * _SIDE + columns]
    return np.asarray(np.clip(1 + 0.42 * texture, 0.02, 1.55), dtype=np.float32)


def _table(values: tuple[float, ...], tumour: float) -> Floats:
    table = np.array(values, np.float32)
    table[Kind.TUMOUR] = tumour
    table[Kind.SCATTERED] = 0.5 * (tumour + values[Kind.LYMPH])
    return table
