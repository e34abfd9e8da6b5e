"""One lung nodule: what it is, how it is drawn by chance, and how it is put into a patch of any CT."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box, Grid
from lesionkit.core.lesion import Lesion
from lesionkit.core.settings import Settings
from lesionkit.phantoms.ct.shape import NoduleShape

Texture: TypeAlias = Literal["solid", "part-solid", "ground-glass"]
Margin: TypeAlias = Literal["smooth", "lobulated", "spiculated"]
Attachment: TypeAlias = Literal["isolated", "juxta-vascular", "juxta-pleural"]
TEXTURES: tuple[Texture, ...] = ("solid", "part-solid", "ground-glass")
MARGINS: tuple[Margin, ...] = ("smooth", "lobulated", "spiculated")
ATTACHMENTS: tuple[Attachment, ...] = ("isolated", "juxta-vascular", "juxta-pleural")

# Quantiles 0, 5 … 100 % of the 1183 diameters in LUNA16's annotations.csv.
LUNA16_DIAMETERS_MM = (
    *(3.25, 4.09, 4.39, 4.66, 4.89, 5.11, 5.31, 5.62, 5.89, 6.16, 6.43),
    *(6.86, 7.29, 7.92, 8.71, 9.67, 11.05, 12.81, 15.46, 18.86, 32.27),
)
_TISSUE_HU = 60.0


class NoduleSettings(Settings):
    """Which nodules are drawn, and how often."""

    diameter_range_mm: tuple[float, float] = (3.0, 30.0)
    """Diameters are LUNA16's, cut to this range."""
    large_share: float = Field(0.0, ge=0, le=1)
    """Share of nodules whose diameter is drawn evenly from 10 to 30 mm instead, for training on rare large ones."""
    texture_weights: tuple[float, float, float] = (0.70, 0.15, 0.15)
    """Solid, part-solid, ground glass."""
    attachment_weights: tuple[float, float, float] = (0.50, 0.25, 0.25)
    """Isolated, juxta-vascular, juxta-pleural."""
    calcified_share: float = Field(0.06, ge=0, le=1)
    """Share of solid nodules up to 10 mm that hold calcium."""
    smallest_glass_mm: float = Field(5.0, gt=0)
    """Part-solid and ground-glass nodules are at least this large: smaller ones are drowned by noise."""


@dataclass(frozen=True)
class Nodule:
    """A nodule somewhere in the world. The same values always give the same shape, on whatever grid it is drawn.

    Attributes:
        centre_mm: world position (x, y, z), LPS millimetres.
        diameter_mm: of the ball of the same volume; the ground-glass halo counts, spicules do not.
        seed: decides bumps, spicules and inner texture.
        core_hu: of the solid part.
        glass_hu: of the ground-glass part, where the lung around it is empty of vessels.
        core_share: diameter of the solid part of a part-solid nodule over `diameter_mm`.
        edge_mm: standard deviation of the blur of its edge (scanner and nature together).
    """

    centre_mm: tuple[float, float, float]
    diameter_mm: float
    texture: Texture = "solid"
    margin: Margin = "smooth"
    attachment: Attachment = "isolated"
    seed: int = 0
    core_hu: float = 30.0
    glass_hu: float = -600.0
    core_share: float = 0.5
    edge_mm: float = 0.7

    def __post_init__(self) -> None:
        if not self.diameter_mm > 0:
            raise LesionkitError(f"diameter_mm of a nodule must be positive, got {self.diameter_mm}")
        for name, value, known in (
            ("texture", self.texture, TEXTURES),
            ("margin", self.margin, MARGINS),
            ("attachment", self.attachment, ATTACHMENTS),
        ):
            if value not in known:
                raise LesionkitError(f"{name} of a nodule must be one of {', '.join(known)}, got '{value}'")

    @property
    def lesion(self) -> Lesion:
        """The truth that this nodule is."""
        facts = {"texture": self.texture, "margin": self.margin, "attachment": self.attachment}
        return Lesion(self.centre_mm, self.diameter_mm, facts=facts)


