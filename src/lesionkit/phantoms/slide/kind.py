"""The kinds of tissue on a slide, maps of them, and the shape of the lymph nodes they lie in."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from lesionkit.phantoms.slide.noise import Dice, Floats, Raster, noise
from lesionkit.phantoms.slide.plan import SlidePlan

FAR_UM = -5000.0
"""Depth of what lies outside every piece."""


class Kind(IntEnum):
    """What is at a place."""

    GLASS = 0
    LYMPH = 1
    MANTLE = 2
    GERMINAL = 3
    HISTIOCYTES = 4
    STROMA = 5
    FAT = 6
    TUMOUR = 7
    SCATTERED = 8
    """Tumour cells one by one among lymphocytes."""
    BLOOD = 9


@dataclass(frozen=True, eq=False)
class TissueMap:
    """The tissue of a raster.

    Attributes:
        kind: of each sample, a `Kind`.
        solid_um: distance to the nearest white space (glass, the inside of a fat cell, a lumen); negative in it.
        flow_um: fibres run along its level lines.
        tumour_um: depth inside an outline of a metastasis, negative outside and far where there is none.
    """

    raster: Raster
    kind: NDArray[np.uint8]
    solid_um: Floats
    flow_um: Floats
    tumour_um: Floats


def node_depth(plan: SlidePlan, raster: Raster) -> Floats:
    """How deep (µm) inside a lymph node, metastases and their bulges left out; negative outside."""
    depth = np.full(raster.shape, FAR_UM, np.float32)
    y, x = raster.open
    for piece in plan.pieces:
        window = raster.window(*piece.centre_um, 1.6 * max(piece.radii_um) + 500)
        if window is None:
            continue
        dy, dx = y[window[0]] - piece.centre_um[0], x[:, window[1]] - piece.centre_um[1]
        along, across = (
            dx * np.cos(piece.turn) + dy * np.sin(piece.turn),
            dy * np.cos(piece.turn) - dx * np.sin(piece.turn),
        )
        rho = np.hypot(along / piece.radii_um[0], across / piece.radii_um[1])
        depth[window] = np.maximum(depth[window], (1 - rho) * min(piece.radii_um))
    if depth.max() > -1500:
        size = min(min(piece.radii_um) for piece in plan.pieces)
        for name, wavelength, height in (("bay", 1900, min(0.13 * size, 240)), ("bump", 430, 38), ("fray", 75, 7)):
            depth += np.float32(height) * noise(Dice.of(plan.seed, name), raster, wavelength)
    return depth
