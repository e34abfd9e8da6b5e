"""Where tissue lies on a slide, found on its overview, and what of it is pen, out of focus, or was never scanned."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.image import ArrayImage
from lesionkit.core.settings import Settings

_BINS = 256
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]


class TissueSettings(Settings):
    """How tissue is found. Colours are 0 to 255."""

    method: Literal["saturation", "grey"] = "saturation"
    """saturation: Otsu's threshold of the logarithm of max(RGB) - min(RGB).
    grey: drop black, then at most Otsu's threshold of grey (system 4, row 4.4; it used no smoothing and no closing)."""
    smoothing_um: float = Field(default=12.0, ge=0)
    """Standard deviation of the Gaussian before the threshold; 0 for none."""
    min_saturation: float = Field(default=6.0, ge=0)
    """Otsu's threshold is not taken below this: glass without tissue has its own noise."""
    enough_saturation: float = Field(default=40.0, gt=0)
    """More saturation than this counts as this, or the threshold would fall between pale tissue and dark."""
    closing_um: float = Field(default=24.0, ge=0)
    """Gaps narrower than twice this are closed; 0 for none."""
    min_hole_mm2: float = Field(default=0.02, ge=0)
    """Smaller holes are filled."""
    min_piece_mm2: float = Field(default=0.005, ge=0)
    """Smaller pieces are dropped: dust. A third of a cluster of isolated tumour cells would be 0.01."""
    pen: bool = True
    """Exclude green, blue and black ink. Red ink is not told from blood, and stays."""
    pen_margin_um: float = Field(default=40.0, ge=0)
    """Around ink, whose rim is pale."""
    min_pen_mm2: float = Field(default=0.05, ge=0)
    """Smaller pieces of such colour are dye, pigment or dust, not pen."""
    min_sharpness: float = Field(default=1.0, ge=0)
    """Tissue whose grey differs by less from its smoothed self, in the mean over 100 µm, is out of focus. Seen on the
    overview, so only what is far out; 0 for never."""


@dataclass(frozen=True, eq=False)
class TissueMask:
    """Tissue of a slide.

    Attributes:
        mask: boolean, on the grid of the overview.
        areas_mm2: "tissue", and what is not: "glass", "pen", "blurred", "unscanned"; together the slide.
        threshold: of the method that was used.
        failure: a sentence where no tissue was found.
        seconds: what it took.
    """

    mask: ArrayImage
    areas_mm2: Mapping[str, float]
    threshold: float
    failure: str | None
    seconds: float


def find_tissue(overview: ArrayImage, settings: TissueSettings | None = None) -> TissueMask:
    """The tissue of a slide without pen, blur and what was never scanned.

    Args:
        overview: uint8 RGB (rows, columns, 3) of the whole slide, best at 4 to 16 µm per pixel.

    Raises:
        LesionkitError: the overview is not RGB of 8 bits.

    >>> from lesionkit.core.grid import Grid
    >>> colours = np.full((100, 100, 3), 240, np.uint8)
    >>> colours[:50] = (200, 120, 180)
    >>> overview = ArrayImage(Grid.upright((100, 100), (0.01, 0.01)), colours)
    >>> found = find_tissue(overview, TissueSettings(min_sharpness=0))
    >>> round(found.areas_mm2["tissue"], 1), round(found.areas_mm2["glass"], 1)
    (0.5, 0.5)
    """
    settings, start = settings or TissueSettings(), time.perf_counter()
    rgb = overview.array
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise LesionkitError(f"an overview is RGB of 8 bits, (rows, columns, 3), got {rgb.dtype} of shape {rgb.shape}")
    um = overview.grid.spacing_mm[0] * 1000
    grey = np.asarray(rgb @ _GREY, dtype=np.float32)
    unscanned = _unscanned(rgb)
    if settings.method == "grey":
        found, threshold = _by_grey(grey, settings.smoothing_um / um)
    else:
        found, threshold = _by_saturation(rgb, unscanned, settings, um)
    pen = _pen(rgb, settings, um) & ~unscanned if settings.pen else np.zeros_like(unscanned)
    found = _cleaned(found & ~pen & ~unscanned, settings, um) & ~pen & ~unscanned
    blurred = found & (_sharpness(grey, um) < settings.min_sharpness)
    tissue = found & ~blurred
    kinds = {"tissue": tissue, "pen": pen, "blurred": blurred, "unscanned": unscanned}
    areas = {name: float(mask.sum()) * overview.grid.voxel_mm for name, mask in kinds.items()}
    areas["glass"] = overview.grid.voxel_mm * tissue.size - sum(areas.values())
    image = ArrayImage(overview.grid, tissue)
    return TissueMask(image, areas, threshold, _failure(areas), time.perf_counter() - start)


