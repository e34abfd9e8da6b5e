"""Warps of a radiograph and its mask: one field of places moves both, bilinear the image, nearest the mask.

torchvision, kornia and MONAI have most of these, but none reflects an image at its border and keeps a mask binary in
one call; torch's `grid_sample` does. Every warp says where each new pixel looks, in pixels (x, y) of the old picture.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2.functional import gaussian_blur

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
    y, x = picture.sides
    span = torch.tensor([max(x - 1, 1), max(y - 1, 1)], dtype=torch.float32)
    lattice = (2 * places / span - 1)[None]
    padding = "reflection" if border == "reflect" else "zeros"
    image = functional.grid_sample(picture.image[None], lattice, "bilinear", padding, align_corners=True)[0]
    mask = functional.grid_sample(picture.mask[None], lattice, "nearest", padding, align_corners=True)[0]
    return Picture(image, mask)


def pixels(sides: tuple[int, int]) -> Tensor:
    """(y, x, 2) where each pixel is: (x, y)."""
    ys, xs = torch.meshgrid(*(torch.arange(side, dtype=torch.float32) for side in sides), indexing="ij")
    return torch.stack([xs, ys], dim=-1)


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
        moved = torch.tensor([rng.uniform(-self.shift, self.shift) * x, rng.uniform(-self.shift, self.shift) * y])
        return _turned(picture, angle, zoom, moved.float(), self.border)


def _turned(picture: Picture, angle: float, zoom: float, moved: Tensor, border: Border) -> Picture:
    y, x = picture.sides
    centre = torch.tensor([(x - 1) / 2, (y - 1) / 2])
    cosine, sine = math.cos(angle), math.sin(angle)
    back = torch.tensor([[cosine, -sine], [sine, cosine]]) / zoom
    return look_up(picture, (pixels(picture.sides) - moved - centre) @ back.T + centre, border)


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
        noise = torch.from_numpy(rng.uniform(-1, 1, (2, y, x)).astype("float32"))
        # Wider than the picture a kernel cannot be reflected; 4 deviations to each side lose nothing.
        reach = min(math.ceil(4 * self.sigma), min(y, x) - 1)
        field = gaussian_blur(noise, [2 * reach + 1] * 2, [self.sigma] * 2) * self.alpha
        third = min(y, x) / 3
        corners = torch.tensor([[x / 2, y / 2]]) + third * torch.tensor([[1.0, 1], [1, -1], [-1, -1]])
        jitter = torch.from_numpy(rng.uniform(-self.affine, self.affine, (3, 2)).astype("float32"))
        ones = torch.ones(3, 1)
        to_old = torch.linalg.solve(torch.cat([corners + jitter, ones], 1), corners)  # 3 2: affine map, transposed
        at = pixels((y, x)) + field.permute(1, 2, 0)
        return look_up(picture, at @ to_old[:2] + to_old[2], "reflect")


@dataclass(frozen=True)
class GridDistortion:
    """Rows and columns of cells that shrink or grow by up to ± `limit`, `steps` cells per axis."""

    steps: int
    limit: float

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        y, x = picture.sides
        axes = []
        for side in (y, x):
            # The widths need not add up to the side: what then lies beyond the picture is mirrored.
            widths = 1 + torch.from_numpy(rng.uniform(-self.limit, self.limit, self.steps).astype("float32"))
            cell = side / self.steps
            old = torch.cat([torch.zeros(1), torch.cumsum(widths * cell, 0)])
            place = torch.arange(side, dtype=torch.float32) / cell
            number = place.long().clamp(max=self.steps - 1)
            axes.append(old[number] + (place - number) * widths[number] * cell)
        ys, xs = torch.meshgrid(*axes, indexing="ij")
        return look_up(picture, torch.stack([xs, ys], dim=-1), "reflect")


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
        centre = torch.tensor([x / 2 + moved[0], y / 2 + moved[1]])
        focal = torch.tensor([float(x), float(y)])
        ray = (pixels(picture.sides) - centre) / focal
        r2 = ray.square().sum(dim=-1, keepdim=True)
        return look_up(picture, ray * (1 + k * r2 + k * r2.square()) * focal + centre, "reflect")


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
        scale = torch.tensor([(right - left) / x, (bottom - top) / y])
        low = torch.tensor([left, top])
        return look_up(picture, (pixels(picture.sides) + 0.5) * scale + low - 0.5, "reflect")


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
        return look_up(picture, (pixels(picture.sides) + 0.5 - torch.tensor([x0, y0])) / zoom - 0.5, "zero")


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