def draw_nodule(rng: Generator, settings: NoduleSettings | None = None) -> Nodule:
    """A nodule at (0, 0, 0) with LUNA16's size distribution; `dataclasses.replace` moves it.

    Spicules are drawn for nodules from 7 mm and mostly for large ones; calcium only for small solid ones. Small
    nodules are a little denser and sharper, so that they can be told from the end of a vessel; small ground glass is
    isolated, as nobody could see it beside brighter things.
    """
    settings = settings or NoduleSettings()
    texture = TEXTURES[rng.choice(3, p=_shares(settings.texture_weights))]
    attachment = ATTACHMENTS[rng.choice(3, p=_shares(settings.attachment_weights))]
    smallest = settings.smallest_glass_mm if texture != "solid" else 0.0
    diameter = _draw_diameter(rng, settings, smallest)
    if texture == "ground-glass" and diameter < 8:
        attachment = "isolated"
    spiculated = 0.0 if diameter < 7 or texture == "ground-glass" else min(0.5, 0.15 + 0.03 * (diameter - 7))
    margin = MARGINS[rng.choice(3, p=[0.55 * (1 - spiculated), 0.45 * (1 - spiculated), spiculated])]
    calcified = texture == "solid" and diameter <= 10 and rng.random() < settings.calcified_share
    edge = rng.uniform(0.8, 1.6) if texture == "ground-glass" else rng.uniform(0.5, 0.9)
    faintest = -720 + 10 * max(0.0, 14 - diameter)
    return Nodule(
        centre_mm=(0.0, 0.0, 0.0),
        diameter_mm=diameter,
        texture=texture,
        margin=margin,
        attachment=attachment,
        seed=int(rng.integers(2**31)),
        core_hu=float(rng.uniform(200, 600) if calcified else rng.uniform(-50 if diameter > 6 else 0, 80)),
        glass_hu=float(rng.uniform(faintest, -480)),
        core_share=float(rng.uniform(0.3, 0.7)),
        edge_mm=float(min(edge, diameter / 6)),
    )


def insert_nodule(
    hu: NDArray[np.float32],
    grid: Grid,
    nodule: Nodule,
    lung: NDArray[np.bool_] | None = None,
    slice_thickness_mm: float | None = None,
) -> NDArray[np.float32]:
    """Put a nodule into a patch, in place, and return the patch. Parts that lie outside the patch are left out.

    Tissue brighter than the nodule (vessels, wall, bone) stays; vessels stay visible through ground glass; the noise
    of the background is kept. Along axes whose cells are coarse the shape is averaged over the cell (partial volume).

    Args:
        hu: (z, y, x) Hounsfield values of `grid`, float32; written to.
        lung: (z, y, x) where the nodule may grow; it is cut flat where the lung ends. None: everywhere.
        slice_thickness_mm: thickness of a slice along axis 0 where it differs from the spacing.

    Raises:
        LesionkitError: the patch is not float32, or shapes differ.
    """
    _check_patch(hu, grid, lung)
    shape = NoduleShape.of(
        nodule.seed, nodule.diameter_mm / 2, nodule.margin, nodule.edge_mm, nodule.core_share, nodule.texture != "solid"
    )
    box = _box_around(grid, nodule.centre_mm, shape.reach_mm, slice_thickness_mm)
    if box is None:
        return hu
    local = grid.crop(box)
    whole, core = shape.cover(local, nodule.centre_mm, slice_thickness_mm)
    if lung is not None:
        gate = np.clip(2.0 * ndimage.gaussian_filter(lung[box].astype(np.float32), 0.7), 0, 1)
        whole, core = whole * gate, core * gate
    patch = hu[box]
    smooth = ndimage.gaussian_filter(patch, [1.0 if s < 2 else 0.3 for s in grid.spacing_mm])
    mottle = shape.mottle(local, nodule.centre_mm)
    if nodule.texture == "solid":
        patch[...] = _with_solid(patch, smooth, whole, nodule.core_hu + 15 * mottle)
        return hu
    haze = whole * (1 + 0.22 * mottle)
    smooth = _with_glass(smooth, smooth, haze, nodule.glass_hu)
    patch[...] = _with_glass(patch, smooth, haze, nodule.glass_hu)
    if nodule.texture == "part-solid":
        patch[...] = _with_solid(patch, smooth, core, nodule.core_hu + 15 * mottle)
    return hu


