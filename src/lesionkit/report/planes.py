"""Axial, coronal and sagittal planes of an upright image, as radiologists look at them.

The patient's right is on the left of the picture, the front on top (axial) or on the left (sagittal), the head on top.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image as Pillow

from lesionkit.core.grid import Grid
from lesionkit.report.picture import Letters

_LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))  # towards +x, -x; +y, -y; +z, -z of the LPS world
_OBLIQUE = 0.2  # a second letter where an axis leans by more than about 12 degrees


@dataclass(frozen=True)
class Plane:
    """Which array axes of an upright image a picture shows.

    Attributes:
        across, down, right: array axes along the normal, down the picture, to its right.
        head_up: whether the picture's rows run against the array axis.
    """

    name: str
    across: int
    down: int
    right: int
    head_up: bool


AXIAL = Plane("axial", across=0, down=1, right=2, head_up=False)
CORONAL = Plane("coronal", across=1, down=0, right=2, head_up=True)
SAGITTAL = Plane("sagittal", across=2, down=0, right=1, head_up=True)
PLANES = (AXIAL, CORONAL, SAGITTAL)


def direction_letters(direction: ArrayLike) -> str:
    """Where a world direction (x, y, z) points to; the letter of the largest part first.

    >>> direction_letters([1, 0, 0]), direction_letters([0, -1, 0]), direction_letters([0, 0.6, -0.8])
    ('L', 'A', 'FP')
    """
    parts = np.asarray(direction, dtype=float)
    order = np.argsort(-np.abs(parts), kind="stable")
    return "".join(_LETTERS[w][0 if parts[w] > 0 else 1] for w in order if abs(parts[w]) >= _OBLIQUE)


def letters(grid: Grid, plane: Plane) -> Letters:
    """The letters at the edges of a picture of `plane`; `grid` is upright, but may be oblique."""
    direction = np.array(grid.direction)
    right, down = direction[:, plane.right], direction[:, plane.down] * (-1 if plane.head_up else 1)
    return Letters(*(direction_letters(d) for d in (-right, right, -down, down)))


@dataclass(frozen=True)
class View:
    """Which rectangle of a plane a picture shows, and how large.

    Attributes:
        first: edge of the rectangle as a fractional index (down, right); sample 0 spans -0.5 … 0.5.
        last: the opposite edge.
        shape: pixels (rows, columns).
    """

    plane: Plane
    grid: Grid
    first: tuple[float, float]
    last: tuple[float, float]
    shape: tuple[int, int]

    @classmethod
    def around(cls, plane: Plane, grid: Grid, index: Sequence[float], field_mm: float, pixels: int) -> "View":
        """A square of `field_mm` with a fractional array position (z, y, x) in its very middle."""
        half = [field_mm / 2 / grid.spacing_mm[axis] for axis in (plane.down, plane.right)]
        middle = [index[plane.down], index[plane.right]]
        return cls(
            plane,
            grid,
            (middle[0] - half[0], middle[1] - half[1]),
            (middle[0] + half[0], middle[1] + half[1]),
            (pixels, pixels),
        )

    @classmethod
    def whole(cls, plane: Plane, grid: Grid, mm_per_pixel: float) -> "View":
        """All of a plane."""
        shape = tuple(max(1, round(grid.size_mm[axis] / mm_per_pixel)) for axis in (plane.down, plane.right))
        return cls(
            plane,
            grid,
            (-0.5, -0.5),
            (grid.shape[plane.down] - 0.5, grid.shape[plane.right] - 0.5),
            (shape[0], shape[1]),
        )

    @property
    def mm_per_pixel(self) -> float:
        return (self.last[1] - self.first[1]) * self.grid.spacing_mm[self.plane.right] / self.shape[1]

    def places(self, index: ArrayLike) -> NDArray[np.float64]:
        """Pixels (n, 2) in (x, y) of fractional array positions (n, 3) in (z, y, x)."""
        at = np.asarray(index, dtype=float)[:, [self.plane.down, self.plane.right]]
        first, last = np.array(self.first), np.array(self.last)
        down, right = ((at - first) / (last - first) * np.array(self.shape)).T
        return np.stack([right, self.shape[0] - down if self.plane.head_up else down], axis=1)

    def place(self, index: ArrayLike) -> tuple[float, float]:
        """Pixel (x, y) of one fractional array position (z, y, x)."""
        x, y = self.places(np.asarray(index, dtype=float)[None])[0].tolist()
        return x, y

    def show(self, samples: NDArray[np.number], fill: float, *, smooth: bool = True) -> NDArray[np.float32]:
        """Resample a plane (down, right) of the image into the picture; beyond the image it is `fill`."""
        start = [int(np.floor(edge + 0.5)) - 2 for edge in self.first]
        stop = [int(np.ceil(edge + 0.5)) + 2 for edge in self.last]
        block = _padded(samples, start, stop, fill)
        edges = [(a + 0.5 - s, b + 0.5 - s) for a, b, s in zip(self.first, self.last, start, strict=True)]
        shown = Pillow.fromarray(block).resize(
            (self.shape[1], self.shape[0]),
            Pillow.Resampling.BICUBIC if smooth else Pillow.Resampling.BILINEAR,
            box=(edges[1][0], edges[0][0], edges[1][1], edges[0][1]),
        )
        array: NDArray[np.float32] = np.asarray(shown)
        return array[::-1] if self.plane.head_up else array


def _padded(samples: NDArray[np.number], start: Sequence[int], stop: Sequence[int], fill: float) -> NDArray[np.float32]:
    block = np.full([b - a for a, b in zip(start, stop, strict=True)], fill, dtype=np.float32)
    inside = [slice(min(max(a, 0), n), min(max(b, 0), n)) for a, b, n in zip(start, stop, samples.shape, strict=True)]
    target = tuple(slice(i.start - a, i.stop - a) for i, a in zip(inside, start, strict=True))
    block[target] = samples[tuple(inside)]
    return block
