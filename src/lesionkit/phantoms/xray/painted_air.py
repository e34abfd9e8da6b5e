"""A pneumothorax painted on a picture: a band of air from the chest wall into the lung, without vessels, and a line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.phantoms.xray.picture import Floats, LungPicture

AirKind: TypeAlias = Literal["sliver", "apical", "lateral", "basal", "large"]
AIR_KINDS: tuple[AirKind, ...] = get_args(AirKind)

_Range: TypeAlias = tuple[float, float]
# How far the lung is drawn in, at which height most, and how far that reaches up and down.
_SHAPES: Mapping[AirKind, tuple[_Range, _Range, _Range]] = {
    "sliver": ((0.03, 0.075), (0.0, 0.25), (0.3, 0.6)),
    "apical": ((0.09, 0.4), (0.0, 0.05), (0.2, 0.45)),
    "lateral": ((0.07, 0.3), (0.3, 0.65), (0.2, 0.4)),
    "basal": ((0.12, 0.45), (0.9, 1.0), (0.15, 0.35)),
    "large": ((0.35, 1.1), (0.1, 0.4), (0.7, 1.3)),
}


@dataclass(frozen=True)
class PaintedAir:
    """Where air opens, how far, and how it looks.

    Attributes:
        sign: of the lung, see `LungPicture`.
        gap: of a lung's reach from its root, how far its surface is drawn in.
        focus, spread: height of the widest gap and how far it reaches, 0 the top and 1 the bottom of the lung.
        wave, phase: how uneven the gap is.
        dark: how much darker air is than lung, as a share of the contrast between lung and wall.
        veil: share of vessels that goes on showing in the air, from what lies before and behind it.
        line: brightness of the pleura as a share of the same contrast; line_width: its deviation, for a side of 256.
        denser: how much brighter the lung that is left becomes where it is drawn in by its whole size.
        level: height above which there is air and below which fluid, of 0..1; 1 for no fluid.
    """

    kind: AirKind
    sign: int
    gap: float
    focus: float
    spread: float
    wave: float
    phase: float
    dark: float
    veil: float
    line: float
    line_width: float
    denser: float
    level: float

    @classmethod
    def draw(cls, rng: Generator, kind: AirKind, sign: int) -> "PaintedAir":
        """By chance: narrow gaps are more frequent than wide ones, faint lines as frequent as bright ones."""
        gaps, heights, reaches = _SHAPES[kind]
        low, high = np.log(gaps)
        fluid = kind in ("basal", "large") and rng.random() < 0.2
        return cls(
            kind=kind,
            sign=sign,
            gap=float(np.exp(rng.uniform(low, high))),
            focus=float(rng.uniform(*heights)),
            spread=float(rng.uniform(*reaches)),
            wave=float(rng.uniform(0, 0.35)),
            phase=float(rng.uniform(0, 2 * np.pi)),
            dark=float(rng.uniform(0.1, 0.45)),
            veil=float(rng.uniform(0, 0.35)),
            line=float(np.exp(rng.uniform(np.log(0.1), np.log(0.6)))),
            line_width=float(rng.uniform(0.4, 0.85)),
            denser=float(rng.uniform(0.1, 0.6)),
            level=float(rng.uniform(0.6, 0.95)) if fluid else 1.0,
        )


def paint_air(
    rng: Generator, image: Floats, lung: LungPicture, contrast: float, what: PaintedAir
) -> tuple[Floats, NDArray[np.bool_]]:
    """The picture with the pneumothorax and its true mask: the air, (row, column). Outside the lung nothing changes.

    Args:
        image: grey values 0..1, dense tissue bright.
        contrast: between lung and wall.
    """
    size = len(image)
    pull = _pull(lung, what)
    y, x = np.indices(image.shape, dtype=np.float32)
    source = np.stack([y + pull * (y - lung.root[0]), x + pull * (x - lung.root[1])])
    left = ndimage.map_coordinates(lung.depth, source, order=1, mode="nearest") / (1 + pull)
    cavity = np.clip(lung.depth + 0.5, 0, 1)
    air = cavity * np.clip(0.5 - left, 0, 1)
    # What is thinner than a rib: vessels, and the skins of ribs.
    radius = max(round(0.0115 * size), 1)
    opened = ndimage.grey_opening(image, footprint=_disc(radius))
    opened = ndimage.gaussian_filter(opened, 0.4 * radius)
    fine = image - opened
    moved = ndimage.map_coordinates(fine, source, order=1, mode="nearest")
    drawn_in = np.clip(pull, 0, 0.6)
    denser = contrast * what.denser * np.clip(pull, 0, 1)
    remnant = opened + (1 - drawn_in) * fine + drawn_in * moved * (1 + pull) ** 0.5 + denser
    # Close to the wall the rays pass less air.
    thick = np.clip((lung.depth + 1) / (0.02 * size), 0, 1) ** 0.5
    empty = opened + what.veil * fine - contrast * what.dark * thick
    apart = np.clip((lung.depth - left - 1) / 2, 0, 1)
    seen = _line(left, what.line_width * size / 256) * apart * _patchy(rng, image.shape)
    painted = image + cavity * (remnant - image) + air * (empty - remnant) + cavity * contrast * what.line * seen
    truth = (air >= 0.5) & lung.inside
    if what.level < 1:
        truth &= _fill(painted, lung, air, contrast, what)
    return np.clip(painted, 0, 1).astype(np.float32), np.asarray(truth)


def _pull(lung: LungPicture, what: PaintedAir) -> Floats:
    """How far beyond each place the lung that comes to it lay, as a share of its distance to the root."""
    near = np.exp(-np.square((lung.height - what.focus) / what.spread))
    side = {
        "sliver": lung.outward**0.5,
        "apical": lung.outward**0.4,
        "lateral": lung.outward,
        "basal": lung.outward**1.5,
        "large": 0.1 + 0.9 * lung.outward**0.7,
    }[what.kind]
    turns = np.sin(3 * np.pi * lung.height + what.phase) * np.sin(2 * np.pi * lung.outward + 2 * what.phase)
    return np.asarray(what.gap * near * side * (1 + what.wave * turns), dtype=np.float32)


def _line(depth: Floats, width: float) -> Floats:
    """A soft line just inside the surface of what is left of the lung."""
    line: Floats = np.exp(-0.5 * np.square((depth - width) / width)).astype(np.float32)
    return line


def _patchy(rng: Generator, shape: tuple[int, ...]) -> Floats:
    """Between 0.3 and 1, in patches: a pleura is not seen along its whole course."""
    coarse = rng.random((9, 9))
    smooth = ndimage.zoom(coarse, [n / 9 for n in shape], order=1, grid_mode=True, mode="nearest")
    return np.asarray(np.clip(0.1 + 1.3 * smooth, 0.3, 1), dtype=np.float32)


def _fill(painted: Floats, lung: LungPicture, air: Floats, contrast: float, what: PaintedAir) -> NDArray[np.bool_]:
    """Fluid at the bottom of the air, with a level, added in place; returns what is above it."""
    below = np.clip((lung.height - what.level) * len(painted) / 4 + 0.5, 0, 1)
    painted += air * below * (what.dark + 0.5) * contrast
    return np.asarray(below < 0.5)


def _disc(radius: int) -> NDArray[np.bool_]:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(y * y + x * x <= (radius + 0.3) ** 2)
