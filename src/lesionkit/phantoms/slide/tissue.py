"""Which tissue lies where on a slide, on a raster of about 2 µm."""

import numpy as np
from numpy.typing import NDArray

from lesionkit.phantoms.slide.kind import FAR_UM, Kind, TissueMap, node_depth
from lesionkit.phantoms.slide.lesion import Metastasis
from lesionkit.phantoms.slide.noise import Dice, Floats, Points, Raster, cell_distances, noise, scatter
from lesionkit.phantoms.slide.plan import SlidePlan

_SOLID_UM = 8.0
"""Farther from white space nothing depends on it; a steeper field could not be enlarged without ringing."""


def map_tissue(plan: SlidePlan, raster: Raster) -> TissueMap:
    """The tissue of every sample of a raster."""
    depth = node_depth(plan, raster)
    tumour, growth = _tumour_depth(plan.lesions, raster)
    depth = np.maximum(depth, np.minimum(tumour, 60) + 70)
    nothing = TissueMap(raster, np.zeros(raster.shape, np.uint8), depth, depth, tumour)
    if depth.max() < -1200:
        return nothing
    painter = _Painter(plan, raster, depth)
    painter.coat()
    if depth.max() > 0:
        painter.parenchyma()
        painter.follicles()
        painter.granulomas()
        painter.stroma()
        for lesion, (window, inside) in growth:
            painter.metastasis(lesion, window, inside)
        painter.capsule()
        painter.vessels()
    painter.cracks()
    solid = np.clip(painter.solid, -_SOLID_UM, _SOLID_UM)
    return TissueMap(raster, painter.kind, solid, painter.flow(), tumour)


Found = list[tuple[Metastasis, tuple[tuple[slice, slice], Floats]]]


def _tumour_depth(lesions: tuple[Metastasis, ...], raster: Raster) -> tuple[Floats, Found]:
    depth = np.full(raster.shape, FAR_UM, np.float32)
    found = []
    for lesion in lesions:
        part = lesion.depth(raster, 150)
        if part is not None:
            window, inside = part
            depth[window] = np.maximum(depth[window], inside)
            found.append((lesion, (window, inside)))
    return depth, found


