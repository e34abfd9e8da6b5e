"""Radiographs projected from a chest CT, healthy or with a pneumothorax, and the true masks beside them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy import ndimage

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.core.settings import Settings
from lesionkit.phantoms.xray.beam import Beam
from lesionkit.phantoms.xray.bones import Frame, draw_bones
from lesionkit.phantoms.xray.collapse import Opened, Pneumothorax, lung_share, open_lung
from lesionkit.phantoms.xray.curve import Canvas
from lesionkit.phantoms.xray.devices import draw_devices
from lesionkit.phantoms.xray.film import Film, expose, mark
from lesionkit.phantoms.xray.lucency import add_lucencies
from lesionkit.phantoms.xray.shoulders import add_shoulders
from lesionkit.phantoms.xray.trunk import Floats, Trunk

_TRIES = 6


class XrayPhantomSettings(Settings):
    """Which radiographs are made."""

    size: int = Field(256, ge=64, le=2048)
    """Pixels per edge."""
    positive_share: float = Field(0.22, ge=0, le=1)
    """Share of radiographs with a pneumothorax; 0.22 as in SIIM-ACR (system 3, section 0.2)."""
    gap_mm: tuple[float, float] = (6.0, 80.0)
    """How far the lung is drawn in, of one that reaches 100 mm from its root: from slivers to collapse."""
    distractors: float = Field(1.0, ge=0)
    """Tubes, leads, folds of skin and lucent lung, as a multiple of the usual number."""
    bones: float = Field(1.0, ge=0)
    """Strength of the ribs and clavicles that are drawn beside those of the CT; 0.25 of it where the CT is real."""
    air_mm: float = Field(6.0, gt=0)
    """Air along the rays that makes a pixel outside the lung's remnant a part of the pneumothorax."""
    lung_mm: float = Field(15.0, gt=0)
    """Lung along the rays that makes a pixel a part of the lung mask."""
    least_area_mm2: float = Field(200.0, gt=0)
    """A smaller pneumothorax is not called one; another is drawn."""

    @model_validator(mode="after")
    def _can_be_made(self) -> "XrayPhantomSettings":
        if not 0 < self.gap_mm[0] <= self.gap_mm[1]:
            raise LesionkitError(f"gap_mm must be a smaller and a larger positive number, got {self.gap_mm}")
        return self


def make_xray(trunk: Trunk, seed: int, settings: XrayPhantomSettings | None = None) -> Case:
    """A radiograph of a trunk; the same trunk, seed and settings give the same pixels.

    Returns:
        a case with uint8 pixels (row, column), the patient's right on the left; one lesion per pneumothorax (none in a
        healthy chest); regions "lung" (both cavities, pneumothorax included) and "lesion" (its true mask); facts
        "view", "place", "gap_mm", "synthetic".
    """
    settings = settings or XrayPhantomSettings()
    rng = np.random.default_rng([30, seed])
    beam = Beam.draw(rng, trunk, settings.size)
    planes = trunk.planes.copy()
    add_lucencies(rng, planes, trunk, settings.distractors)
    is_positive = rng.random() < settings.positive_share
    shown = _draw_positive(rng, planes, trunk, beam, settings) if is_positive else _project(planes, trunk, beam, None)
    line = shown.line
    lung = shown.cavity > settings.lung_mm
    if not lung.any():
        raise LesionkitError(f"the view of {trunk.case_id} with seed {seed} shows no lung; check the lung mask")
    frame, canvas = Frame.of(lung, beam.pixel_mm), Canvas(settings.size, beam.pixel_mm)
    if not trunk.is_real:
        add_shoulders(rng, line, frame, beam.pixel_mm)
    draw_bones(rng, line, canvas, frame, settings.bones * (0.25 if trunk.is_real else 1.0))
    draw_devices(rng, line, canvas, frame, settings.distractors)
    picture = expose(rng, line, beam.pixel_mm, Film.draw(rng))
    mark(rng, picture, beam.pixel_mm)
    return _case(trunk, seed, settings, beam, (picture, lung, shown))


@dataclass(frozen=True, eq=False)
class _Shown:
    """Sums along the rays in mm, (row, column), and what was opened."""

    line: Floats
    cavity: Floats
    lesion: NDArray[np.bool_]
    what: Pneumothorax | None


