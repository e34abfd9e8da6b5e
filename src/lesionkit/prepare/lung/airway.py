"""Follow the windpipe down from the top and take it out of the air."""

import numpy as np

from lesionkit.prepare.pieces import Mask, Pieces, label_pieces

MIN_CUT_MM2 = 60.0
"""A windpipe is wider than this where it begins."""
MAX_OFFSET_MM = 70.0
"""…and begins no further than this from the middle of the slice's body, left to right."""
MIN_LENGTH_MM = 20.0


def find_airway(air: Mask, spacing_mm: tuple[float, ...], max_cut_mm2: float) -> Mask:
    """The air of the windpipe and of the first branches, down to where they open into lung.

    Args:
        air: (z, y, x) upright, air inside the patient.
        max_cut_mm2: the search ends where the cut jumps above this.
    """
    airway = np.zeros_like(air)
    pixel_mm2 = spacing_mm[1] * spacing_mm[2]
    lowest = len(air) // 3
    for top in range(len(air) - 1, lowest, -1):
        seed = _seed(air[top], spacing_mm, max_cut_mm2)
        if seed is None:
            continue
        airway[top] = seed
        z = _follow(air, airway, top, max_cut_mm2 / pixel_mm2)
        if (top - z) * spacing_mm[0] >= MIN_LENGTH_MM:
            return airway
        airway[:] = False
    return airway


def _seed(plane: Mask, spacing_mm: tuple[float, ...], max_cut_mm2: float) -> Mask | None:
    """The roundest piece of a slice that has the size and the place of a windpipe."""
    labels, count = label_pieces(plane, 4)
    if count == 0:
        return None
    pieces = Pieces.of_slice(labels, count)
    area = pieces.area * spacing_mm[1] * spacing_mm[2]
    offset = np.abs(pieces.centre[:, 1] - (plane.shape[1] - 1) / 2) * spacing_mm[2]
    eccentricity = pieces.eccentricity(spacing_mm[1:])
    fits = (area > MIN_CUT_MM2) & (area < max_cut_mm2 * 0.75) & (offset < MAX_OFFSET_MM) & (eccentricity < 0.9)
    if not fits.any():
        return None
    return np.asarray(labels == int(np.argmin(np.where(fits, offset, np.inf))))


def _follow(air: Mask, airway: Mask, top: int, max_cut: float) -> int:
    """Fill `airway` downwards from slice `top`; the last slice that was filled."""
    for z in range(top - 1, -1, -1):
        labels, _ = label_pieces(air[z], 4)
        names = np.unique(labels[airway[z + 1]])
        names = names[names > 0]
        sizes = np.bincount(labels.ravel())
        names = names[sizes[names] < max_cut]
        if len(names) == 0:
            return z + 1
        airway[z] = np.isin(labels, names)
    return 0
