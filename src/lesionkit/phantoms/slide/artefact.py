"""What is on a slide beside tissue: folds, strokes of a pen, dust, areas out of focus, and crushed ones."""

import numpy as np
from numpy.typing import NDArray

from lesionkit.phantoms.slide.noise import Dice, Floats, Raster, enlarge, noise, scatter
from lesionkit.phantoms.slide.plan import Arc, SlidePlan

DEFOCUS_UM = 2.4
"""Standard deviation of the blur in the middle of an area out of focus."""
CRUSH_UM = 6.0
"""Of the smear of crushed nuclei, along one direction."""


def folds(plan: SlidePlan, raster: Raster) -> Floats | None:
    """How much tissue lies twice: 0 flat to 1 folded; None where nothing is."""
    return _bands(plan, raster, plan.artefacts.folds, "fold")


def pen(plan: SlidePlan, raster: Raster) -> Floats | None:
    """How much ink: 0 to 1; None where there is none."""
    ink = _bands(plan, raster, plan.artefacts.pen, "pen")
    if ink is None:
        return None
    streaks = 0.85 + 0.15 * noise(Dice.of(plan.seed, "streaks"), raster, 60)
    return np.asarray(ink * streaks, dtype=np.float32)


def dust(plan: SlidePlan, raster: Raster) -> Floats | None:
    """Grey density of specks; None where there is none."""
    field = None
    for y, x, roll in _places(plan, raster, "dust", 700, 60):
        if roll[0] < plan.artefacts.dust:
            radius = 4 + 26 * roll[1] ** 3
            window = raster.window(y, x, 2 * radius)
            if window is None:
                continue
            field = np.zeros(raster.shape, np.float32) if field is None else field
            py, px = raster.open
            turn = 6.3 * roll[2]
            dy, dx = py[window[0]] - y, px[:, window[1]] - x
            long = (dx * np.cos(turn) + dy * np.sin(turn)) / (1 + 2 * roll[3])
            away = np.hypot(long, dy * np.cos(turn) - dx * np.sin(turn)) / radius
            speck = (0.15 + 0.9 * roll[4] ** 2) * np.clip(1.6 * (1 - away * away), 0, 1)
            field[window] = np.maximum(field[window], speck)
    return field


def defocus(plan: SlidePlan, raster: Raster) -> Floats | None:
    """How far out of focus: 0 sharp to 1; None where all is sharp."""
    return _discs(plan, raster, "defocus", 1500, plan.artefacts.defocus, (180, 600))


def crush(plan: SlidePlan, raster: Raster) -> Floats | None:
    """How much nuclei are smeared: 0 not to 1; None where none is."""
    return _discs(plan, raster, "crush", 900, plan.artefacts.crush, (90, 330))


def _discs(
    plan: SlidePlan, raster: Raster, name: str, pitch_um: float, chance: float, radii_um: tuple[float, float]
) -> Floats | None:
    """Discs by chance that fade towards their border: 0 to 1; None where there is none."""
    field = None
    for y, x, roll in _places(plan, raster, name, pitch_um, radii_um[1] + 200):
        if roll[0] < chance:
            radius = radii_um[0] + (radii_um[1] - radii_um[0]) * roll[1]
            window = raster.window(y, x, radius)
            if window is None:
                continue
            field = np.zeros(raster.shape, np.float32) if field is None else field
            py, px = raster.open
            away = np.hypot(py[window[0]] - y, px[:, window[1]] - x) / radius
            field[window] = np.maximum(field[window], np.clip(2.5 * (1 - away), 0, 1))
    return field if field is not None and field.any() else None


def enlarged(field: Floats | None, factor: int, shape: tuple[int, int]) -> Floats | None:
    """A field on pixels, nowhere below 0; None stays None."""
    return None if field is None else np.maximum(enlarge(field, factor, shape), 0)


def _bands(plan: SlidePlan, raster: Raster, arcs: tuple[Arc, ...], name: str) -> Floats | None:
    near = [arc for arc in arcs if raster.window(*arc.middle_um, arc.reach_um) is not None]
    if not near:
        return None
    field = np.zeros(raster.shape, np.float32)
    for arc in near:
        wave = noise(Dice.of(plan.seed, name), raster, 5 * arc.width_um)
        np.maximum(field, _band(raster, arc, wave), out=field)
    return field if field.any() else None


def _band(raster: Raster, arc: Arc, wave: Floats) -> NDArray[np.float32]:
    y, x = raster.open
    dy, dx = y - arc.centre_um[0], x - arc.centre_um[1]
    radius = np.hypot(dy, dx)
    off = np.abs(radius - arc.radius_um + 0.4 * arc.width_um * wave)
    turn = np.mod(np.arctan2(dy, dx) - arc.angle - arc.span / 2 + np.pi, 2 * np.pi) - np.pi
    beyond = np.maximum(np.abs(turn) - arc.span / 2, 0) * arc.radius_um
    inside = arc.width_um / 2 * (1 + 0.25 * wave) - np.hypot(off, beyond)
    return np.clip(inside / 5 + 0.5, 0, 1).astype(np.float32)


def _places(
    plan: SlidePlan, raster: Raster, name: str, pitch_um: float, reach_um: float
) -> list[tuple[float, float, list[float]]]:
    dice = Dice.of(plan.seed, name)
    top, left, bottom, right = raster.box_um
    points = scatter(dice, (top - reach_um, left - reach_um, bottom + reach_um, right + reach_um), pitch_um, 0.9)
    rolls = np.stack([dice.roll(*points.cell, salt) for salt in range(3, 8)], axis=1)
    return [(y, x, roll) for y, x, roll in zip(points.y.tolist(), points.x.tolist(), rolls.tolist(), strict=True)]