def _draw_positive(rng: Generator, planes: Floats, trunk: Trunk, beam: Beam, settings: XrayPhantomSettings) -> _Shown:
    """Draw until the pneumothorax can be seen from here; wider each time."""
    for number in range(_TRIES):
        low, high = settings.gap_mm
        what = Pneumothorax.draw(rng, (min(high, low * 1.5**number), high))
        shown = _project(planes, trunk, beam, what, settings)
        if shown.lesion.sum() * beam.pixel_mm**2 >= settings.least_area_mm2:
            return shown
    raise LesionkitError(
        f"no pneumothorax of {settings.gap_mm} mm is visible on {trunk.case_id}; make gap_mm larger or "
        "least_area_mm2 smaller"
    )


def _project(
    planes: Floats,
    trunk: Trunk,
    beam: Beam,
    what: Pneumothorax | None,
    settings: XrayPhantomSettings | None = None,
) -> _Shown:
    opened: dict[str, Opened] = {}
    scene = planes
    if what is not None:
        scene = planes.copy()
        lung = next(lung for lung in trunk.lungs if lung.side == what.side)
        opened[lung.side] = open_lung(planes[lung.box], lung, trunk.spacing_mm, what)
        scene[lung.box] = opened[lung.side].planes
    cavity = np.zeros((beam.size, beam.size), np.float32)
    lesion = np.zeros((beam.size, beam.size), bool)
    for lung in trunk.lungs:
        start = tuple(s.start for s in lung.box)
        middle = tuple(c - s for c, s in zip(trunk.centre, start, strict=True))
        part = opened.get(lung.side)
        share = lung_share(lung.depth_mm, trunk.spacing_mm) if part is None else part.cavity
        depth = beam.project(share, trunk.spacing_mm, middle)
        cavity += depth
        if part is not None and settings is not None:
            remnant = beam.project(part.remnant, trunk.spacing_mm, middle)
            lesion |= _outside(depth, remnant, settings.air_mm)
    return _Shown(beam.project(scene, trunk.spacing_mm, trunk.centre, goes_on=True), cavity, lesion, what)


def _outside(cavity: Floats, remnant: Floats, air_mm: float) -> NDArray[np.bool_]:
    """Where rays pass air and miss the lung, without specks."""
    mask = (cavity - remnant > air_mm) & (remnant < 0.5 * air_mm)
    mask = ndimage.binary_opening(ndimage.binary_closing(mask) & (cavity > air_mm))
    labels, count = ndimage.label(mask)
    if count < 2:
        return np.asarray(mask)
    sizes = np.bincount(labels.ravel())[1:]
    return np.asarray(np.isin(labels, 1 + np.flatnonzero(sizes >= 0.1 * sizes.max())))


def _case(
    trunk: Trunk,
    seed: int,
    settings: XrayPhantomSettings,
    beam: Beam,
    made: tuple[NDArray[np.uint8], NDArray[np.bool_], _Shown],
) -> Case:
    picture, lung, shown = made
    grid = Grid.upright((settings.size, settings.size), (beam.pixel_mm, beam.pixel_mm))
    facts: dict[str, Any] = {
        "synthetic": True,
        "seed": seed,
        "modality": "DX",
        "body_part": "CHEST",
        "view": "PA" if beam.is_pa else "AP",
        "native_spacing_mm": list(grid.spacing_mm),
        "made_from": trunk.case_id,
        "warnings": [],
    }
    truth: tuple[Lesion, ...] = ()
    if shown.what is not None:
        facts |= {"place": shown.what.place, "side": shown.what.side, "gap_mm": round(shown.what.gap_mm, 1)}
        truth = (_lesion(shown.lesion, grid, shown.what),)
    return Case(
        case_id=f"xray-phantom-{seed:05d}",
        patient_id=trunk.patient_id,
        image=ArrayImage(grid, picture),
        truth=truth,
        regions={"lung": ArrayImage(grid, lung | shown.lesion), "lesion": ArrayImage(grid, shown.lesion)},
        facts=facts,
    )


def _lesion(mask: NDArray[np.bool_], grid: Grid, what: Pneumothorax) -> Lesion:
    """The disc of the mask's area at its centre."""
    centre = grid.index_to_world(np.argwhere(mask).mean(axis=0))
    diameter = 2 * float(np.sqrt(mask.sum() * grid.voxel_mm / np.pi))
    facts = {"place": what.place, "side": what.side, "area_mm2": round(float(mask.sum() * grid.voxel_mm), 1)}
    return Lesion(tuple(centre.tolist()), diameter, "pneumothorax", "pneumothorax-1", facts)
