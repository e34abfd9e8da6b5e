"""How radiographs of other rooms look: exposure, window, sharpness, noise, grid lines, letters, shutters, inverted.

Steps like those of `tone_2d`: masks stay, grey values end within 0..1.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional

from lesionkit.sample.warp_2d import Picture


@dataclass(frozen=True)
class Window:
    """Another window: up to `cut` of the range is cut off at each end, or up to `flat` of it is left unused there."""

    cut: float
    flat: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        low, high = (rng.uniform(-self.cut, self.flat) for _ in range(2))
        return _with(picture, low + picture.image * (1 - low - high))


@dataclass(frozen=True)
class Slope:
    """Brighter towards one side by up to ± `limit`, as a beam that is not centred or a tilted detector gives."""

    limit: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        down, across = (float(v) for v in rng.uniform(-self.limit, self.limit, 2))
        y, x = picture.sides
        ramp = torch.linspace(-down, down, y)[:, None] + torch.linspace(-across, across, x)[None]
        return _with(picture, picture.image + 0.5 * ramp)


@dataclass(frozen=True)
class Sharpness:
    """Blurred by a Gaussian of up to `sigma` pixels, or sharpened by up to `strength`; each in half of the cases."""

    sigma: float
    strength: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        if rng.random() < 0.5:
            return _with(picture, _blurred(picture.image, rng.uniform(0.2, self.sigma)))
        soft = _blurred(picture.image, rng.uniform(1.0, 3.0))
        return _with(picture, picture.image + rng.uniform(0, self.strength) * (picture.image - soft))


@dataclass(frozen=True)
class Noise:
    """Gaussian noise of a deviation of up to `most`."""

    most: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        noise = torch.from_numpy(rng.standard_normal(picture.image.shape, dtype=np.float32))
        return _with(picture, picture.image + rng.uniform(0, self.most) * noise)


@dataclass(frozen=True)
class GridLines:
    """Lines of an anti-scatter grid, upright or lying, 2.2 to 6 pixels apart, of up to `strength`."""

    strength: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        y, x = picture.sides
        upright, pitch, phase = rng.random() < 0.5, rng.uniform(2.2, 6), rng.uniform(0, 2 * np.pi)
        wave = torch.cos(torch.arange(x if upright else y) * (2 * np.pi / pitch) + phase)
        return _with(picture, picture.image + rng.uniform(0, self.strength) * (wave if upright else wave[:, None]))


@dataclass(frozen=True)
class Letters:
    """One to three groups of bright or dark strokes near the edges, as letters and stickers are."""

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        image = picture.image.clone()
        y, x = picture.sides
        for _ in range(int(rng.integers(1, 4))):
            tone = float(rng.uniform(0.75, 1.0)) if rng.random() < 0.8 else float(rng.uniform(0, 0.15))
            place = rng.uniform(0.01, 0.18, 2)
            top, left = (int((p if rng.random() < 0.5 else 0.95 - p) * n) for p, n in zip(place, (y, x), strict=True))
            high = max(int(rng.uniform(0.02, 0.07) * y), 3)
            for number in range(int(rng.integers(1, 5))):
                start = left + number * (high // 2 + 2)
                image[:, top : top + high, start : start + max(high // 6, 1)] = tone
                row = top + int(rng.integers(0, high))
                image[:, row : row + max(high // 6, 1), start : start + high // 2] = tone
        return _with(picture, image)


@dataclass(frozen=True)
class Shutters:
    """Edges of the collimator: up to `share` of a side black, seldom white, at each of the four sides by chance.

    The mask stays: what is behind is not shown, but truth of a lung hardly lies so far out.
    """

    share: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        image = picture.image.clone()
        tone = float(rng.uniform(0, 0.08)) if rng.random() < 0.8 else float(rng.uniform(0.9, 1))
        y, x = picture.sides
        widths = [int(rng.uniform(0, self.share) * n) if rng.random() < 0.5 else 0 for n in (y, y, x, x)]
        image[:, : widths[0]] = tone
        image[:, y - widths[1] :] = tone
        image[:, :, : widths[2]] = tone
        image[:, :, x - widths[3] :] = tone
        return _with(picture, image)


@dataclass(frozen=True)
class Inverted:
    """Black for white."""

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        return _with(picture, 1 - picture.image)


def _blurred(image: Tensor, sigma: float) -> Tensor:
    reach = max(int(np.ceil(3 * sigma)), 1)
    at = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = kernel / kernel.sum()
    padded = functional.pad(image[None], (reach,) * 4, "replicate")
    down = functional.conv2d(padded, kernel.view(1, 1, -1, 1))
    return functional.conv2d(down, kernel.view(1, 1, 1, -1))[0]


def _with(picture: Picture, image: Tensor) -> Picture:
    return replace(picture, image=image.clamp(0, 1))
