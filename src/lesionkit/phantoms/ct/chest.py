"""A synthetic chest CT with known nodules, and nodules put into a real one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, model_validator

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.core.settings import Settings
from lesionkit.phantoms.ct.anatomy import Chest, draw_chest
from lesionkit.phantoms.ct.collapse import Side, collapse
from lesionkit.phantoms.ct.nodule import Nodule, NoduleSettings, draw_nodule, insert_nodule
from lesionkit.phantoms.ct.place import PlaceSettings, place_nodule
from lesionkit.phantoms.ct.scanner import Scanner, draw_scanner, noise_slices
from lesionkit.phantoms.ct.tissue import Tissue
from lesionkit.phantoms.ct.vessels import draw_lung_tubes
from lesionkit.phantoms.paint import View, paint_slices

Floats = NDArray[np.float32]


class CtPhantomSettings(Settings):
    """Which chest CTs are made."""

    size: Literal["full", "small"] = "full"
    """"small" is a chest of half the length per axis with coarse samples: for tests and demonstrations."""
    slice_thickness_mm: tuple[float, ...] = (0.6, 0.75, 1.0, 1.25, 1.25, 2.0, 2.5, 2.5, 3.0, 5.0)
    """One of these by chance."""
    in_plane_mm: tuple[float, float] = (0.6, 0.9)
    """Range of the sample spacing within a slice; a slice has at most 512 x 512 samples."""
    noise_hu: tuple[float, float] = (10.0, 60.0)
    """Range of the standard deviation of the noise in the middle of the body."""
    healthy_share: float = Field(0.25, ge=0, le=1)
    """Share of chests without a nodule."""
    nodule_count: tuple[int, int] = (1, 10)
    """Range of the number of nodules of the others; few are more frequent than many."""
    nodules: NoduleSettings = NoduleSettings()
    smallest_per_thickness: float = Field(0.8, ge=0)
    """A nodule is at least so many slice thicknesses large (ground glass 1.2 times that): nobody could see it else."""
    leaves_per_litre: float = Field(3500.0, gt=0)
    """Ends of vessels per litre of lung; 3500 leaves as much of the lung bright as in a real scan (3 to 4 percent)."""
    distractors: float = Field(1.0, ge=0)
    """How many calcified granulomas, scars and mucus plugs, as a multiple of the usual number."""
    flips: tuple[bool, bool, bool] = (False, False, False)
    """Array axes (z, y, x) that run against the world axes, as other scanners store them; the world stays the same."""
    place: PlaceSettings = PlaceSettings()
    small_lung: float | None = Field(None, gt=0, lt=1)
    """One lung, left or right by chance, is reduced to this share of its volume; null for two whole lungs."""

    @model_validator(mode="after")
    def _can_be_made(self) -> "CtPhantomSettings":
        low, high = self.nodule_count
        if not 1 <= low <= high:
            raise LesionkitError(f"nodule_count must be two rising numbers from 1, got {self.nodule_count}")
        if not self.slice_thickness_mm or min(self.slice_thickness_mm) <= 0:
            raise LesionkitError(
                f"slice_thickness_mm must be one or more positive lengths, got {self.slice_thickness_mm}"
            )
        for name, (least, most) in (("in_plane_mm", self.in_plane_mm), ("noise_hu", self.noise_hu)):
            if not 0 < least <= most:
                raise LesionkitError(f"{name} must be a smaller and a larger positive number, got {(least, most)}")
        smallest = self.smallest_per_thickness * max(self.slice_thickness_mm)
        if 1.2 * smallest >= self.nodules.diameter_range_mm[1]:
            raise LesionkitError(
                f"no nodule can be at least {smallest:g} mm large and within {self.nodules.diameter_range_mm}; "
                "make slice_thickness_mm or smallest_per_thickness smaller"
            )
        return self


def make_ct(seed: int, settings: CtPhantomSettings | None = None) -> Case:
    """A chest CT that no patient sat for; the same seed and settings give the same samples.

    Returns:
        a case with int16 Hounsfield values, its nodules as truth (none for a healthy chest), calcified granulomas
        below 3 mm as excluded (as LUNA16 excludes findings below 3 mm), the true lungs as region "lung" and facts
        "kernel", "slice_thickness_mm", "noise_hu", "synthetic", "small_lung" (its side, where one was made small).
    """
    settings = settings or CtPhantomSettings()
    rng = np.random.default_rng([20, seed])
    scale = 0.5 if settings.size == "small" else 1.0
    in_plane = settings.in_plane_mm if settings.size == "full" else (1.0, 1.2)
    thicknesses = settings.slice_thickness_mm if settings.size == "full" else (2.0,)
    scanner = draw_scanner(rng, thicknesses, in_plane, settings.noise_hu)
    chest, tissue = draw_chest(rng), Tissue.draw(rng)
    small: Side | None = None
    if settings.small_lung is not None:
        # Of a generator of its own: the chest and its scanner are as with two whole lungs.
        small = "left" if np.random.default_rng([24, seed]).random() < 0.5 else "right"
        chest = collapse(chest, small, settings.small_lung)
    tubes = draw_lung_tubes(rng, chest, scale * settings.leaves_per_litre, settings.distractors)
    view = _view(chest, scanner, scale)
    grid = view.grid
    hu, lung = paint_slices(chest, tissue, tubes, view)
    nodules = _put_nodules(rng, hu, lung, grid, scanner, settings)
    granulomas = _put_granulomas(rng, hu, lung, grid, scanner, nodules, settings)
    samples = _scanned(rng, hu, scanner)
    flipped = tuple(axis for axis, flip in enumerate(settings.flips) if flip)
    grid = _flipped(grid, settings.flips)
    facts: dict[str, Any] = {
        "synthetic": True,
        "seed": seed,
        "modality": "CT",
        "body_part": "CHEST",
        "kernel": scanner.kernel,
        "slice_thickness_mm": scanner.thickness_mm,
        "noise_hu": round(scanner.noise_hu, 1),
        "native_spacing_mm": list(grid.spacing_mm),
    }
    if small is not None:
        facts["small_lung"] = small
    return Case(
        case_id=f"ct-phantom-{seed:05d}",
        patient_id=f"phantom-{seed:05d}",
        image=ArrayImage(grid, np.ascontiguousarray(np.flip(samples, flipped))),
        truth=tuple(nodules),
        excluded=tuple(granulomas),
        regions={"lung": ArrayImage(grid, np.ascontiguousarray(np.flip(lung, flipped)))},
        facts=facts,
    )


def insert_nodules(
    case: Case,
    lung: NDArray[np.bool_],
    count: int,
    seed: int,
    settings: NoduleSettings | None = None,
    place: PlaceSettings | None = None,
) -> Case:
    """A real CT with nodules put into its lungs, in its own geometry.

    The new nodules are the truth of the result; what was known before is excluded, and no nodule comes near it.

    Args:
        lung: (z, y, x) mask on the grid of the case's image.
        count: how many nodules; fewer where the lungs have no room for them.

    Raises:
        LesionkitError: the mask does not fit or is empty.
    """
    grid = case.image.grid
    if lung.shape != grid.shape or not lung.any():
        raise LesionkitError(
            f"lung must be a non-empty mask of the image's shape {grid.shape}, got shape {lung.shape} "
            f"with {int(lung.sum())} samples; segment the lungs first"
        )
    rng = np.random.default_rng([21, seed])
    hu = case.image.read(grid.whole).astype(np.float32)
    known = (*(case.truth or ()), *case.excluded)
    thickness = case.facts.get("slice_thickness_mm")
    planted: list[Lesion] = []
    for _ in range(count):
        nodule = place_nodule(hu, lung, grid, draw_nodule(rng, settings), rng, [*known, *planted], place)
        if nodule is not None:
            insert_nodule(hu, grid, nodule, lung, float(thickness) if thickness else None)
            planted.append(replace(nodule.lesion, lesion_id=f"inserted-{len(planted) + 1}"))
    image = ArrayImage(grid, np.rint(np.clip(hu, -1024, 32767)).astype(np.int16))
    return replace(case, image=image, truth=tuple(planted), excluded=known)


def _view(chest: Chest, scanner: Scanner, scale: float) -> View:
    """A square matrix around the body from below the lungs to above them, upright."""
    build = chest.build
    width = 2 * (build.half_width + build.fat + 28) * scale
    side = int(min(512, 16 * np.ceil(width / scanner.in_plane_mm / 16)))
    low, high = (build.dome - 95) * scale, (build.apex + 14) * scale
    first = -(side - 1) / 2 * scanner.in_plane_mm
    spacing = (scanner.spacing_mm, scanner.in_plane_mm, scanner.in_plane_mm)
    count = int((high - low) / scanner.spacing_mm)
    return View(Grid.upright((count, side, side), spacing, (first, first, low)), scanner, scale)


def _put_nodules(
    rng: Generator, hu: Floats, lung: NDArray[np.bool_], grid: Grid, scanner: Scanner, settings: CtPhantomSettings
) -> list[Lesion]:
    if rng.random() < settings.healthy_share:
        return []
    low, high = settings.nodule_count
    count = low + int((high - low + 1) * rng.random() ** 1.7)
    smallest = settings.smallest_per_thickness * scanner.thickness_mm
    planted: list[Lesion] = []
    for _ in range(4 * count + 8):
        nodule = _visible_nodule(rng, settings.nodules, smallest)
        placed = place_nodule(hu, lung, grid, nodule, rng, planted, settings.place)
        if placed is not None:
            insert_nodule(hu, grid, placed, lung, scanner.thickness_mm)
            planted.append(replace(placed.lesion, lesion_id=f"nodule-{len(planted) + 1}"))
        if len(planted) == count:
            break
    return planted


def _visible_nodule(rng: Generator, settings: NoduleSettings, smallest_mm: float) -> Nodule:
    """Draw until the nodule is large enough to be seen in slices of this thickness."""
    while True:
        nodule = draw_nodule(rng, settings)
        if nodule.diameter_mm >= smallest_mm * (1.0 if nodule.texture == "solid" else 1.2):
            return nodule


def _put_granulomas(
    rng: Generator,
    hu: Floats,
    lung: NDArray[np.bool_],
    grid: Grid,
    scanner: Scanner,
    nodules: Sequence[Lesion],
    settings: CtPhantomSettings,
) -> list[Lesion]:
    placed: list[Lesion] = []
    for _ in range(int(rng.poisson(2.0 * settings.distractors))):
        drawn = Nodule(
            (0.0, 0.0, 0.0),
            float(rng.uniform(1.5, 2.9)),
            seed=int(rng.integers(2**31)),
            core_hu=float(rng.uniform(300, 900)),
            edge_mm=scanner.blur_mm,
        )
        nodule = place_nodule(hu, lung, grid, drawn, rng, [*nodules, *placed], settings.place)
        if nodule is not None:
            insert_nodule(hu, grid, nodule, lung, scanner.thickness_mm)
            facts = {"finding": "calcified granuloma", "diameter_mm": round(nodule.diameter_mm, 2)}
            # Without a diameter, as in LUNA16's table of excluded findings: then 10 mm around it count neither way.
            placed.append(replace(nodule.lesion, diameter_mm=0.0, facts=facts))
    return placed


def _scanned(rng: Generator, hu: Floats, scanner: Scanner) -> NDArray[np.int16]:
    samples = np.empty(hu.shape, np.int16)
    shape = (hu.shape[1], hu.shape[2])
    for number, noise in enumerate(noise_slices(rng, scanner, shape, len(hu))):
        samples[number] = np.rint(np.clip(hu[number] + noise, -1024, 3071))
    return samples


def _flipped(grid: Grid, flips: tuple[bool, bool, bool]) -> Grid:
    """The grid of the same samples when array axes are turned round."""
    first = grid.index_to_world([n - 1 if flip else 0 for n, flip in zip(grid.shape, flips, strict=True)])
    signs = np.where(flips, -1.0, 1.0)
    direction = tuple(tuple(float(v * s) for v, s in zip(row, signs, strict=True)) for row in grid.direction)
    return Grid(grid.shape, grid.spacing_mm, tuple(first.tolist()), direction)
