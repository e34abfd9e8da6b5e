"""Warps of a radiograph and its mask: one field of places moves both, bilinear the image, nearest the mask.

torchvision, kornia and MONAI have most of these, but none reflects an image at its border and keeps a mask binary in
one call; torch's `grid_sample` does. Every warp says where each new pixel looks, in pixels (x, y) of the old picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional

Border = Literal["reflect", "zero"]
"""Beyond the edge: mirrored at the centre of the last pixel, or black and without lesion."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A radiograph with its truth.

    Attributes:
        image: float32 (1, y, x), grey values 0..1.
        mask: float32 (1, y, x), 0 or 1.
    """

    image: Tensor
    mask: Tensor

    @property
    def sides(self) -> tuple[int, int]:
        """(y, x)."""
        return int(self.image.shape[1]), int(self.image.shape[2])


def look_up(picture: Picture, places: Tensor, border: Border) -> Picture:
    """The picture whose pixel (y, x) is what the old one shows at `places`.

    Args:
        places: (y, x, 2) in pixels (x, y) of the old picture; may have any size.
    """
    return _looked_up(picture, places[..., 0], places[..., 1], border)


def _looked_up(picture: Picture, at_x: Tensor, at_y: Tensor, border: Border) -> Picture:
    """See `look_up`; places in pixels per axis, each (y, x), (1, x) or (y, 1)."""
    y, x = picture.sides
    lattice = torch.empty(max(at_x.shape[0], at_y.shape[0]), max(at_x.shape[1], at_y.shape[1]), 2)
    lattice[..., 0] = at_x * (2 / max(x - 1, 1))
    lattice[..., 1] = at_y * (2 / max(y - 1, 1))
    lattice = lattice.sub_(1)[None]
    padding = "reflection" if border == "reflect" else "zeros"
    image = functional.grid_sample(picture.image[None], lattice, "bilinear", padding, align_corners=True)[0]
    if not picture.mask.any():  # most radiographs are healthy
        return Picture(image, torch.zeros_like(image))
    mask = functional.grid_sample(picture.mask[None], lattice, "nearest", padding, align_corners=True)[0]
    return Picture(image, mask)


def pixels(sides: tuple[int, int]) -> Tensor:
    """(y, x, 2) where each pixel is: (x, y)."""
    ys, xs = torch.meshgrid(*(torch.arange(side, dtype=torch.float32) for side in sides), indexing="ij")
    return torch.stack([xs, ys], dim=-1)


def _axes(sides: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Where columns (1, x) and rows (y, 1) are."""
    y, x = sides
    return torch.arange(x, dtype=torch.float32)[None], torch.arange(y, dtype=torch.float32)[:, None]


@dataclass(frozen=True)
class Flip:
    """Mirrored left to right."""

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        return Picture(picture.image.flip(2), picture.mask.flip(2))


@dataclass(frozen=True)
class ShiftScaleRotate:
    """Turned about the centre by up to `rotate` degrees, magnified by 1 ± `scale`, moved by up to `shift` of a side."""

    shift: float
    scale: float
    rotate: float
    border: Border

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        angle = math.radians(rng.uniform(-self.rotate, self.rotate))
        zoom = 1 + rng.uniform(-self.scale, self.scale)
        y, x = picture.sides
        moved = [rng.uniform(-self.shift, self.shift) * side for side in (x, y)]
        return _turned(picture, angle, zoom, moved, self.border)


def _turned(picture: Picture, angle: float, zoom: float, moved: Sequence[float], border: Border) -> Picture:
    y, x = picture.sides
    cosine, sine = math.cos(angle) / zoom, math.sin(angle) / zoom
    columns, rows = _axes(picture.sides)
    columns, rows = columns - (moved[0] + (x - 1) / 2), rows - (moved[1] + (y - 1) / 2)
    at_x = columns * cosine - (rows * sine - (x - 1) / 2)
    at_y = columns * sine + (rows * cosine + (y - 1) / 2)
    return _looked_up(picture, at_x, at_y, border)


@dataclass(frozen=True)
class Elastic:
    """A smooth random field of up to about `alpha` pixels (Simard 2003), after an affine jitter of three points.

    Args:
        alpha: the field is uniform noise in −1..1, smoothed with a Gaussian of `sigma` pixels, times this.
        affine: greatest move in pixels of each of the three points that fix the affine map.
    """

    alpha: float
    sigma: float
    affine: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        y, x = picture.sides
        noise = torch.from_numpy(rng.random((2, y, x), dtype=np.float32)).mul_(2).sub_(1)
        field = _smoothed(noise, self.sigma).mul_(self.alpha)
        third = min(y, x) / 3
        corners = torch.tensor([[x / 2, y / 2]]) + third * torch.tensor([[1.0, 1], [1, -1], [-1, -1]])
        jitter = torch.from_numpy(rng.uniform(-self.affine, self.affine, (3, 2)).astype("float32"))
        ones = torch.ones(3, 1)
        to_old = torch.linalg.solve(torch.cat([corners + jitter, ones], 1), corners)  # 3 2: affine map, transposed
        columns, rows = (axis + moved for axis, moved in zip(_axes((y, x)), field, strict=True))
        at_x, at_y = (columns * a + (rows * b).add_(c) for a, b, c in to_old.T.tolist())
        return _looked_up(picture, at_x, at_y, "reflect")