def otsu(values: NDArray[Any]) -> float:
    """The threshold that leaves the least variance within the two classes (Otsu 1979), of 256 bins.

    >>> 2 < otsu(np.array([1.0, 2.0, 8.0, 9.0])) < 8
    True
    """
    if not values.size:
        return 0.0
    counts, edges = np.histogram(values, bins=_BINS)
    below = np.cumsum(counts)
    weighed = np.cumsum(counts * (edges[:-1] + edges[1:]) / 2)
    above = below[-1] - below
    both = np.flatnonzero((below > 0) & (above > 0))
    if not len(both):
        return float(edges[-1])
    step = weighed[both] / below[both] - (weighed[-1] - weighed[both]) / above[both]
    between = below[both] * above[both] * step**2
    # Empty bins between the classes all serve; the middle one is furthest from both.
    best = both[np.isclose(between, between.max(), rtol=1e-12)]
    return float(edges[int(best[len(best) // 2]) + 1])


def _unscanned(rgb: NDArray[np.uint8]) -> Mask:
    """Pure black or pure white, with which scanners and converters fill what they did not scan."""
    low, high = rgb.min(axis=2), rgb.max(axis=2)
    # Single saturated pixels are glare; a filled area is closed.
    return np.asarray(ndimage.binary_opening((high == 0) | (low == 255), np.ones((5, 5), dtype=bool)))


def _by_grey(grey: Plane, sigma: float) -> tuple[Mask, float]:
    threshold = otsu(grey[grey > 0])
    smooth = ndimage.gaussian_filter(grey, sigma) if sigma else grey
    return (smooth <= threshold) & (grey > 0), threshold


def _by_saturation(rgb: NDArray[np.uint8], unscanned: Mask, settings: TissueSettings, um: float) -> tuple[Mask, float]:
    saturation = (rgb.max(axis=2) - rgb.min(axis=2)).astype(np.float32)
    if settings.smoothing_um:
        saturation = ndimage.gaussian_filter(saturation, settings.smoothing_um / um, truncate=3.0)
    scale = np.log1p(np.minimum(saturation, settings.enough_saturation))
    threshold = max(float(np.expm1(otsu(scale[~unscanned]))), settings.min_saturation)
    return saturation > threshold, threshold


def _pen(rgb: NDArray[np.uint8], settings: TissueSettings, um: float) -> Mask:
    """Ink: haematoxylin and eosin both take most from green, so where red is taken more it is green or blue ink."""
    red, green, blue = (rgb[..., i].astype(np.int16) for i in range(3))
    brightest = np.maximum(np.maximum(red, green), blue)
    coloured = (np.minimum(green, blue) - red > 20) | ((green - red > 20) & (green - blue > 10))
    black = (brightest < 60) & (brightest - np.minimum(np.minimum(red, green), blue) < 25) & (brightest > 0)
    ink = _without_small(coloured | black, settings.min_pen_mm2, um)
    reach = round(settings.pen_margin_um / um)
    return _grown(ink, reach) if reach else ink


def _cleaned(mask: Mask, settings: TissueSettings, um: float) -> Mask:
    reach = round(settings.closing_um / um)
    if reach:
        room = np.pad(mask, reach)
        mask = ~_grown(~_grown(room, reach), reach)[reach:-reach, reach:-reach] | mask
    mask = ~_without_small(~mask, settings.min_hole_mm2, um, keep_border=True)
    return _without_small(mask, settings.min_piece_mm2, um)


def _grown(mask: Mask, reach: int) -> Mask:
    return np.asarray(ndimage.maximum_filter(mask.astype(np.uint8), 2 * reach + 1, mode="nearest") > 0)


def _without_small(mask: Mask, min_mm2: float, um: float, keep_border: bool = False) -> Mask:
    labels, count = ndimage.label(mask)
    keep = np.bincount(labels.ravel(), minlength=count + 1) * (um / 1000) ** 2 >= min_mm2
    if keep_border:
        for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
            keep[edge] = True
    keep[0] = False
    return np.asarray(keep[labels])


def _sharpness(grey: Plane, um: float) -> Plane:
    """Mean difference of grey from its smoothed self over 100 µm."""
    detail = np.abs(grey - ndimage.uniform_filter(grey, 3))
    return np.asarray(ndimage.uniform_filter(detail, max(3, round(100 / um))))


def _failure(areas: Mapping[str, float]) -> str | None:
    if areas["tissue"] > 0:
        return None
    others = ", ".join(f"{name} {areas[name]:.1f}" for name in ("glass", "pen", "blurred", "unscanned"))
    return f"no tissue was found on the slide (mm²: {others}); is it empty, or stained very pale?"
