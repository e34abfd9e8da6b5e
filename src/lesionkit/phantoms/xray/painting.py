"""Pneumothoraces painted on real radiographs whose lungs are drawn: the chest is real, the air and its edge are not."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.phantoms.xray.bones import Frame, draw_clavicles
from lesionkit.phantoms.xray.curve import Canvas
from lesionkit.phantoms.xray.devices import draw_devices
from lesionkit.phantoms.xray.painted_air import AIR_KINDS, PaintedAir, paint_air
from lesionkit.phantoms.xray.picture import Floats, Framing, LungPicture, framed, lungs_of

_TRIES = 6
_WALL_MM = 100.0
"""So much water between the brightness of lung and of wall; what devices add is told in mm of water."""


class PaintSettings(Settings):
    """How radiographs are painted."""

    size: int = Field(256, ge=64, le=2048)
    """Pixels per edge."""
    positive_share: float = Field(0.5, ge=0, le=1)
    """Share of radiographs that get a pneumothorax, as a quota; the others are shown unpainted."""
    kinds: tuple[float, float, float, float, float] = (0.2, 0.28, 0.22, 0.12, 0.18)
    """How often: sliver, apical, lateral, basal, large."""
    distractors: float = Field(0.6, ge=0)
    """Folds of skin, tubes, leads, pacemakers, alike with and without a pneumothorax, as a multiple of the usual
    number."""
    dark_rims: float = Field(0.25, ge=0, le=1)
    """Share of radiographs whose lungs are darker towards the wall although nothing is there, vessels and all."""
    adults: float = Field(0.5, ge=0, le=1)
    """Share that is framed anew, as it was taken rather than stretched to a square, closer or wider, a little turned,
    with clavicles that lie otherwise."""
    least_area: float = Field(0.0015, gt=0, lt=1)
    """A pneumothorax that covers less of the picture is not called one; a wider one is drawn."""

    @model_validator(mode="after")
    def _can_be_drawn(self) -> "PaintSettings":
        if min(self.kinds) < 0 or not sum(self.kinds):
            raise LesionkitError(f"kinds must be shares from 0 with a sum above 0, got {self.kinds}")
        return self


@dataclass(frozen=True, eq=False)
class Painted:
    """A picture with its truth, samples (row, column) of equal shape.

    Attributes:
        lesion: the air that was painted; empty where none was. lungs: with the air.
        facts: "kind", "side", "gap" of what was painted, "framed" anew or not, "line", "dark".
    """

    picture: NDArray[np.uint8]
    lesion: NDArray[np.bool_]
    lungs: NDArray[np.bool_]
    facts: dict[str, Any]


def paint_radiograph(
    grey: Floats,
    lungs: NDArray[np.bool_],
    seed: int,
    is_positive: bool,
    settings: PaintSettings | None = None,
    aspect: float | None = None,
) -> Painted:
    """A radiograph with or without a painted pneumothorax; the same arguments give the same pixels.

    Args:
        grey: (row, column) in 0..1, dense tissue bright. lungs: its lung mask, of equal shape.
        aspect: width by height as it was taken, where the picture was stretched; None for that of the picture.

    Raises:
        LesionkitError: the mask has no lung or another shape.
    """
    settings = settings or PaintSettings()
    if grey.shape != lungs.shape:
        raise LesionkitError(f"a lung mask must have the radiograph's {grey.shape} pixels, got {lungs.shape}")
    lungs_of(lungs)
    rng = np.random.default_rng([31, seed])
    framing = Framing.draw(rng, aspect or grey.shape[1] / grey.shape[0]) if rng.random() < settings.adults else None
    picture, shown = framed(grey, lungs, settings.size, framing)
    parts = lungs_of(shown)
    contrast = _contrast(picture, shown)
    if rng.random() < settings.dark_rims:
        picture = _darker_rims(rng, picture, parts, contrast)
    lesion, facts = np.zeros_like(shown), {"framed": framing is not None, "kind": "", "side": ""}
    if is_positive:
        picture, lesion, what = _with_air(rng, picture, parts, contrast, settings)
        facts |= {"kind": what.kind, "side": "right" if what.sign < 0 else "left", "gap": round(what.gap, 3)}
        facts |= {"line": round(what.line, 3), "dark": round(what.dark, 3)}
    picture = _with_devices(rng, picture, shown, contrast, settings, framing is not None)
    return Painted(np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8), lesion, shown, facts)


def _contrast(picture: Floats, lungs: NDArray[np.bool_]) -> float:
    """Between the dark of the lungs and the wall around them."""
    near = ndimage.binary_dilation(lungs, iterations=max(len(picture) // 40, 1)) & ~lungs
    difference = float(np.quantile(picture[near], 0.6) - np.quantile(picture[lungs], 0.2))
    return float(np.clip(difference, 0.12, 0.6))


def _with_air(
    rng: Generator, picture: Floats, lungs: tuple[LungPicture, ...], contrast: float, settings: PaintSettings
) -> tuple[Floats, NDArray[np.bool_], PaintedAir]:
    kind = AIR_KINDS[rng.choice(len(AIR_KINDS), p=np.array(settings.kinds) / sum(settings.kinds))]
    lung = lungs[int(rng.integers(len(lungs)))]
    for number in range(_TRIES):
        what = PaintedAir.draw(rng, kind, lung.sign)
        what = PaintedAir(**{**vars(what), "gap": what.gap * 1.4**number})
        painted, lesion = paint_air(rng, picture, lung, contrast, what)
        if lesion.mean() >= settings.least_area:
            return painted, lesion, what
    raise LesionkitError("no pneumothorax is visible on this radiograph; make paint.least_area smaller")


def _darker_rims(rng: Generator, picture: Floats, lungs: tuple[LungPicture, ...], contrast: float) -> Floats:
    """Outer lung with more air, as emphysema and hard exposures show it: no edge, and vessels go on."""
    result = picture.copy()
    for lung in lungs:
        reach = rng.uniform(0.02, 0.07) * len(picture)
        strength = contrast * rng.uniform(0.05, 0.35) * (0.4 + 0.6 * lung.outward)
        result -= strength * np.exp(-np.clip(lung.depth, 0, None) / reach) * np.clip(lung.depth / 2, 0, 1)
    return result


def _with_devices(
    rng: Generator, picture: Floats, lungs: NDArray[np.bool_], contrast: float, settings: PaintSettings, adult: bool
) -> Floats:
    rows = np.flatnonzero(lungs.any(axis=1))
    pixel_mm = float(rng.uniform(200, 290)) / max(rows[-1] - rows[0], 1)
    frame, canvas = Frame.of(lungs, pixel_mm), Canvas(len(picture), pixel_mm)
    water = np.zeros_like(picture)
    draw_devices(rng, water, canvas, frame, settings.distractors)
    if adult and rng.random() < 0.4:
        draw_clavicles(rng, water, canvas, frame, float(rng.uniform(0.4, 1.0)))
    return np.asarray(picture + water * (contrast / _WALL_MM), dtype=np.float32)
