"""The colours of stains: how much haematoxylin and eosin a pixel holds, and the same slide as another centre stains it.

Colours are uint8 RGB, (..., 3). Optical density is -ln((value + 1) / 256), so white is 0 and all 256 values come back.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.core.errors import LesionkitError

Colours = NDArray[np.uint8]
Floats = NDArray[np.float32]

_WHITE = 256.0
_MIN_PIXELS = 100
_PERCENTILE = 99.0


@dataclass(frozen=True, eq=False)
class Stains:
    """Two stains: their colours and how strong they are.

    Attributes:
        vectors: (2, 3) optical density in red, green and blue of one unit of haematoxylin and of eosin; made of
            length 1.
        strength: (2,) amounts that 99 % of the stained pixels stay below.
    """

    vectors: NDArray[np.float64]
    strength: NDArray[np.float64]

    def __post_init__(self) -> None:
        vectors, strength = np.asarray(self.vectors, dtype=float), np.asarray(self.strength, dtype=float)
        if vectors.shape != (2, 3) or strength.shape != (2,):
            raise LesionkitError(
                f"stains are two colours (2, 3) and two strengths (2,), got {vectors.shape} and {strength.shape}"
            )
        if not (np.isfinite(strength).all() and (strength > 0).all()):
            raise LesionkitError(f"the strength of stains must be positive, got {strength.tolist()}")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (lengths > 0).all() or np.linalg.norm(np.cross(*(vectors / lengths))) < 1e-3:
            raise LesionkitError(f"two stains must have two different colours, got {vectors.tolist()}")
        object.__setattr__(self, "vectors", vectors / lengths)
        object.__setattr__(self, "strength", strength)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(3, 3): both stains, and what is neither, at right angles to them."""
        rest = np.cross(*self.vectors)
        return np.vstack([self.vectors, rest / np.linalg.norm(rest)])


HAEMATOXYLIN_EOSIN = Stains(np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]]), np.array([1.9, 1.0]))
"""Colours of Ruifrok and Johnston (2001), strengths as Macenko's reference slide has them."""


def density(colours: ArrayLike) -> Floats:
    """Optical density (..., 3) of colours, 0 for white."""
    return np.asarray(-np.log((np.asarray(colours, dtype=np.float32) + 1) / _WHITE), dtype=np.float32)


def colour(optical_density: ArrayLike) -> Colours:
    """Colours of optical densities, as near as 8 bits allow. Inverse of `density`."""
    values = _WHITE * np.exp(-np.asarray(optical_density, dtype=np.float32)) - 1
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)


def unmix(colours: Colours, stains: Stains) -> Floats:
    """Amounts (..., 3) of haematoxylin, of eosin, and of what is neither.

    >>> unmix(np.array([255, 255, 255], np.uint8), HAEMATOXYLIN_EOSIN).round(3).tolist()
    [0.0, 0.0, 0.0]
    """
    return np.asarray(density(colours) @ np.linalg.inv(stains.matrix).astype(np.float32))


def mix(amounts: ArrayLike, stains: Stains) -> Colours:
    """Colours of amounts (..., 3). Inverse of `unmix`."""
    return colour(np.asarray(amounts, dtype=np.float32) @ stains.matrix.astype(np.float32))


def find_stains(colours: Colours, min_density: float = 0.15, angle_percent: float = 1.0) -> Stains:
    """The two stains of a slide by Macenko's method (2009).

    The densities of stained pixels lie in a plane; the stains are the two directions in it that leave 1 % of the
    pixels outside.

    Args:
        colours: uint8 RGB of tissue; glass is left out by itself.
        min_density: in any channel, of pixels that count as stained. Macenko asks it of every channel, which leaves
            out eosin that takes no red, and finds it too blue.
        angle_percent: pixels beyond each of the two directions.

    Raises:
        LesionkitError: fewer than 100 stained pixels, or all of one colour.
    """
    found = density(colours).reshape(-1, 3)
    found = found[(found > min_density).any(axis=1)].astype(np.float64)
    if len(found) < _MIN_PIXELS:
        raise LesionkitError(
            f"stains need at least {_MIN_PIXELS} stained pixels, got {len(found)} of {np.asarray(colours).size // 3}; "
            "choose a patch of tissue"
        )
    plane = np.linalg.eigh(np.cov(found.T))[1][:, :0:-1]
    plane *= np.where(plane.sum(axis=0) < 0, -1, 1)
    on_plane = found @ plane
    angles = np.arctan2(on_plane[:, 1], on_plane[:, 0])
    limits = np.percentile(angles, [angle_percent, 100 - angle_percent])
    vectors = np.stack([np.cos(limits), np.sin(limits)], axis=1) @ plane.T
    # Haematoxylin takes the most red of the two.
    vectors = vectors[np.argsort(-vectors[:, 0])]
    shape = Stains(vectors, np.ones(2))
    amounts = found @ np.linalg.inv(shape.matrix)
    strength = np.maximum(np.percentile(amounts[:, :2], _PERCENTILE, axis=0), 1e-3)
    return Stains(vectors, strength)


def restain(colours: Colours, source: Stains, target: Stains = HAEMATOXYLIN_EOSIN) -> Colours:
    """The same tissue in other stains (Macenko's normalisation); what is neither stain stays as it is.

    Args:
        source: of the slide the colours are from: found once per slide, not per patch.
        target: of the slide they shall look like.
    """
    factor = np.append(target.strength / source.strength, 1.0).astype(np.float32)
    return mix(unmix(colours, source) * factor, target)


@dataclass(frozen=True, eq=False)
class ColourStatistics:
    """Mean and standard deviation (3,) of colours in Ruderman's lαβ space."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


def colour_statistics(colours: Colours) -> ColourStatistics:
    """Statistics of colours for Reinhard's normalisation; give tissue only, or glass decides.

    Raises:
        LesionkitError: fewer than two pixels.
    """
    values = _to_lab(colours).reshape(-1, 3)
    if len(values) < 2:
        raise LesionkitError(f"statistics of colours need at least 2 pixels, got {len(values)}")
    return ColourStatistics(values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6))


def match_statistics(colours: Colours, source: ColourStatistics, target: ColourStatistics) -> Colours:
    """Colours with the mean and deviation of others (Reinhard 2001)."""
    values = (_to_lab(colours) - source.mean) / source.deviation * target.deviation + target.mean
    return _from_lab(values)


_TO_LMS = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
_TO_LAB = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])


def _to_lab(colours: Colours) -> NDArray[Any]:
    return np.asarray(np.log10((np.asarray(colours) + 1.0) @ _TO_LMS.T) @ _TO_LAB.T)


def _from_lab(values: NDArray[Any]) -> Colours:
    rgb = 10 ** (values @ np.linalg.inv(_TO_LAB).T) @ np.linalg.inv(_TO_LMS).T - 1
    return np.asarray(np.clip(np.rint(rgb), 0, 255), dtype=np.uint8)
