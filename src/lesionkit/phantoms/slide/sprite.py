"""Small pictures of nuclei: how much haematoxylin their pixels hold."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.phantoms.slide.noise import Floats


@dataclass(frozen=True)
class NucleusKind:
    """What nuclei of one sort look like.

    Attributes:
        diameter_um: mean of the long and the short axis.
        spread: standard deviation of the size between nuclei, as a share.
        elongation: long axis per short axis.
        irregular: how far the outline departs from an ellipse, as a share.
        density: haematoxylin inside.
        clumps: standard deviation of the chromatin.
        rim: haematoxylin at the membrane beyond that inside.
        nucleoli: mean number; each is a dark dot.
    """

    diameter_um: float
    spread: float = 0.08
    elongation: float = 1.12
    irregular: float = 0.05
    density: float = 1.5
    clumps: float = 0.3
    rim: float = 0.1
    nucleoli: float = 0.0


LYMPHOCYTE = NucleusKind(6.5, spread=0.09, elongation=1.14, irregular=0.05, density=1.5, clumps=0.42, rim=0.25)
CENTROBLAST = NucleusKind(
    8.8, spread=0.14, elongation=1.2, irregular=0.08, density=0.85, clumps=0.26, rim=0.35, nucleoli=1.2
)
HISTIOCYTE = NucleusKind(
    9.0, spread=0.13, elongation=1.5, irregular=0.1, density=0.7, clumps=0.2, rim=0.35, nucleoli=0.5
)
SPINDLE = NucleusKind(6.6, spread=0.15, elongation=4.2, irregular=0.07, density=1.15, clumps=0.25, rim=0.2)
DEBRIS = NucleusKind(3.2, spread=0.35, elongation=1.2, irregular=0.12, density=2.1, clumps=0.1)
MITOSIS = NucleusKind(8.0, spread=0.2, elongation=2.2, irregular=0.3, density=2.2, clumps=0.3)
RED_CELL = NucleusKind(6.4, spread=0.07, elongation=1.08, irregular=0.05, density=0.7, clumps=0.05, rim=0.15)

TURNS = 16
"""Directions that sprites of long nuclei are drawn in, from 0 to 180 degrees."""


@dataclass(frozen=True, eq=False)
class Bank:
    """Sprites of one kind: (n, side, side), side odd; those of direction t start at `t * n // TURNS`."""

    sprites: Floats

    @property
    def radius(self) -> int:
        return int(self.sprites.shape[1]) // 2


def make_bank(rng: Generator, kind: NucleusKind, spacing_um: float, per_turn: int = 10) -> Bank:
    """Draw `TURNS * per_turn` nuclei at this pixel size."""
    count = TURNS * per_turn
    longest = 0.5 * kind.diameter_um * (1 + 2.6 * kind.spread) * kind.elongation**0.62 * (1 + 2 * kind.irregular)
    radius = int(np.ceil(longest / spacing_um)) + 1
    axis = np.arange(-radius, radius + 1) * spacing_um
    shift = rng.uniform(-0.5, 0.5, (2, count, 1, 1)) * spacing_um
    y, x = axis[None, :, None] - shift[0], axis[None, None, :] - shift[1]
    turn = np.repeat(np.arange(TURNS), per_turn)[:, None, None] * (np.pi / TURNS)
    turn = turn + rng.uniform(-0.1, 0.1, turn.shape)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    size = 0.5 * kind.diameter_um * np.exp(kind.spread * np.clip(rng.standard_normal((count, 1, 1)), -2.5, 2.5))
    stretch = np.sqrt(kind.elongation * np.exp(rng.normal(0, 0.1, (count, 1, 1))))
    along, across = along / stretch, across * stretch
    inside = size * _outline(rng, np.arctan2(across, along), kind.irregular) - np.hypot(along, across)
    cover = np.clip(inside / spacing_um + 0.5, 0, 1)
    texture = _chromatin(rng, inside.shape, 0.55 / spacing_um)
    strength = np.exp(rng.normal(0, 0.16, (count, 1, 1)))
    stain = strength * (kind.density + kind.clumps * texture + kind.rim * np.exp(-(((inside - 0.5) / 0.55) ** 2)))
    stain += 0.9 * _nucleoli(rng, kind, (y, x), size)
    return Bank((cover * np.maximum(stain, 0.12)).astype(np.float32))


def _outline(rng: Generator, angle: NDArray[np.float64], irregular: float) -> NDArray[np.float64]:
    radius = np.ones_like(angle)
    for order in (2, 3, 4, 5):
        size, phase = rng.standard_normal((2, len(angle), 1, 1))
        radius += irregular * 1.6 / order * size * np.cos(order * angle + 3 * phase)
    return radius


def _chromatin(rng: Generator, shape: tuple[int, ...], sigma: float) -> NDArray[np.float64]:
    texture = ndimage.gaussian_filter(rng.standard_normal(shape), (0, sigma, sigma))
    return np.asarray(texture / max(texture.std(), 1e-6))


def _nucleoli(
    rng: Generator,
    kind: NucleusKind,
    place: tuple[NDArray[np.float64], NDArray[np.float64]],
    size: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Dots of about a seventh of the nucleus, near its middle."""
    y, x = place
    dots = np.zeros(np.broadcast_shapes(y.shape, x.shape))
    number = rng.poisson(kind.nucleoli, len(size))
    for n in range(int(number.max(initial=0))):
        dy, dx = rng.normal(0, 0.28, (2, len(size), 1, 1)) * size
        width = 0.2 * size * rng.uniform(0.7, 1.2, size.shape)
        dots += (number > n)[:, None, None] * np.exp(-((y - dy) ** 2 + (x - dx) ** 2) / width**2)
    return dots
