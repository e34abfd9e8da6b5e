"""Lungs slice by slice with a threshold of each slice's own, from two-means clustering (rows 1.3, 2.16)."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, find_objects, maximum_filter

from lesionkit.prepare.lung.settings import LungSettings
from lesionkit.prepare.pieces import Labels, Mask, label_pieces


def find_by_kmeans(hu: NDArray[np.int16], settings: LungSettings) -> Mask:
    """The lung mask (z, y, x) of an upright volume; limits in samples are scaled by height / 512."""
    mask = np.zeros(hu.shape, dtype=bool)
    for plane, lungs in zip(hu, mask, strict=True):
        lungs[:] = _lungs_of_slice(plane, settings)
    return mask


def two_means(values: NDArray[np.int16]) -> float:
    """The mean of the two cluster centres of some values; exact, on their histogram.

    >>> two_means(np.array([-900, -800, 0, 100], dtype=np.int16))
    -400.0
    """
    low = int(values.min())
    counts = np.bincount(values.ravel().astype(np.int64) - low)
    levels = np.arange(len(counts)) + float(low)
    total, weighted = np.cumsum(counts), np.cumsum(counts * levels)
    threshold = levels.mean()
    for _ in range(100):
        split = int(np.clip(np.floor(threshold) - low, 0, max(len(counts) - 2, 0)))
        rest = total[-1] - total[split]
        if rest == 0:
            return float(threshold)
        following = (weighted[split] / max(total[split], 1) + (weighted[-1] - weighted[split]) / rest) / 2
        if following == threshold:
            break
        threshold = following
    return float(threshold)


def _lungs_of_slice(plane: NDArray[np.int16], settings: LungSettings) -> Mask:
    scale = plane.shape[0] / 512
    inner = slice(*(round(edge * scale) for edge in settings.kmeans_centre))
    centre = plane[inner, inner]
    if centre.size == 0 or centre.min() == centre.max():
        return np.zeros(plane.shape, dtype=bool)
    threshold = two_means(_without_extremes(centre, plane))
    if threshold > settings.kmeans_max_hu:
        return np.zeros(plane.shape, dtype=bool)
    eroded = binary_erosion(plane < threshold, np.ones((settings.kmeans_erosion,) * 2))
    labels, count = label_pieces(_dilated(eroded, settings), 8)
    keep = _pieces_in_frame(labels, count, scale, settings)
    if settings.kmeans_island_ratio:
        keep = _islands(labels, keep, settings.kmeans_island_ratio)
    return _dilated(keep[labels], settings)


def _without_extremes(centre: NDArray[np.int16], plane: NDArray[np.int16]) -> NDArray[np.int16]:
    """The slice's highest and lowest values, padding and metal, are replaced by the mean."""
    return np.where((centre == plane.min()) | (centre == plane.max()), np.int16(centre.mean()), centre)


def _dilated(mask: Mask, settings: LungSettings) -> Mask:
    return np.asarray(maximum_filter(mask, settings.kmeans_dilation))


def _pieces_in_frame(labels: Labels, count: int, scale: float, settings: LungSettings) -> Mask:
    keep = np.zeros(count + 1, dtype=bool)
    first, last = (row * scale for row in settings.kmeans_rows)
    size = settings.kmeans_max_size * scale
    for name, box in enumerate(find_objects(labels.astype(np.int32), count), start=1):
        if box is None:
            continue
        rows, columns = box
        fits = rows.stop - rows.start < size and columns.stop - columns.start < size
        keep[name] = fits and rows.start > first and rows.stop < last
    return keep


def _islands(labels: Labels, keep: Mask, ratio: float) -> Mask:
    """The largest kept piece if it is `ratio` times the second, else the two largest."""
    sizes = np.where(keep, np.bincount(labels.ravel(), minlength=len(keep)), 0)
    order = np.argsort(-sizes, kind="stable")
    count = 1 if len(order) < 2 or sizes[order[0]] >= ratio * sizes[order[1]] else 2
    result = np.zeros_like(keep)
    result[order[:count]] = keep[order[:count]]
    return result
