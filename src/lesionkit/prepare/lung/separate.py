"""Tell the two lungs apart (row 2.12)."""

import math

import numpy as np
from scipy.ndimage import distance_transform_edt

from lesionkit.prepare.lung.settings import LungSettings
from lesionkit.prepare.lung.shape import bounds, erode_step, fill_slices, hull_slices
from lesionkit.prepare.pieces import Mask, label_pieces, largest_pieces

DISTANCE_SPACING_MM = 4.0
"""Where the lungs touch, which is nearer is decided on a lattice of about this spacing."""


def separate(mask: Mask, spacing_mm: tuple[float, ...], settings: LungSettings) -> list[Mask]:
    """One or two masks, the larger first; one if the mask never falls into two of comparable size."""
    box = bounds(mask)
    inner = mask[box]
    seeds = _seeds(inner, math.prod(spacing_mm) * 1e-6, settings)
    if seeds is None:
        return [mask]
    halves = list(_nearest(inner, *seeds, spacing_mm))
    if settings.slice_cover:
        halves = [fill_slices(_main_part(half, settings.slice_cover)) for half in halves]
    if not _are_two_lungs(halves, spacing_mm, settings):
        return [mask]
    lungs = []
    for half in sorted(halves, key=lambda half: -np.count_nonzero(half)):
        whole = np.zeros_like(mask)
        whole[box] = half
        lungs.append(whole)
    return lungs


def _are_two_lungs(halves: list[Mask], spacing_mm: tuple[float, ...], settings: LungSettings) -> bool:
    """Whether two parts are neither a lung and a crumb nor two lobes of one lung."""
    small, large = sorted(int(np.count_nonzero(half)) for half in halves)
    voxel_l = math.prod(spacing_mm) * 1e-6
    if small * settings.separation_ratio <= large and not small * voxel_l >= settings.min_volume_l > 0:
        return False
    places = [np.average(np.arange(half.shape[2]), weights=half.sum(axis=(0, 1))) for half in halves]
    return bool(abs(places[0] - places[1]) * spacing_mm[2] >= settings.min_apart_mm)


def _seeds(mask: Mask, voxel_l: float, settings: LungSettings) -> tuple[Mask, Mask] | None:
    """Two pieces of the mask, eroded until there are two of comparable size, or of the size of a lung at once."""
    for erosions in range(settings.max_erosions):
        pieces = largest_pieces(mask, 18, 2)
        if len(pieces) == 2:
            (large, first), (small, second) = pieces
            is_lung = erosions == 0 and small * voxel_l >= settings.min_volume_l > 0
            if is_lung or large < settings.separation_ratio * small:
                return first, second
        if not pieces:
            return None
        mask = erode_step(mask)
    return None


def _nearest(mask: Mask, first: Mask, second: Mask, spacing_mm: tuple[float, ...]) -> tuple[Mask, Mask]:
    """The mask divided by which of two seeds is nearer."""
    steps = tuple(max(1, round(DISTANCE_SPACING_MM / s)) for s in spacing_mm)
    coarse_mm = [s * n for s, n in zip(spacing_mm, steps, strict=True)]
    some = tuple(slice(None, None, n) for n in steps)
    nearer = _distance(first[some], coarse_mm) < _distance(second[some], coarse_mm)
    where = [
        np.minimum(np.arange(n) // s, len_ - 1) for n, s, len_ in zip(mask.shape, steps, nearer.shape, strict=True)
    ]
    to_first = nearer[where[0]][:, where[1]][:, :, where[2]]
    to_first = (to_first | first) & ~second
    return mask & to_first, mask & ~to_first


def _distance(seed: Mask, spacing_mm: list[float]) -> np.ndarray:
    return np.asarray(distance_transform_edt(~seed, sampling=spacing_mm)) if seed.any() else np.full(seed.shape, np.inf)


def _main_part(lung: Mask, cover: float) -> Mask:
    """Per slice the largest pieces that cover a share of it, within their hulls; of the lung the largest piece."""
    result = np.zeros_like(lung)
    for plane, kept in zip(lung, result, strict=True):
        labels, _ = label_pieces(plane, 8)
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        names = np.argsort(-sizes, kind="stable")
        covered = np.cumsum(sizes[names]) - sizes[names]
        for name in names[(covered < cover * sizes.sum()) & (sizes[names] > 0)]:
            kept |= hull_slices((labels == name)[None])[0]
        kept &= plane
    pieces = largest_pieces(result, 26, 1)
    return pieces[0][1] if pieces else result