def _smoothed(values: Tensor, sigma: float) -> Tensor:
    """(n, y, x) under a Gaussian of `sigma` pixels, mirrored at the edges.

    Adding up shifted copies is an order of magnitude faster than torch's convolution for one channel.
    """
    # Wider than the picture a kernel cannot be reflected; 4 deviations to each side lose nothing.
    reach = min(math.ceil(4 * sigma), min(values.shape[1:]) - 1)
    weights = [math.exp(-0.5 * (offset / sigma) ** 2) for offset in range(-reach, reach + 1)]
    for axis in (2, 1):
        length = values.shape[axis]
        padding = (reach, reach, 0, 0) if axis == 2 else (0, 0, reach, reach)
        padded = functional.pad(values[None], padding, "reflect")[0]
        values = torch.zeros_like(values)
        for start, weight in enumerate(weights):
            values.add_(padded.narrow(axis, start, length), alpha=weight / sum(weights))
    return values


@dataclass(frozen=True)
class GridDistortion:
    """Rows and columns of cells that shrink or grow by up to ± `limit`, `steps` cells per axis."""

    steps: int
    limit: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        y, x = picture.sides
        at = []
        for side in (y, x):
            # The widths need not add up to the side: what then lies beyond the picture is mirrored.
            widths = 1 + torch.from_numpy(rng.uniform(-self.limit, self.limit, self.steps).astype("float32"))
            cell = side / self.steps
            old = torch.cat([torch.zeros(1), torch.cumsum(widths * cell, 0)])
            place = torch.arange(side, dtype=torch.float32) / cell
            number = place.long().clamp(max=self.steps - 1)
            at.append(old[number] + (place - number) * widths[number] * cell)
        return _looked_up(picture, at[1][None], at[0][:, None], "reflect")


@dataclass(frozen=True)
class OpticalDistortion:
    """A lens: each pixel looks at (1 + k r² + k r⁴) times its distance from the centre, r in sides; k up to ± `limit`.

    Args:
        shift: greatest move of the centre in pixels.
    """

    limit: float
    shift: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        k = rng.uniform(-self.limit, self.limit)
        y, x = picture.sides
        moved = [round(rng.uniform(-self.shift, self.shift)) for _ in range(2)]
        columns, rows = _axes(picture.sides)
        columns, rows = columns - (x / 2 + moved[0]), rows - (y / 2 + moved[1])
        r2 = (columns / x).square() + (rows / y).square()
        factor = (r2 + 1).mul_(r2).mul_(k).add_(1)
        at_x, at_y = (columns * factor).add_(x / 2 + moved[0]), (rows * factor).add_(y / 2 + moved[1])
        return _looked_up(picture, at_x, at_y, "reflect")


@dataclass(frozen=True)
class Crop:
    """A random square of `side` pixels; the whole picture where it is not larger (fourth place, row 3.82)."""

    side: int

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        low = [int(rng.integers(0, max(length - self.side, 0) + 1)) for length in picture.sides]
        box = (slice(None), *(slice(a, a + self.side) for a in low))
        return Picture(picture.image[box], picture.mask[box])


@dataclass(frozen=True)
class CropSides:
    """Up to `share` of the side cut off at each of the four edges, the rest stretched to the old size (third place)."""

    share: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        (top, bottom), (left, right) = (
            (rng.uniform(0, self.share) * side, side - rng.uniform(0, self.share) * side) for side in picture.sides
        )
        y, x = picture.sides
        columns, rows = _axes(picture.sides)
        at_x = (columns + 0.5) * ((right - left) / x) + (left - 0.5)
        at_y = (rows + 0.5) * ((bottom - top) / y) + (top - 0.5)
        return _looked_up(picture, at_x, at_y, "reflect")


@dataclass(frozen=True)
class Rescale:
    """Magnified by one of `factors` onto the old canvas: cut if larger, black around if smaller (fifth, row 3.108).

    Args:
        centred: chance that the middle stays in the middle; otherwise the place is drawn at random.
    """

    factors: tuple[float, ...]
    centred: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        zoom = float(rng.choice(self.factors))
        middle = rng.random() < self.centred
        slack = [side * (1 - zoom) for side in picture.sides]  # what is black, or below 0 what is cut
        y0, x0 = (s / 2 if middle else rng.uniform(min(s, 0), max(s, 0)) for s in slack)
        columns, rows = _axes(picture.sides)
        return _looked_up(picture, (columns + (0.5 - x0)) / zoom - 0.5, (rows + (0.5 - y0)) / zoom - 0.5, "zero")


@dataclass(frozen=True)
class Erase:
    """A rectangle set to 0 in image and mask.

    Args:
        sides: range of each side: whole pixels, or shares of the picture's side if the upper end is below 1.
        square: both sides alike.
    """

    sides: tuple[float, float]
    square: bool = False

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        low, high = self.sides
        scale = min(picture.sides) if high < 1 else 1
        lengths = [round(rng.uniform(low, high) * scale) for _ in range(2)]
        if self.square:
            lengths = lengths[:1] * 2
        y, x = (min(length, side) for length, side in zip(lengths, picture.sides, strict=True))
        y0, x0 = (int(rng.integers(0, side - length + 1)) for side, length in zip(picture.sides, (y, x), strict=True))
        kept = torch.ones_like(picture.mask)
        kept[:, y0 : y0 + y, x0 : x0 + x] = 0
        return Picture(picture.image * kept, picture.mask * kept)
