"""From line integrals to the picture a radiologist sees: scatter, noise, blur, window, markers."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.phantoms.xray.trunk import Floats

_WATER_PER_MM = 0.0175
"""Attenuation of water for the hardened rays of a chest radiograph."""


@dataclass(frozen=True)
class Film:
    """How the exposed picture is made.

    Attributes:
        scatter: as a share of the mean signal. noise: of the signal where it is as strong as behind a lung.
        blur_mm: standard deviation of the detector's point spread.
        evening: share of slow brightness differences that is taken away. sharpening: strength of an unsharp mask.
        low, high: percentiles that become black and white. gamma: above 1 darkens the middle.
    """

    scatter: float
    noise: float
    blur_mm: float
    evening: float
    sharpening: float
    low: float
    high: float
    gamma: float

    @classmethod
    def draw(cls, rng: Generator) -> "Film":
        """A detector and a taste by chance; some pictures are flat and grey, others hard."""
        return cls(
            scatter=float(rng.uniform(0.15, 0.9)),
            noise=float(np.exp(rng.uniform(np.log(0.004), np.log(0.014)))),
            blur_mm=float(rng.uniform(0.1, 0.45)),
            evening=float(rng.uniform(0.0, 0.55)),
            sharpening=float(rng.uniform(0.0, 1.2)),
            low=float(rng.uniform(0.5, 6.0)),
            high=float(rng.uniform(93, 99.8)),
            gamma=float(rng.uniform(0.75, 1.35)),
        )


def expose(rng: Generator, line_mm: Floats, pixel_mm: float, film: Film) -> NDArray[np.uint8]:
    """The picture (row, column), dense tissue white, of line integrals in mm of water."""
    signal = np.exp(-_WATER_PER_MM * np.clip(line_mm, 0, None)).astype(np.float32)
    signal += film.scatter * _slow(signal, 35.0 / pixel_mm)
    behind_lung = float(np.quantile(signal, 0.6))
    grain = rng.standard_normal(signal.shape, dtype=np.float32)
    signal += film.noise * np.sqrt(signal * behind_lung) * grain
    if film.blur_mm > 0.2 * pixel_mm:
        signal = ndimage.gaussian_filter(signal, film.blur_mm / pixel_mm)
    density = -np.log(np.maximum(signal, 1e-4))
    density -= film.evening * _slow(density, 45.0 / pixel_mm)
    if film.sharpening:
        density += film.sharpening * (density - _slow(density, 4.0 / pixel_mm))
    middle = density[density.shape[0] // 12 :, density.shape[1] // 12 : -density.shape[1] // 12]
    low, high = np.percentile(middle[::4, ::4], [film.low, film.high])
    shown = np.clip((density - low) / max(float(high - low), 1e-6), 0, 1) ** film.gamma
    picture: NDArray[np.uint8] = np.rint(255 * shown).astype(np.uint8)
    return picture


def mark(rng: Generator, picture: NDArray[np.uint8], pixel_mm: float) -> None:
    """Put an L near the upper corner on the patient's left, and the edge of the shutters, on some pictures."""
    size = len(picture)
    if rng.random() < 0.85:
        high, stroke = rng.uniform(10, 16) / pixel_mm, max(1.0, 2.0 / pixel_mm)
        top, left = rng.uniform(0.02, 0.08) * size, rng.uniform(0.85, 0.94) * size
        bright = int(rng.uniform(200, 255))
        picture[int(top) : int(top + high), int(left) : int(left + stroke)] = bright
        picture[int(top + high - stroke) : int(top + high), int(left) : int(left + 0.6 * high)] = bright
    if rng.random() < 0.35:
        tone = 0 if rng.random() < 0.7 else 250
        for turned in (picture, picture[::-1], picture.T, picture.T[::-1]):
            if rng.random() < 0.5:
                turned[: int(rng.uniform(0, 0.03) * size)] = tone


def _slow(image: Floats, sigma: float) -> Floats:
    """A Gaussian blur, made on a smaller copy where it is wide."""
    skip = max(1, int(sigma / 4))
    if skip == 1:
        return np.asarray(ndimage.gaussian_filter(image, sigma, mode="nearest"), dtype=np.float32)
    rows = -(-image.shape[0] // skip)
    padded = np.pad(image, [(0, rows * skip - n) for n in image.shape], mode="edge")
    small = padded.reshape(rows, skip, rows, skip).mean(axis=(1, 3))
    small = ndimage.gaussian_filter(small, sigma / skip, mode="nearest")
    places = (np.arange(image.shape[0]) + 0.5) / skip - 0.5
    grid = np.meshgrid(places, places, indexing="ij", sparse=False)
    blurred: Floats = ndimage.map_coordinates(small, grid, order=1, mode="nearest").astype(np.float32)
    return blurred