class _Painter:
    """Lays one tissue over the other; the order of its methods is the order of the layers."""

    def __init__(self, plan: SlidePlan, raster: Raster, depth: Floats) -> None:
        self.plan, self.raster, self.depth, self.traits = plan, raster, depth, plan.traits
        self.kind = np.zeros(raster.shape, np.uint8)
        self.solid = np.full(raster.shape, FAR_UM, np.float32)
        self._ragged = self.noise("ragged", 34)

    def noise(self, name: str, wavelength_um: float) -> Floats:
        return noise(Dice.of(self.plan.seed, name), self.raster, wavelength_um)

    def _put(self, kind: Kind, where: NDArray[np.bool_], box: tuple[slice, slice] = (slice(None), slice(None))) -> None:
        self.kind[box][where] = kind

    def coat(self) -> None:
        """Fat around the node, with septa, and the node itself as plain lymphoid tissue."""
        coat = self.noise("coat", 2300) + 0.22 * self.noise("coat bend", 500)
        thickness = np.clip(900 * (coat + 1.5 * self.traits.fat - 0.7), 0, 700)
        outer = self.depth + thickness + 4 * self._ragged
        self.solid = outer.astype(np.float32)
        inside = self.depth > 0
        fat = (outer > 0) & ~inside
        self._put(Kind.LYMPH, inside)
        self._put(Kind.FAT, fat)
        lost = self.noise("fatty node", 1300) + 0.25 * self.noise("fatty border", 260)
        self._put(Kind.FAT, inside & (self.depth > 250) & (lost > 1.15 - 0.75 * self.traits.fat))
        if (self.kind == Kind.FAT).any():
            self._fat_cells()
            septa = self._ridge(self.noise("septa", 420)) < 4 + 2.5 * self._ragged
            self._put(Kind.STROMA, septa & (self.kind == Kind.FAT))

    def _fat_cells(self) -> None:
        first, second = cell_distances(Dice.of(self.plan.seed, "fat"), self.raster, 60, 0.95)
        wall = 1.7 + 0.9 * self.noise("membrane", 90) - (second - first) / 2
        fat = self.kind == Kind.FAT
        self.solid = np.where(fat, np.minimum(self.solid, wall), self.solid).astype(np.float32)

    def parenchyma(self) -> None:
        """Fields of blasts, sinuses under the capsule and in the medulla, fields that histiocytes have taken over."""
        wide = self.noise("sinus", 240) + 0.35 * self.noise("sinus bend", 95)
        medulla = self.depth + 350 * self.noise("medulla", 900)
        channels = (np.abs(wide) < 0.05 + 0.16 * self.traits.sinuses) & (medulla > 650)
        under = (self.depth - 52 - 14 * wide) < 14 * self.traits.sinuses + 22 * self.noise("under", 500)
        field = self.noise("histiocytosis", 1500) + 0.3 * self.noise("histiocyte border", 180) + 0.12 * self._ragged
        taken = field > 1.25 - 1.9 * self.traits.histiocytosis
        blasts = self.noise("blasts", 1100) + 0.3 * self.noise("blast border", 170) + 0.12 * self._ragged
        self._put(
            Kind.GERMINAL, (blasts > 1.2 - 1.8 * self.traits.blasts) & (self.depth > 300) & (self.kind == Kind.LYMPH)
        )
        pale = (channels | under | (taken & (self.depth > 110))) & np.isin(self.kind, (Kind.LYMPH, Kind.GERMINAL))
        self._put(Kind.HISTIOCYTES, pale)
        open_sinus = pale & ~taken
        gaps = 8 * (0.45 - self.noise("gaps", 30))
        self.solid = np.where(open_sinus, np.minimum(self.solid, gaps), self.solid).astype(np.float32)

    def follicles(self) -> None:
        """Round nests of lymphocytes, denser at their rim, with a pale germinal centre."""
        dice = Dice.of(self.plan.seed, "follicle")
        for y, x, roll in self._blobs(dice, 600, 420):
            deep = self._depth_at(y, x)
            chance = self.traits.follicles * (1.0 if deep < 1000 else 0.25)
            if roll[0] > chance or deep < 120:
                continue
            radius = 120 + 210 * roll[1] ** 1.5
            box, inside = self._blob(y, x, radius, roll[2:4], 0.16)
            soil = (self.kind[box] == Kind.LYMPH) | (self.kind[box] == Kind.HISTIOCYTES)
            self._put(Kind.MANTLE, soil & (inside > 0), box)
            if roll[4] < self.traits.germinal:
                mantle = radius * (0.2 + 0.22 * roll[5])
                self._put(Kind.GERMINAL, soil & (inside + 9 * self._ragged[box] > mantle), box)

    def granulomas(self) -> None:
        """Clusters of epithelioid histiocytes, as large as micrometastases."""
        dice = Dice.of(self.plan.seed, "granuloma")
        for y, x, roll in self._blobs(dice, 430, 260):
            if roll[0] > self.traits.granulomas:
                continue
            box, inside = self._blob(y, x, 25 + 190 * roll[1] ** 3, roll[2:4], 0.3)
            pale = inside + 11 * self._ragged[box] > 0
            self._put(Kind.HISTIOCYTES, pale & (self.kind[box] == Kind.LYMPH), box)

    def stroma(self) -> None:
        """Trabeculae that go in from the capsule, and hyaline scars."""
        trabeculae = self._ridge(self.noise("trabeculae", 1250) + 0.2 * self.noise("trabecula bend", 210))
        thin = trabeculae < 8 * self.noise("trabecula width", 600) + 4 * self._ragged
        scar = self.noise("scar", 1150) + 0.3 * self.noise("scar border", 190) + 0.1 * self._ragged
        hard = scar > 1.3 - 0.9 * self.traits.sclerosis
        self._put(Kind.STROMA, (thin | hard) & np.isin(self.kind, (Kind.LYMPH, Kind.HISTIOCYTES)))

    def capsule(self) -> None:
        """A band of collagen around the node."""
        thickness = 26 + 16 * self.noise("capsule", 420) + 3 * self._ragged
        band = (self.depth > -8) & (self.depth < thickness)
        self._put(Kind.STROMA, band)
        self.solid = np.where(band, np.maximum(self.solid, self.depth + 6), self.solid).astype(np.float32)

    def metastasis(self, lesion: Metastasis, window: tuple[slice, slice], inside: Floats) -> None:
        """Tumour inside the outline only; beneath its border are cells that have not reached it yet."""
        lobes = self.noise("tumour border", 130)[window] if lesion.extent_mm > 0.6 else 0
        fringe = inside - 6 * np.maximum(0.35, 1 + self._ragged[window]) - np.maximum(0, 16 * lobes)
        tumour = fringe > 0
        if not tumour.any():
            return
        part = Raster(
            (self.raster.start[0] + window[0].start, self.raster.start[1] + window[1].start),
            (inside.shape[0], inside.shape[1]),
            self.raster.step_um,
        )
        self.solid[window][inside > 0] = np.maximum(self.solid[window][inside > 0], inside[inside > 0])
        if lesion.growth == "scattered":
            self._put(Kind.SCATTERED, tumour, window)
            return
        self._put(Kind.TUMOUR, tumour, window)
        seed, large = self.plan.seed, lesion.extent_mm > 0.6
        if lesion.growth == "nests":
            first, second = cell_distances(Dice.of(seed, "nests"), part, 105)
            gap = (second - first) < 13 + 9 * self._ragged[window]
            self._put(Kind.STROMA if large else Kind.LYMPH, tumour & gap, window)
        elif lesion.growth == "glands":
            first, second = cell_distances(Dice.of(seed, "glands"), part, 88, 0.9)
            gap = (second - first) < 12 + 9 * self._ragged[window]
            self._put(Kind.STROMA if large else Kind.LYMPH, tumour & gap, window)
            closed = 12 * np.maximum(0, noise(Dice.of(seed, "closed glands"), part, 260))
            lumen = 23 + closed + 4 * self._ragged[window] - (second - first) / 2
            solid = self.solid[window]
            solid[tumour] = np.minimum(solid[tumour], lumen[tumour])
        septa = self._ridge(noise(Dice.of(seed, "tumour septa"), part, 330)) < 5 + 4 * self._ragged[window]
        self._put(Kind.STROMA, tumour & septa & large, window)

    def vessels(self) -> None:
        """Vessels with a wall, empty or full of red cells; and venules with plump cells around a slit."""
        for y, x, roll in self._blobs(Dice.of(self.plan.seed, "vessel"), 390, 90):
            radius = 9 + 55 * roll[0] ** 4
            if roll[1] < 0.6 and self._depth_at(y, x) > -200:
                self._vessel(y, x, radius, roll[2:])
        for y, x, roll in self._blobs(Dice.of(self.plan.seed, "venule"), 120, 24):
            if roll[0] < self.traits.venules:
                box, inside = self._blob(y, x, 9 + 9 * roll[1], roll[2:4], 0.1)
                soil = np.isin(self.kind[box], (Kind.LYMPH, Kind.HISTIOCYTES))
                self._put(Kind.HISTIOCYTES, soil & (inside > 0), box)
                slit = (8 + 6 * roll[4]) - inside
                solid = self.solid[box]
                solid[soil] = np.minimum(solid[soil], slit[soil])

    def _vessel(self, y: float, x: float, radius: float, roll: list[float]) -> None:
        box, inside = self._blob(y, x, radius, roll[:2], 0.05)
        wall = 3 + (0.08 + 0.3 * roll[2]) * radius
        inhabited = self.kind[box] != Kind.GLASS
        self._put(Kind.STROMA, (inside > 0) & inhabited, box)
        lumen = (inside > wall) & inhabited
        if roll[3] < 0.55:
            self._put(Kind.BLOOD, lumen, box)
        solid = self.solid[box]
        near = (inside > 0) & inhabited
        empty = wall - inside
        if roll[3] < 0.55:
            # Blood has shrunk from the wall on one side.
            gap = np.float32(0.5 * roll[4] - 0.1) * (self.raster.open[1][:, box[1]] - x)
            empty = np.maximum(empty, inside - wall - gap)
        solid[near] = np.minimum(np.maximum(solid[near], 4), empty[near])

    def cracks(self) -> None:
        """Clefts from shrinking, mostly along the capsule and through loose places."""
        ridge = self._ridge(self.noise("cracks", 520) + 0.3 * self.noise("crack bend", 90))
        width = 5 * self.traits.cracks * self.noise("cracked", 900) - 1
        self.solid = np.minimum(self.solid, ridge - width)

    def flow(self) -> Floats:
        """Fibres follow the capsule near it and wander elsewhere."""
        flow = self.depth + 60 * self.noise("flow", 420) + 9 * self.noise("flow bend", 85)
        wavy: Floats = (flow + 2.2 * self.noise("wave", 30)).astype(np.float32)
        return wavy

    def _ridge(self, field: Floats) -> Floats:
        """Distance (µm) to where a field is 0."""
        down, across = np.gradient(field, self.raster.step_um)
        return np.asarray(np.abs(field) / np.maximum(np.hypot(down, across), 1e-4), dtype=np.float32)

    def _blobs(self, dice: Dice, pitch_um: float, reach_um: float) -> list[tuple[float, float, list[float]]]:
        """Places within reach of the raster, each with eight rolls of the dice."""
        top, left, bottom, right = self.raster.box_um
        box = (top - reach_um, left - reach_um, bottom + reach_um, right + reach_um)
        points: Points = scatter(dice, box, pitch_um, 0.7)
        rolls = np.stack([dice.roll(*points.cell, salt) for salt in range(3, 11)], axis=1)
        return [(y, x, roll) for y, x, roll in zip(points.y.tolist(), points.x.tolist(), rolls.tolist(), strict=True)]

    def _blob(
        self, y: float, x: float, radius_um: float, roll: list[float], uneven: float
    ) -> tuple[tuple[slice, slice], Floats]:
        """Depth (µm) inside an oval of uneven border; an empty box where it does not meet the raster."""
        box = self.raster.window(y, x, 1.5 * radius_um)
        if box is None:
            return (slice(0, 0), slice(0, 0)), np.zeros((0, 0), np.float32)
        py, px = self.raster.open
        dy, dx = py[box[0]] - y, px[:, box[1]] - x
        turn, stretch = roll[0] * np.pi, 1 + 0.35 * roll[1]
        along = (dx * np.cos(turn) + dy * np.sin(turn)) / stretch
        across = (dy * np.cos(turn) - dx * np.sin(turn)) * stretch
        angle = np.arctan2(across, along)
        border = 1 + uneven * (np.cos(2 * angle + 9 * roll[0]) + np.cos(3 * angle + 7 * roll[1])) / 2
        return box, (radius_um * border - np.hypot(along, across)).astype(np.float32)

    def _depth_at(self, y: float, x: float) -> float:
        # Asked of the place itself, not of the raster: the answer must not depend on the box that is read.
        step = self.raster.step_um
        here = Raster((round(y / step), round(x / step)), (1, 1), step)
        return float(node_depth(self.plan, here)[0, 0])
