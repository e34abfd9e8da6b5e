"""Changes of a radiograph's grey values; its mask stays. All end within 0..1."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage
from skimage.exposure import equalize_adapthist
from torch import Tensor
from torch.nn import functional

from lesionkit.sample.warp_2d import Picture


@dataclass(frozen=True)
class Contrast:
    """Times 1 ± `limit`: about black, as albumentations does."""

    limit: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        return _with(picture, picture.image * (1 + rng.uniform(-self.limit, self.limit)))


@dataclass(frozen=True)
class Brightness:
    """Plus up to ± `limit` of the full range."""

    limit: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        return _with(picture, picture.image + rng.uniform(-self.limit, self.limit))


@dataclass(frozen=True)
class Gamma:
    """To the power of `low` … `high`."""

    low: float
    high: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        return _with(picture, picture.image.clamp(min=0) ** rng.uniform(self.low, self.high))


@dataclass(frozen=True)
class Clahe:
    """Histograms equalised in `tiles` × `tiles` regions, with a limited contrast (Zuiderveld 1994; skimage's).

    Args:
        limit: highest limit, drawn from 1 upwards; OpenCV's: times the mean height of a histogram of 256 bins.
    """

    limit: float
    tiles: int

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        limit = rng.uniform(1, self.limit)
        region = [max(side // self.tiles, 1) for side in picture.sides]
        grey = picture.image[0].clamp(0, 1).numpy().astype(np.float64)
        if grey.min() == grey.max():
            return picture
        # skimage's limit is a share of a region's pixels: OpenCV's over the number of bins.
        equal = equalize_adapthist(grey, region, limit / 256, 256)
        return _with(picture, torch.from_numpy(equal.astype(np.float32))[None])


@dataclass(frozen=True)
class BoxBlur:
    """The mean of `side` × `side` pixels."""

    side: int

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        return _filtered(picture, lambda grey: ndimage.uniform_filter(grey, self.side, mode="mirror"))


@dataclass(frozen=True)
class MedianBlur:
    """The median of `side` × `side` pixels."""

    side: int

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        if self.side == 3:
            return _with(picture, _median_of_nine(picture.image))
        return _filtered(picture, lambda grey: ndimage.median_filter(grey, self.side, mode="nearest"))


def _median_of_nine(image: Tensor) -> Tensor:
    """The median of 3 × 3 pixels of (1, y, x) by 18 minima and maxima; ten times as fast as sorting."""
    _, y, x = image.shape
    padded = functional.pad(image[None], (1, 1, 1, 1), "replicate")[0]
    low, middle, high = _sorted(*(padded.narrow(1, start, y) for start in range(3)))
    lows, middles, highs = ([rows.narrow(2, start, x) for start in range(3)] for rows in (low, middle, high))
    return _sorted(
        torch.maximum(torch.maximum(lows[0], lows[1]), lows[2]),
        _sorted(*middles)[1],
        torch.minimum(torch.minimum(highs[0], highs[1]), highs[2]),
    )[1]


def _sorted(first: Tensor, second: Tensor, third: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    low, high = torch.minimum(first, second), torch.maximum(first, second)
    return torch.minimum(low, third), torch.maximum(low, torch.minimum(high, third)), torch.maximum(high, third)


@dataclass(frozen=True)
class MotionBlur:
    """The mean along a line between two random pixels of a `side` × `side` square."""

    side: int

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        first, last = rng.choice(self.side**2, 2, replace=False)
        ends = np.array([divmod(int(first), self.side), divmod(int(last), self.side)], float)
        line = np.rint(np.linspace(ends[0], ends[1], int(np.abs(ends[0] - ends[1]).max()) + 1)).astype(int)
        kernel = np.zeros((self.side, self.side), np.float32)
        kernel[line[:, 0], line[:, 1]] = 1 / len(line)
        return _filtered(picture, lambda grey: ndimage.correlate(grey, kernel, mode="mirror"))


@dataclass(frozen=True)
class GaussianBlur:
    """A Gaussian of a deviation of up to `sigma` pixels, at most 1."""

    sigma: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        sigma = rng.uniform(0, self.sigma)
        # Below a hundredth of a pixel a blur changes nothing, and a deviation of 0 has no kernel.
        if sigma < 0.01:
            return picture
        from torchvision.transforms.v2.functional import gaussian_blur

        return _with(picture, gaussian_blur(picture.image, [7, 7], [sigma, sigma]))


def _with(picture: Picture, image: Tensor) -> Picture:
    return replace(picture, image=image.clamp(0, 1))


def _filtered(picture: Picture, change: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> Picture:
    return _with(picture, torch.from_numpy(np.ascontiguousarray(change(picture.image[0].numpy()), np.float32))[None])