def _with_solid(
    patch: NDArray[np.float32],
    smooth: NDArray[np.float32],
    cover: NDArray[np.float32],
    core_hu: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Replace what is darker than the nodule, keep the noise: of the residual only what noise can explain."""
    residual = patch - smooth
    noise = 1.4826 * float(np.median(np.abs(residual)))
    grain = np.clip(residual, -2.5 * noise, 2.5 * noise)
    lift = cover * np.maximum(core_hu - smooth, 0.0)
    replaced = np.where(smooth < core_hu, cover, 0.0)
    blended: NDArray[np.float32] = smooth + lift + residual + replaced * (grain - residual)
    return blended


def _with_glass(
    patch: NDArray[np.float32], smooth: NDArray[np.float32], haze: NDArray[np.float32], glass_hu: float
) -> NDArray[np.float32]:
    """Fill a share of the air with tissue, so that vessels stay visible and brighter."""
    air = smooth[smooth < -600]
    level = float(np.clip(np.percentile(air, 40), -950, -700)) if air.size else -860.0
    share = haze * ((max(glass_hu, level + 80) - level) / (_TISSUE_HU - level))
    filled: NDArray[np.float32] = patch + share * np.maximum(_TISSUE_HU - patch, 0.0)
    return filled


def _box_around(
    grid: Grid, centre_mm: tuple[float, ...], reach_mm: float, slice_thickness_mm: float | None
) -> Box | None:
    centre = grid.world_to_index(centre_mm)
    reach = reach_mm / np.array(grid.spacing_mm) + 0.5
    reach[0] += (slice_thickness_mm or 0.0) / grid.spacing_mm[0] / 2
    start = np.maximum(np.floor(centre - reach), 0).astype(int)
    stop = np.minimum(np.ceil(centre + reach) + 1, grid.shape).astype(int)
    if (stop <= start).any():
        return None
    return tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))


def _draw_diameter(rng: Generator, settings: NoduleSettings, smallest: float) -> float:
    low, high = settings.diameter_range_mm
    low = max(low, smallest)
    if not 0 < low < high:
        raise LesionkitError(f"diameter_range_mm must hold a smaller and a larger positive length, got {(low, high)}")
    if rng.random() < settings.large_share:
        return float(rng.uniform(max(low, min(10.0, high)), high))
    levels = np.linspace(0, 1, len(LUNA16_DIAMETERS_MM))
    ends = np.interp([low, high], LUNA16_DIAMETERS_MM, levels)
    if ends[0] >= ends[1]:
        return float(rng.uniform(low, high))
    return float(np.interp(rng.uniform(*ends), levels, LUNA16_DIAMETERS_MM))


def _shares(weights: tuple[float, ...]) -> NDArray[np.float64]:
    shares = np.array(weights, dtype=float)
    if (shares < 0).any() or not shares.sum() > 0:
        raise LesionkitError(f"weights must be at least 0 and not all 0, got {weights}")
    normal: NDArray[np.float64] = shares / shares.sum()
    return normal


def _check_patch(hu: NDArray[np.float32], grid: Grid, lung: NDArray[np.bool_] | None) -> None:
    if hu.dtype != np.float32:
        raise LesionkitError(f"a patch to insert into must be float32 Hounsfield values, got {hu.dtype}")
    if hu.shape != grid.shape or (lung is not None and lung.shape != grid.shape):
        shapes = f"{hu.shape} and lung {lung.shape}" if lung is not None else f"{hu.shape}"
        raise LesionkitError(f"patch and lung mask must have the grid's shape {grid.shape}, got patch {shapes}")
