"""Which samples are air: smoothing, threshold, and what each slice tells of its pieces of air."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from lesionkit.prepare.lung.settings import LungSettings
from lesionkit.prepare.pieces import Labels, Mask, Pieces, label_pieces


def find_air(hu: NDArray[np.int16], spacing_mm: tuple[float, ...], settings: LungSettings) -> Mask:
    """Air inside the patient, slice by slice: threshold, border, area and eccentricity (rows 0.6, 0.7, 2.2–2.5).

    Args:
        hu: (z, y, x), upright.
        spacing_mm: (z, y, x).
    """
    air = np.empty(hu.shape, dtype=bool)
    for z, plane in enumerate(hu):
        air[z] = _air_of_slice(plane, settings)
    if not (settings.clear_border or settings.min_area_mm2 or settings.max_eccentricity < 1):
        return air
    for plane, values in zip(air, hu, strict=True):
        _keep_pieces(plane, values, spacing_mm[1:], settings)
    return air


def _air_of_slice(plane: NDArray[np.int16], settings: LungSettings) -> Mask:
    if not (settings.gaussian_sigma or settings.corner_patch):
        return plane < settings.threshold_hu
    values = plane.astype(np.float32)
    patch = plane[: settings.corner_patch, : settings.corner_patch]
    if patch.size and (patch == patch[0, 0]).all():
        values[_outside_circle(plane.shape)] = np.nan
    if settings.gaussian_sigma:
        values = gaussian_filter(values, settings.gaussian_sigma, truncate=settings.gaussian_truncate)
    return np.asarray(values < settings.threshold_hu)


def _outside_circle(shape: tuple[int, ...]) -> Mask:
    y, x = (np.arange(n) - (n - 1) / 2 for n in shape)
    return np.asarray(y[:, None] ** 2 + x**2 >= (min(shape) / 2) ** 2)


def _keep_pieces(air: Mask, hu: NDArray[np.int16], spacing_mm: tuple[float, ...], settings: LungSettings) -> None:
    """Clear in place the pieces of one slice that touch the border, are too small or too elongated."""
    labels, count = label_pieces(air, 8)
    if count == 0:
        return
    keep = np.ones(count + 1, dtype=bool)
    keep[0] = False
    if settings.clear_border:
        keep[_outer_pieces(labels, hu, settings.border_air_hu)] = False
    if settings.min_area_mm2:
        area = np.bincount(labels.ravel(), minlength=count + 1) * (spacing_mm[0] * spacing_mm[1])
        keep &= area > settings.min_area_mm2
    if settings.max_eccentricity < 1:
        keep &= Pieces.of_slice(labels, count).eccentricity(spacing_mm) < settings.max_eccentricity
    np.take(keep, labels, out=air)


def _outer_pieces(labels: Labels, hu: NDArray[np.int16], air_hu: float) -> NDArray[np.intp]:
    """Pieces of one slice that touch its border, with air rather than lung: with a median below `air_hu`."""
    names, values = (np.concatenate([plane[0], plane[-1], plane[1:-1, 0], plane[1:-1, -1]]) for plane in (labels, hu))
    touching = np.unique(names[names > 0]).astype(np.intp)
    if not air_hu:
        return touching
    return np.array([name for name in touching if np.median(values[names == name]) < air_hu], dtype=np.intp)
