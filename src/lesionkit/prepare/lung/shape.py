"""Shapes of masks: dilation and closing in millimetres, holes, convex hulls.

Balls are approximated by steps of one sample, two along the axes only and one with the diagonals, each axis as
often as its spacing asks for; every step is a few shifted ORs over the whole array, which is what makes it fast.
"""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lesionkit.prepare.pieces import Mask, label_pieces

Side: TypeAlias = Literal["left", "right"]
"""Of the patient; x grows to the left."""
DIRECTIONS = 64
"""Directions whose half planes cut out a hull; its outline is exact to 0.2 mm for a lung."""


def dilate_steps(mask: Mask, steps: int) -> Mask:
    """Grown `steps` times by one sample along each axis, diagonals excluded."""
    for _ in range(steps):
        mask = _cross(mask, range(mask.ndim))
    return mask


def erode_step(mask: Mask) -> Mask:
    """Shrunk by one sample along each axis; outside the array counts as background, as in the published code."""
    result = mask.copy()
    for axis in range(mask.ndim):
        target, source = np.moveaxis(result, axis, 0), np.moveaxis(mask, axis, 0)
        target[1:] &= source[:-1]
        target[:-1] &= source[1:]
        target[[0, -1]] = False
    return result


def dilate(mask: Mask, spacing_mm: tuple[float, ...], radius_mm: float, cube: bool = False) -> Mask:
    """Grown by a ball, or a cube, of a radius in millimetres; on diagonals the ball reaches up to 1.4 times as far."""
    reach = [int(radius_mm / s + 0.5) for s in spacing_mm]
    steps = max(reach)
    for step in range(steps):
        axes = [a for a, r in enumerate(reach) if (step + 1) * r // steps > step * r // steps]
        mask = _box(mask, axes) if cube or step % 3 == 1 else _cross(mask, axes)
    return mask


def close(mask: Mask, spacing_mm: tuple[float, ...], radius_mm: float) -> Mask:
    """Closed with a ball: gaps and dents that the ball does not fit into are filled."""
    reach = [int(radius_mm / s + 0.5) + 1 for s in spacing_mm]
    padded = dilate(np.pad(mask, [(r, r) for r in reach]), spacing_mm, radius_mm)
    inside = ~dilate(~padded, spacing_mm, radius_mm)
    return inside[tuple(slice(r, r + n) for r, n in zip(reach, mask.shape, strict=True))] | mask


def _cross(mask: Mask, axes: range | list[int]) -> Mask:
    result = mask.copy()
    for axis in axes:
        target, source = np.moveaxis(result, axis, 0), np.moveaxis(mask, axis, 0)
        target[1:] |= source[:-1]
        target[:-1] |= source[1:]
    return result


def _box(mask: Mask, axes: list[int]) -> Mask:
    for axis in axes:
        mask = _cross(mask, [axis])
    return mask


def bounds(mask: Mask, margin: tuple[int, ...] | int = 0) -> tuple[slice, ...]:
    """The smallest box that holds the mask, with a margin in samples, within the array. The mask is not empty."""
    margins = (margin,) * mask.ndim if isinstance(margin, int) else margin
    box = []
    for axis, reach in enumerate(margins):
        line = np.asarray(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        places = np.flatnonzero(line)
        box.append(slice(max(int(places[0]) - reach, 0), min(int(places[-1]) + 1 + reach, len(line))))
    return tuple(box)


def fill_holes(mask: Mask) -> Mask:
    """Complement pieces (with diagonals) that touch none of the eight corners of the volume are filled (row 2.11)."""
    labels, count = label_pieces(~mask, 26)
    keep = np.zeros(count + 1, dtype=bool)
    keep[labels[np.ix_((0, -1), (0, -1), (0, -1))].ravel()] = True
    keep[0] = False
    return ~keep[labels]


def fill_slices(mask: Mask) -> Mask:
    """Holes of each slice are filled: background that is not connected to the slice's border."""
    result = np.ones_like(mask)
    for plane, filled in zip(mask, result, strict=True):
        labels, _ = label_pieces(np.pad(~plane, 1, constant_values=True), 4)
        np.not_equal(labels[1:-1, 1:-1], labels[0, 0], out=filled)
    return result


def hull_slices(mask: Mask, max_ratio: float | None = None, side: Side | None = None) -> Mask:
    """Each slice becomes its convex hull, unless that has more than `max_ratio` times the samples (row 2.13).

    With a side only those samples are added that have a sample of the mask further to the middle in their row: dents
    in the chest wall are filled, while heart and mediastinum, which lie on the other side, stay out.

    The hull is the intersection of half planes in `DIRECTIONS` directions, all slices at once.
    """
    left, right, has_row = _row_ends(mask)
    angle = 2 * np.pi * (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS
    cosine, sine = np.cos(angle), np.sin(angle)
    y = np.arange(mask.shape[1], dtype=float)
    end = np.where(cosine[:, None, None] > 0, right, left)  # (directions, z, y)
    reach = np.where(has_row, end * cosine[:, None, None] + y * sine[:, None, None], -np.inf).max(axis=2)
    edge = (reach[:, :, None] - y * sine[:, None, None]) / cosine[:, None, None]
    last = np.where(cosine[:, None, None] > 0, edge, np.inf).min(axis=0)
    first = np.where(cosine[:, None, None] < 0, edge, -np.inf).max(axis=0)
    x = np.arange(mask.shape[2])
    rows = np.maximum.accumulate(has_row, axis=1) & np.maximum.accumulate(has_row[:, ::-1], axis=1)[:, ::-1]
    hull = (x >= first[..., None] - 1e-6) & (x <= last[..., None] + 1e-6) & rows[..., None]
    if side == "left":
        hull &= x >= np.where(has_row, left, np.inf)[..., None]
    if side == "right":
        hull &= x <= np.where(has_row, right, -np.inf)[..., None]
    if max_ratio is not None:
        too_large = hull.sum(axis=(1, 2)) > max_ratio * mask.sum(axis=(1, 2))
        hull[too_large] = mask[too_large]
    return np.asarray(hull)


def _row_ends(mask: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64], Mask]:
    """First and last column of each row (z, y), and which rows have any."""
    left = mask.argmax(axis=2).astype(float)
    right = mask.shape[2] - 1 - mask[:, :, ::-1].argmax(axis=2).astype(float)
    return left, right, np.asarray(mask.any(axis=2))
