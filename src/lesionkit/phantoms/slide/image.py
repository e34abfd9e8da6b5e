"""A slide as a lazy image: tiles are painted when they are read."""

import math
from collections import OrderedDict
from dataclasses import replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box, Grid
from lesionkit.phantoms.slide import artefact
from lesionkit.phantoms.slide.cells import BankName, largest_radius, make_banks, paint, stamps
from lesionkit.phantoms.slide.kind import TissueMap
from lesionkit.phantoms.slide.noise import Floats, Raster
from lesionkit.phantoms.slide.plan import SlidePlan
from lesionkit.phantoms.slide.sprite import Bank
from lesionkit.phantoms.slide.stain import Planes, blurred, colours
from lesionkit.phantoms.slide.texture import Grain, Ground, paint_ground
from lesionkit.phantoms.slide.tissue import map_tissue

_STEP_UM = 2.0
_CACHED_BYTES = 48_000_000

RGB = NDArray[np.uint8]


class SlideImage:
    """An H&E slide that no tissue was cut for: (rows, columns, 3) uint8, painted tile by tile as it is read.

    What a pixel shows depends on the plan and its place alone, so a box reads the same whichever box it is part of. A
    few tiles are kept in memory; nothing else grows with the slide.
    """

    def __init__(self, plan: SlidePlan, spacing_um: float, tile_px: int = 1024) -> None:
        self.plan, self.spacing_um = plan, spacing_um
        shape = tuple(max(1, round(size / spacing_um)) for size in plan.size_um)
        # Positions count from the corner of the slide, where the first pixel begins.
        self.grid = Grid.upright(shape, (spacing_um / 1000,) * 2, (spacing_um / 2000,) * 2)
        self._factor = max(1, round(_STEP_UM / spacing_um))
        self._tile = self._factor * max(1, round(tile_px / self._factor))
        self._tiles: OrderedDict[tuple[int, int], RGB] = OrderedDict()

    def read(self, box: Box) -> RGB:
        """The pixels of a box (rows, columns) inside the grid."""
        if len(box) != 2 or any(not 0 <= b.start <= b.stop <= n for b, n in zip(box, self.grid.shape, strict=False)):
            raise LesionkitError(f"a box of a slide must lie within its {self.grid.shape} pixels, got {box}")
        top, left = (b.start for b in box)
        result = np.empty((*(b.stop - b.start for b in box), 3), np.uint8)
        side = self._tile
        rows, columns = (range(b.start // side, math.ceil(b.stop / side)) if b.stop > b.start else () for b in box)
        for row in rows:
            for column in columns:
                tile = self._tile_at(row, column)
                y, x = row * side, column * side
                a, b = max(top, y), min(box[0].stop, y + tile.shape[0])
                c, d = max(left, x), min(box[1].stop, x + tile.shape[1])
                result[a - top : b - top, c - left : d - left] = tile[a - y : b - y, c - x : d - x]
        return result

    def _tile_at(self, row: int, column: int) -> RGB:
        key = row, column
        if key in self._tiles:
            self._tiles.move_to_end(key)
            return self._tiles[key]
        tile = self._paint((row * self._tile, column * self._tile), (self._tile, self._tile))
        self._tiles[key] = tile
        while len(self._tiles) > 1 and sum(t.nbytes for t in self._tiles.values()) > _CACHED_BYTES:
            self._tiles.popitem(last=False)
        return tile

    @cached_property
    def _banks(self) -> dict[BankName, Bank]:
        return make_banks(self.plan, self.spacing_um)

    @cached_property
    def _grain(self) -> Grain:
        return Grain.draw(self.plan.seed, self.spacing_um)

    def _raster(self, start: tuple[int, int], shape: tuple[int, int]) -> Raster:
        """Of which the second sample is the corner of a box of pixels that starts at a multiple of the factor."""
        first = start[0] // self._factor - 1, start[1] // self._factor - 1
        size = math.ceil(shape[0] / self._factor) + 4, math.ceil(shape[1] / self._factor) + 4
        return Raster(first, size, self._factor * self.spacing_um)

    def _paint(self, corner: tuple[int, int], shape: tuple[int, int]) -> RGB:
        """The pixels of a box, painted with a halo as wide as blur and nuclei reach."""
        blurs = artefact.DEFOCUS_UM + (artefact.CRUSH_UM if self.plan.artefacts.crush else 0)
        reach = largest_radius(self._banks) + math.ceil(3 * blurs / self.spacing_um) + 2
        halo = self._factor * math.ceil(reach / self._factor)
        start = corner[0] - halo, corner[1] - halo
        size = shape[0] + 2 * halo, shape[1] + 2 * halo
        raster = self._raster(start, size)
        tissue = map_tissue(self.plan, raster)
        if tissue.kind.any():
            ground = paint_ground(self.plan, tissue, self._grain, (start, size), self._factor)
            planes = self._seen(self._stained(ground, self._nuclei(tissue, size), raster), raster)
        else:
            planes = Planes(np.zeros(size, np.float32), np.zeros(size, np.float32))
        # Ink and dust lie on the cover glass.
        fields = (artefact.pen(self.plan, raster), artefact.dust(self.plan, raster))
        ink, dust = (artefact.enlarged(field, self._factor, size) for field in fields)
        inner = slice(halo, halo + shape[0]), slice(halo, halo + shape[1])
        planes = replace(planes, ink=ink, dust=dust).each(lambda plane: plane[inner])
        noise = Grain.at(self._grain.sensor, corner, shape) * np.float32(self.plan.centre.noise)
        return colours(self.plan.centre, planes, self.plan.artefacts.ink, noise)

    def _nuclei(self, tissue: TissueMap, size: tuple[int, int]) -> tuple[Floats, Floats]:
        """What nuclei hold of haematoxylin, and red cells of their own colour."""
        nuclei, red = np.zeros(size, np.float32), np.zeros(size, np.float32)
        for stamp in stamps(self.plan, tissue, self.spacing_um):
            paint(red if stamp.bank == "red" else nuclei, self._banks[stamp.bank], stamp)
        return nuclei, red

    def _stained(self, ground: Ground, cells: tuple[Floats, Floats], raster: Raster) -> Planes:
        """Concentrations before the optics; tissue that lies twice is stained twice."""
        nuclei, red = cells
        eosin = np.asarray(ground.eosin * (1 - 0.6 * np.minimum(nuclei, 1)), dtype=np.float32)
        blood = None if ground.blood is None else np.maximum(ground.blood, red)
        planes = Planes(np.maximum(ground.haematoxylin, nuclei), eosin, blood)
        twice = artefact.enlarged(artefact.folds(self.plan, raster), self._factor, nuclei.shape)
        if twice is None:
            return planes
        return planes.each(lambda plane: plane * (1 + 0.8 * twice) + 0.15 * twice * ground.cover)

    def _seen(self, planes: Planes, raster: Raster) -> Planes:
        """The same through the optics: a little blur everywhere, much where it is out of focus or was crushed."""
        smeared = artefact.enlarged(artefact.crush(self.plan, raster), self._factor, planes.eosin.shape)
        if smeared is not None:
            planes = planes.each(partial(self._smeared, np.minimum(smeared, 1)))
        sharp = planes.each(lambda plane: blurred(plane, self.plan.centre.blur_um / self.spacing_um))
        amount = artefact.enlarged(artefact.defocus(self.plan, raster), self._factor, planes.eosin.shape)
        if amount is None:
            return sharp
        share, sigma = np.minimum(amount, 1), artefact.DEFOCUS_UM / self.spacing_um
        return sharp.each(lambda plane: plane + share * (blurred(plane, sigma) - plane))

    def _smeared(self, share: Floats, plane: Floats) -> Floats:
        """Crushed tissue: all of it drawn out along one direction, and denser."""
        sigma = artefact.CRUSH_UM / self.spacing_um
        drawn = gaussian_filter1d(plane, sigma, axis=self.plan.seed % 2, mode="nearest", truncate=3.0)
        return np.asarray(plane + share * (1.3 * drawn - plane), dtype=np.float32)
