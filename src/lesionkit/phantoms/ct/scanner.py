"""What the scanner adds: slices of some thickness, blur, correlated noise, a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import fft

Kernel: TypeAlias = Literal["soft", "standard", "sharp"]
AIR_HU = -1000.0
KERNELS: tuple[Kernel, ...] = ("soft", "standard", "sharp")
_BLUR_MM = {"soft": 0.80, "standard": 0.65, "sharp": 0.50}
_POOL = 10
_SHIFTS = 96


@dataclass(frozen=True)
class Scanner:
    """How the chest was scanned.

    Attributes:
        thickness_mm: of a slice. spacing_mm: between slices. in_plane_mm: sample spacing in a slice.
        noise_hu: standard deviation of the noise in the middle of the body.
        planes: thin planes averaged into one slice. stride: planes from one slice to the next.
    """

    kernel: Kernel
    thickness_mm: float
    in_plane_mm: float
    noise_hu: float
    planes: int
    stride: int

    @property
    def plane_mm(self) -> float:
        return self.thickness_mm / self.planes

    @property
    def spacing_mm(self) -> float:
        return self.plane_mm * self.stride

    @property
    def blur_mm(self) -> float:
        """Standard deviation of the in-plane point spread."""
        return _BLUR_MM[self.kernel]


def noise_slices(rng: Generator, scanner: Scanner, shape: tuple[int, int], count: int) -> Iterator[NDArray[np.float32]]:
    """`count` noise images (y, x), Hounsfield units, whose grain is the kernel's.

    A pool of independent, larger images is made; each slice mixes random parts of two of them.
    """
    pool = _noise_pool(rng, scanner, (shape[0] + _SHIFTS, shape[1] + _SHIFTS))
    y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in shape)
    strength = scanner.noise_hu * (1.05 - 0.4 * np.clip(y[:, None] ** 2 + x**2, 0, 1))
    for _ in range(count):
        turn = rng.uniform(0, 2 * np.pi)
        parts = []
        for image in rng.choice(len(pool), 2, replace=False):
            top, left = rng.integers(0, _SHIFTS, 2)
            parts.append(pool[image, top : top + shape[0], left : left + shape[1]])
        mixed = np.float32(np.cos(turn)) * parts[0]
        mixed += np.float32(np.sin(turn)) * parts[1]
        mixed *= strength
        yield mixed


def _noise_pool(rng: Generator, scanner: Scanner, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Unit noise whose spectrum rises like the ramp filter and falls with the kernel."""
    shape = (fft.next_fast_len(shape[0], real=True), fft.next_fast_len(shape[1], real=True))
    frequency = np.hypot(
        fft.fftfreq(shape[0], scanner.in_plane_mm)[:, None], fft.rfftfreq(shape[1], scanner.in_plane_mm)
    )
    spectrum = np.sqrt(frequency + 0.02) * np.exp(-2 * (np.pi * frequency * scanner.blur_mm * 0.8) ** 2)
    white = rng.standard_normal((_POOL, *shape), dtype=np.float32)
    pool = fft.irfft2(fft.rfft2(white) * spectrum.astype(np.float32), s=shape)
    return np.asarray(pool / pool.std(), dtype=np.float32)


def draw_scanner(
    rng: Generator,
    thicknesses_mm: tuple[float, ...],
    in_plane_mm: tuple[float, float],
    noise_hu: tuple[float, float],
) -> Scanner:
    """A protocol by chance: thin slices and sharp kernels are noisier."""
    kernel = KERNELS[rng.choice(3, p=[0.3, 0.4, 0.3])]
    thickness = float(rng.choice(thicknesses_mm))
    planes = max(1, round(thickness / 1.2))
    stride = planes if planes < 3 or rng.random() < 0.7 else planes - 1
    low, high = noise_hu
    grain = {"soft": 0.7, "standard": 1.0, "sharp": 1.5}[kernel] * min(1.2, (1.25 / thickness) ** 0.4)
    noise = float(np.clip(np.exp(rng.uniform(np.log(low), np.log(high))) * grain, low, high))
    return Scanner(kernel, thickness, round(float(rng.uniform(*in_plane_mm)), 4), noise, planes, stride)


def add_table(hu: NDArray[np.float32], y_mm: NDArray[np.float64], x_mm: NDArray[np.float64], top_mm: float) -> None:
    """Add the curved table top below a body whose back is at `top_mm`, to (z, y, x) values in place."""
    surface = y_mm[:, None] - top_mm - 4 + (x_mm / 190) ** 2 * 30
    foam = (surface > 0) & (surface < 22) & (np.abs(x_mm) < 210)
    rows = np.flatnonzero(foam.any(axis=1))
    if not len(rows):
        return
    inner = slice(int(rows[0]), int(rows[-1]) + 1)
    shell = np.where((surface < 2.0) | (surface > 20), np.float32(-150), np.float32(-940))
    table = np.where(foam, shell, np.float32(AIR_HU))[inner]
    for plane in hu[:, inner]:
        plane[...] = np.maximum(plane, table)
