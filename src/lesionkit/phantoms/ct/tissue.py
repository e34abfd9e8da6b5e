"""Hounsfield values of a chest, painted plane by plane: wall, bones, organs, and the lungs' own texture."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lesionkit.phantoms.ct.anatomy import Chest
from lesionkit.phantoms.ct.scanner import AIR_HU
from lesionkit.phantoms.field import Floats, PlaneReader


@dataclass(frozen=True)
class Tissue:
    """Hounsfield values and habits of this person's tissues.

    Attributes:
        blood: with or without contrast medium. vessel: of vessels inside the lungs.
        lung: of well aired lung in the middle; `gradient` more at the very back, less in front.
        dependent: how much denser the lung is right at the back wall.
        holes: depth of emphysema, 0 for none.
        fissure: how much brighter a fissure is than the lung around it.
    """

    fat: float
    muscle: float
    blood: float
    vessel: float
    liver: float
    cortex: float
    marrow: float
    lung: float
    gradient: float
    mottle: float
    dependent: float
    holes: float
    fissure: float
    rib_phase_mm: float

    @classmethod
    def draw(cls, rng: Generator) -> "Tissue":
        """Tissues by chance; four of ten persons were given contrast medium."""
        contrast = rng.uniform(90, 260) if rng.random() < 0.4 else 0.0
        return cls(
            fat=rng.uniform(-115, -90),
            muscle=rng.uniform(40, 60),
            blood=rng.uniform(35, 50) + contrast,
            vessel=rng.uniform(30, 50) + 0.8 * contrast,
            liver=rng.uniform(50, 65) + 0.25 * contrast,
            cortex=rng.uniform(450, 750),
            marrow=rng.uniform(120, 240),
            lung=rng.uniform(-895, -840),
            gradient=rng.uniform(15, 45),
            mottle=rng.uniform(8, 20),
            dependent=rng.uniform(0, 140) if rng.random() < 0.7 else 0.0,
            holes=rng.uniform(30, 90) if rng.random() < 0.3 else 0.0,
            fissure=rng.uniform(80, 220),
            rib_phase_mm=rng.uniform(0, 27),
        )


class ChestPainter:
    """Paints planes z = const of one chest at the given in-plane positions (mm of the chest)."""

    def __init__(
        self,
        chest: Chest,
        tissue: Tissue,
        y_mm: NDArray[np.float64],
        x_mm: NDArray[np.float64],
        blur_mm: float,
    ) -> None:
        self._chest, self._tissue, self._blur = chest, tissue, np.float32(blur_mm)
        self._reader = PlaneReader(chest.lattice, y_mm, x_mm)
        self._y = y_mm.astype(np.float32)[:, None]
        self._x = x_mm.astype(np.float32)[None, :]
        build = chest.build
        frontness = np.clip((1 - self._y / build.half_depth) / 2, 0, 1)
        self._rib_drop = 62 * frontness + 0.0 * self._x
        self._angle = np.arctan2(np.abs(self._x), self._y)
        self._backness = np.clip((self._y + 0.2 * build.half_depth) / build.half_depth, 0, 1)

    def plane(self, z_mm: float) -> tuple[Floats, Floats]:
        """(y, x) Hounsfield values without vessels and airways, and the share of each sample that is lung."""
        chest, tissue = self._chest, self._tissue
        read = self._reader.read
        cavity, lung, body = read(chest.cavity, z_mm), read(chest.lung, z_mm), read(chest.body, z_mm)
        haze, patches = read(chest.haze, z_mm), read(chest.patches, z_mm)
        fat_depth = chest.build.fat * (0.8 + 0.25 * patches)
        hu = tissue.fat + (tissue.muscle - tissue.fat) * self._step(body - fat_depth)
        hu -= (tissue.muscle - tissue.fat) * self._step((haze - 1.0) * 5) * 0.8
        hu[body < 2] = tissue.muscle - 30
        hu = self._organs(hu, cavity, haze, patches, z_mm)
        self._bones(hu, cavity, body, haze, z_mm)
        cover = self._step(lung)
        hu += cover * (self._parenchyma(lung, haze, patches, z_mm) - hu)
        outside = 1 - self._step(body)
        hu += outside * (AIR_HU - hu)
        return hu, cover

    def _step(self, distance: Floats) -> Floats:
        """0 outside, 1 inside, a soft edge as wide as the scanner's blur between."""
        t = np.clip(distance / (np.float32(3.4) * self._blur) + np.float32(0.5), 0, 1)
        step: Floats = t * t * (3 - 2 * t)
        return step

    def _organs(self, hu: Floats, cavity: Floats, haze: Floats, patches: Floats, z_mm: float) -> Floats:
        chest, tissue = self._chest, self._tissue
        belly, blood = self._reader.read(chest.belly, z_mm), self._reader.read(chest.blood, z_mm)
        inner = tissue.fat + 20 + (tissue.muscle - tissue.fat) * self._step((haze + 0.25) * 6) * 0.8
        hu = hu + self._step(cavity) * (inner - hu)
        bowel = np.where(patches > 0.2, tissue.liver - 15, tissue.fat)
        solid = self._step(25 + 12 * patches - self._x + 0 * self._y)
        hu += self._step(belly) * (bowel + (tissue.liver - bowel) * solid - hu)
        hu += self._step(blood) * (tissue.blood + 6 * haze - hu)
        return hu

    def _parenchyma(self, lung: Floats, haze: Floats, patches: Floats, z_mm: float) -> Floats:
        tissue = self._tissue
        values = tissue.lung + tissue.gradient * (self._y / np.float32(self._chest.build.half_depth))
        values = values + tissue.mottle * (0.7 * haze + 0.7 * patches)
        if tissue.dependent:
            values += tissue.dependent * self._backness**2 * np.exp(-np.clip(lung, 0, None) / 5)
        if tissue.holes:
            values -= tissue.holes * np.clip(haze - 0.6, 0, 1)
        for distance in self._fissures(patches, z_mm):
            values += tissue.fissure * np.exp(-np.square(distance) / (2 * self._blur**2))
        return np.maximum(values, -990)

    def _fissures(self, patches: Floats, z_mm: float) -> tuple[Floats, Floats]:
        """Distances to the oblique fissures of both lungs and to the horizontal one of the right."""
        shift = np.where(self._x < 0, np.float32(4), np.float32(-6)) + 5 * patches
        oblique = (self._y - shift - 0.85 * np.float32(z_mm)) * 0.76
        horizontal = np.float32(z_mm) - 2 - 5 * patches + 0.08 * (self._x + 70)
        away = np.where((self._x < 0) & (oblique < 0), np.float32(0), np.float32(99))
        return oblique, horizontal + away

    def _bones(self, hu: Floats, cavity: Floats, body: Floats, haze: Floats, z_mm: float) -> None:
        shell = (cavity < -1) & (cavity > -28) & (body > 4)
        rows, columns = np.nonzero(shell)
        out = -cavity[rows, columns]
        y, x = self._y[rows, 0], self._x[0, columns]
        height = np.mod(z_mm + self._rib_drop[rows, 0] + self._tissue.rib_phase_mm, 27) - 13.5
        rib = 1 - np.sqrt((height / 5.8) ** 2 + ((out - 6) / 3.6) ** 2)
        rib = np.where((np.abs(x) < 18) & (y < 0), -1, rib) * 3.6
        breast = np.minimum(np.minimum(15 - np.abs(x - 2), 5.5 - np.abs(out - 7.5)), min(z_mm + 35, 85 - z_mm))
        blade = np.minimum(2.4 - np.abs(out - 19), 30 - np.abs(self._angle[rows, columns] - 0.75) * 75)
        bone = np.maximum(np.maximum(rib, np.where(y < 0, breast, -9)), np.minimum(blade, z_mm - 5))
        self._paint_bone(hu, rows, columns, bone, haze)
        near = np.nonzero((np.abs(self._x) < 42) & (np.abs(self._y - self._chest.build.spine_y - 18) < 50))
        self._paint_bone(hu, near[0], near[1], np.minimum(self._spine(near, z_mm), body[near] - 8), haze)

    def _spine(self, near: tuple[NDArray[np.intp], ...], z_mm: float) -> Floats:
        """Distance into the bone of the spine; discs and canal are gaps."""
        x, y = self._x[0, near[1]], self._y[near[0], 0] - np.float32(self._chest.build.spine_y)
        level = abs(((z_mm + self._tissue.rib_phase_mm) / 25) % 1 - 0.5) * 25
        body = np.minimum(16 - np.sqrt(x**2 + (1.12 * y) ** 2), 9.5 - level)
        around = np.sqrt(x**2 + (y - 22) ** 2)
        arch = np.minimum(4 - np.abs(around - 11), 9 - level)
        tail = np.minimum(np.minimum(3.5 - np.abs(x), 15 - np.abs(y - 44)), 6 - level)
        wing = np.minimum(np.minimum(28 - np.abs(x), 4.5 - np.abs(y - 22 - 0.2 * np.abs(x))), 5 - level)
        wing = np.where(around < 8, -9, wing)
        bone: Floats = np.maximum(np.maximum(body, arch), np.maximum(tail, wing))
        return bone

    def _paint_bone(
        self, hu: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp], depth: Floats, haze: Floats
    ) -> None:
        tissue = self._tissue
        chosen = depth > -1.5
        rows, columns, depth = rows[chosen], columns[chosen], depth[chosen]
        marrow = tissue.marrow + 40 * haze[rows, columns]
        target = tissue.cortex + (marrow - tissue.cortex) * self._step(depth - 2.0)
        old = hu[rows, columns]
        hu[rows, columns] = old + self._step(depth) * (target - old)
