"""A pneumothorax: air between chest wall and lung, the lung pulled towards its root."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from lesionkit.phantoms.xray.trunk import Floats, Lung, Side

Place: TypeAlias = Literal["apical", "lateral", "basal", "whole"]
_PLACES: tuple[Place, ...] = get_args(Place)
_LUNG_ATTENUATION = 0.45
"""Pulled lung is at most so dense by being pulled: beyond, blood gives way as well."""


@dataclass(frozen=True)
class Pneumothorax:
    """Where air opens and how far.

    Attributes:
        gap_mm: of a lung that reaches 100 mm from its root, how far its surface is drawn in.
        focus: height of the widest gap, 0 the top and 1 the bottom of the lung. spread: how far it reaches from there.
        wave: how uneven the gap is, as a share of it. phase: of the unevenness.
        pleura_mm: thickness of the lung's skin, which shows as a line.
    """

    side: Side
    place: Place
    gap_mm: float
    focus: float
    spread: float
    wave: float
    phase: float
    pleura_mm: float

    @classmethod
    def draw(cls, rng: Generator, gap_mm: tuple[float, float]) -> "Pneumothorax":
        """A pneumothorax by chance: half are apical; narrow gaps are more frequent than wide ones."""
        place = _PLACES[rng.choice(4, p=[0.5, 0.22, 0.13, 0.15])]
        low, high = np.log(gap_mm)
        gap = float(np.exp(low + (high - low) * rng.random() ** 1.2))
        focus = {"apical": 0.0, "lateral": rng.uniform(0.3, 0.65), "basal": 1.0, "whole": 0.2}[place]
        spread = {"apical": (0.2, 0.5), "lateral": (0.18, 0.35), "basal": (0.15, 0.3), "whole": (0.5, 1.0)}[place]
        return cls(
            side="right" if rng.random() < 0.55 else "left",
            place=place,
            gap_mm=gap * (1.6 if place == "whole" else 1.0),
            focus=float(focus),
            spread=float(rng.uniform(*spread)),
            wave=float(rng.uniform(0, 0.35)),
            phase=float(rng.uniform(0, 2 * np.pi)),
            pleura_mm=float(rng.uniform(0.3, 0.9)),
        )


@dataclass(frozen=True, eq=False)
class Opened:
    """What became of one lung's box, (y, z, x).

    Attributes:
        planes: attenuation with the pneumothorax.
        cavity, remnant: shares of each sample that were lung before and are lung still.
    """

    planes: Floats
    cavity: Floats
    remnant: Floats


def open_lung(planes: Floats, lung: Lung, spacing_mm: tuple[float, float, float], what: Pneumothorax) -> Opened:
    """Open a pneumothorax in the box of one lung.

    The lung keeps its texture, which is drawn towards its root and becomes denser as it becomes smaller. What it
    leaves is air without any texture. Nothing outside the lung changes.

    Args:
        planes: (y, z, x) attenuation in the lung's box.
    """
    pull = _pull(lung, spacing_mm, what)
    axes: tuple[Any, ...] = np.indices(pull.shape, dtype=np.float32, sparse=True)
    source = np.stack([axis + pull * (axis - root) for axis, root in zip(axes, lung.root, strict=True)]).astype(
        np.float32
    )
    depth = ndimage.map_coordinates(lung.depth_mm, source, order=1, mode="constant", cval=float(lung.depth_mm.min()))
    cavity = lung_share(lung.depth_mm, spacing_mm)
    remnant = np.minimum(lung_share(depth, spacing_mm), cavity)
    texture = ndimage.map_coordinates(planes, source, order=1, mode="nearest")
    denser = np.minimum(texture * (1 + pull) ** 1.8, np.maximum(texture, _LUNG_ATTENUATION))
    apart = np.clip((lung.depth_mm - depth) / 2, 0, 1)
    skin = _skin(depth, spacing_mm, what.pleura_mm) * apart
    # Where wall and lung share a sample, the wall's part stays.
    inside = remnant * denser + skin
    result = planes + cavity * (inside - planes)
    return Opened(np.asarray(result, dtype=np.float32), cavity, remnant)


def lung_share(depth_mm: Floats, spacing_mm: tuple[float, float, float]) -> Floats:
    """Share of a sample inside the lung, from its signed depth."""
    width = np.float32(max(1.2, spacing_mm[2]))
    share: Floats = np.clip(depth_mm / width + np.float32(0.5), 0, 1).astype(np.float32)
    return share


def _skin(depth_mm: Floats, spacing_mm: tuple[float, float, float], thickness_mm: float) -> Floats:
    """Attenuation of a soft skin just inside the surface, blurred to the samples."""
    sigma = np.float32(max(0.7, 0.55 * spacing_mm[2]))
    height = np.float32(thickness_mm / (sigma * np.sqrt(2 * np.pi)))
    skin: Floats = (height * np.exp(-0.5 * np.square((depth_mm - sigma) / sigma))).astype(np.float32)
    return skin


def _pull(lung: Lung, spacing_mm: tuple[float, float, float], what: Pneumothorax) -> Floats:
    """How far beyond each place the lung that comes to it lay, as a share of its distance to the root."""
    axes: tuple[Any, ...] = np.indices(lung.depth_mm.shape, dtype=np.float32, sparse=True)
    y, z, x = axes
    ry, _, rx = lung.root
    sign = -1.0 if lung.side == "right" else 1.0
    outward = np.clip(sign * (x - rx) / max(1.0, lung.depth_mm.shape[2] * 0.8), 0, 1)
    filled = np.flatnonzero((lung.depth_mm > 0).any(axis=(0, 2)))
    height = (z - filled[0]) / max(1, filled[-1] - filled[0])
    near = np.exp(-np.square((height - what.focus) / what.spread))
    # Air rises to the top and to the side; between the lungs the pleura holds.
    side = {"apical": 0.45 + 0.55 * outward, "lateral": outward, "basal": outward**0.7, "whole": 0.35 + 0.65 * outward}
    turns = np.sin(3 * np.pi * height + what.phase) * np.sin(2 * np.pi * outward + 0.02 * (y - ry) + 2 * what.phase)
    pull = what.gap_mm / 100 * near * side[what.place] * (1 + what.wave * turns)
    result: Floats = np.broadcast_to(pull, lung.depth_mm.shape).astype(np.float32)
    return result
