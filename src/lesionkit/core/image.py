"""The narrow image that flows through every stage: where the samples sit, and read a box of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.display import Displayed
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box, Grid


class Image(Protocol):
    """An array somewhere: in memory, in the store, in a slide file."""

    @property
    def grid(self) -> Grid: ...

    def read(self, box: Box) -> NDArray[Any]:
        """The samples of a box that lies inside `grid.shape`; channels, if any, come last."""
        ...


@dataclass(frozen=True, eq=False)
class ArrayImage(Displayed):
    """An image that lies in memory. `read` returns a view."""

    grid: Grid
    array: NDArray[Any]

    def __post_init__(self) -> None:
        if self.array.shape[: self.grid.ndim] != self.grid.shape:
            raise LesionkitError(f"array of shape {self.array.shape} does not fit a grid of shape {self.grid.shape}")

    def read(self, box: Box) -> NDArray[Any]:
        return self.array[box]


def upright(image: Image) -> ArrayImage:
    """The same samples in memory with axes turned along (z, y, x) as far as flips and transpositions can."""
    axes, flips = image.grid.upright_axes
    array = image.read(image.grid.whole)
    axes += tuple(range(image.grid.ndim, array.ndim))
    array = np.flip(array.transpose(axes), tuple(a for a, f in enumerate(flips) if f))
    return ArrayImage(image.grid.turned_upright(), np.ascontiguousarray(array))


Beyond: TypeAlias = Literal["mirrored", "continued"]
"""What is thought to lie beyond the ends of an image: the image mirrored there, or its last samples again and again."""


def read_beyond(image: Image, start: Sequence[int], shape: Sequence[int], beyond: Beyond) -> NDArray[Any]:
    """The samples of a box that may reach beyond the image, but overlaps it.

    Args:
        start: index of the first sample in array order, may be negative.
        shape: samples per axis of the result.
    """
    stops = [s + n for s, n in zip(start, shape, strict=True)]
    inside = tuple(slice(max(a, 0), min(b, size)) for a, b, size in zip(start, stops, image.grid.shape, strict=True))
    block = image.read(inside)
    pads = [(i.start - a, b - i.stop) for i, a, b in zip(inside, start, stops, strict=True)]
    if not any(map(any, pads)):
        return block
    pads += [(0, 0)] * (block.ndim - len(pads))
    return np.pad(block, pads, mode="symmetric" if beyond == "mirrored" else "edge")


def read_padded(image: Image, start: Sequence[int], shape: Sequence[int], fill: float) -> NDArray[Any]:
    """The samples of a box that may reach beyond the image; outside it is `fill`.

    Args:
        start: index of the first sample in array order, may be negative.
        shape: samples per axis of the result.
    """
    stops = [s + n for s, n in zip(start, shape, strict=True)]
    inside = tuple(
        slice(min(max(a, 0), size), min(max(b, 0), size))
        for a, b, size in zip(start, stops, image.grid.shape, strict=True)
    )
    block = image.read(inside)
    if block.shape[: len(start)] == tuple(shape):
        return block
    result = np.full((*shape, *block.shape[len(start) :]), fill, dtype=block.dtype)
    result[tuple(slice(i.start - a, i.stop - a) for i, a in zip(inside, start, strict=True))] = block
    return result
