"""A map of a network that is held only where it is needed: boxes of cells, each with the cells around it at hand."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lesionkit.core.grid import Box
from lesionkit.infer.scratch import Scratch, Shelf


def grown(box: Box, cells: Sequence[int], shape: Sequence[int]) -> Box:
    """A box with so many more cells on each side, cut off at the ends of the map."""
    return tuple(
        slice(max(b.start - more, 0), min(b.stop + more, n)) for b, more, n in zip(box, cells, shape, strict=True)
    )


def around(box: Box, cells: int) -> Box:
    """A box with so many more cells on each side, beyond the ends of the map too."""
    return tuple(slice(b.start - cells, b.stop + cells) for b in box)


def within(box: Box, outer: Box) -> Box:
    """A box as counted from the first cell of one that holds it."""
    return tuple(slice(b.start - o.start, b.stop - o.start) for b, o in zip(box, outer, strict=True))


def strided(box: Box, stride: Sequence[int]) -> Box:
    """The samples below a box of cells."""
    return tuple(slice(b.start * s, b.stop * s) for b, s in zip(box, stride, strict=True))


def tiles(shape: Sequence[int], side: int) -> list[Box]:
    """Boxes of at most `side` cells along each axis that cover a map.

    >>> [box[0] for box in tiles((5, 3), 3)]
    [slice(0, 3, None), slice(3, 5, None)]
    """
    boxes: list[Box] = [()]
    for size in shape:
        cuts = [slice(start, min(start + side, size)) for start in range(0, size, side)]
        boxes = [(*box, cut) for box in boxes for cut in cuts]
    return boxes


def sides(box: Box) -> tuple[int, ...]:
    """How many cells a box has along each axis."""
    return tuple(b.stop - b.start for b in box)


def _assembled(box: Box, channels: int, parts: Iterable[tuple[Box, Tensor]]) -> Tensor | None:
    """(channels, *cells of the box), put together from parts that it touches; elsewhere 0. None without any."""
    result = None
    for own, part in parts:
        if result is None:
            result = torch.zeros((channels, *sides(box)), dtype=part.dtype, device=part.device)
        result[(slice(None), *within(_common(own, box), box))] = part
    return result


def _common(one: Box, other: Box) -> Box:
    return tuple(slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True))


def _touch(one: Box, other: Box) -> bool:
    return all(side.start < side.stop for side in _common(one, other))


class CellsOnDemand:
    """A map whose boxes are computed when they are first read, and kept.

    Args:
        shape: cells of the whole map along each axis.
        boxes: that cover it.
        make: gives (channels, *cells of a box).
    """

    def __init__(
        self, shape: Sequence[int], boxes: Sequence[Box], make: Callable[[Box], Tensor], scratch: Scratch
    ) -> None:
        self.shape, self.boxes, self.make = tuple(shape), boxes, make
        self.shelf, self.numbers, self.channels = scratch.shelf(), dict[int, int](), 0

    def read(self, box: Box) -> Tensor:
        """(channels, *cells of the box)."""
        touched = [number for number, own in enumerate(self.boxes) if _touch(own, box)]
        for number in touched:
            if number not in self.numbers:
                made = self.make(self.boxes[number])
                self.channels = made.shape[0]
                self.numbers[number] = self.shelf.put(made)
        result = _assembled(box, self.channels, (self._piece(number, box) for number in touched))
        if result is None:
            raise ValueError(f"{box} lies outside of a map of {self.shape} cells")
        return result

    def _piece(self, number: int, box: Box) -> tuple[Box, Tensor]:
        own = self.boxes[number]
        part = self.shelf.get(self.numbers[number])
        return own, part[(slice(None), *within(_common(own, box), own))]


@dataclass(frozen=True, eq=False)
class CellParts:
    """Disjoint boxes of a map (channels, *cells) and what is known there; elsewhere it is 0.

    Attributes:
        shape: cells of the whole map along each axis.
        shelf: holds the part of each box by its number, (channels, *its cells).
        after: (2, channels) scale and offset that are still to be applied to what is known, and then a rectifier.
    """

    shape: tuple[int, ...]
    boxes: Sequence[Box]
    shelf: Shelf
    channels: int
    scratch: Scratch
    after: Tensor | None = None

    @classmethod
    def made(
        cls,
        shape: Sequence[int],
        boxes: Sequence[Box],
        make: Callable[[Box], Tensor],
        scratch: Scratch,
        norm: "Norm | None" = None,
    ) -> "CellParts":
        """From what a function gives for each box."""
        shelf, channels, means = scratch.shelf(), 0, _Means(norm)
        for box in boxes:
            part = make(box)
            means.add(part, box)
            shelf.put(part)
            channels = part.shape[0]
        return cls(tuple(shape), boxes, shelf, channels, scratch, means.affine())

    def read(self, box: Box) -> Tensor:
        """(channels, *cells of the box), put together from the parts that it touches; 0 beyond the map too."""
        pieces = (self._piece(number, box) for number, own in enumerate(self.boxes) if _touch(own, box))
        result = _assembled(box, self.channels, pieces)
        if result is None:
            like = self.shelf.get(0)
            return torch.zeros((self.channels, *sides(box)), dtype=like.dtype, device=like.device)
        return result

    def _piece(self, number: int, box: Box) -> tuple[Box, Tensor]:
        own = self.boxes[number]
        part = self.shelf.get(number)[(slice(None), *within(_common(own, box), own))]
        if self.after is not None:
            scale, offset = self.after.view(2, -1, *(1,) * len(self.shape))
            part = torch.addcmul(offset, part.float(), scale).relu_().to(part.dtype)
        return own, part

    def convolved(
        self,
        layer: Callable[[Tensor], Tensor],
        boxes: Sequence[Box] | None = None,
        norm: "Norm | None" = None,
        done: Callable[[], None] = lambda: None,
    ) -> "CellParts":
        """After a convolution that looks one cell far and keeps the size; beyond its ends a map is 0.

        Args:
            layer: the convolution without padding.
            boxes: of the result; None for those of this map. Around them a cell more is held here.
            norm: after it.
            done: called after each box.
        """

        def make(box: Box) -> Tensor:
            result = layer(self.read(around(box, 1))[None])[0]
            done()
            return result

        return CellParts.made(self.shape, self.boxes if boxes is None else boxes, make, self.scratch, norm)


@dataclass(frozen=True, eq=False)
class Norm:
    """A group norm and a rectifier after it. The means are of one whole, however the map is cut into parts.

    Attributes:
        over: (x, y, z) the cells that the means are of; what else a part holds does not count.
    """

    layer: nn.GroupNorm
    over: NDArray[np.bool_]


class _Means:
    """Means and variances of the groups of a group norm, over parts that come one after the other."""

    def __init__(self, norm: Norm | None) -> None:
        self.norm = norm
        self.rows: list[tuple[int, Tensor]] = []

    def add(self, part: Tensor, box: Box) -> None:
        if self.norm is None:
            return
        counted = self.norm.over[box]
        values = part.flatten(1)
        if not counted.all():
            values = values[:, torch.from_numpy(counted.ravel()).to(part.device)]
        if values.shape[1]:
            rows = values.reshape(self.norm.layer.num_groups, -1).float()
            variance, mean = torch.var_mean(rows, dim=1, correction=0)
            self.rows.append((values.shape[1], torch.stack([mean, variance]).double().cpu()))

    def affine(self) -> Tensor | None:
        """(2, channels) scale and offset; None without a norm."""
        if self.norm is None:
            return None
        norm, total = self.norm.layer, sum(count for count, _ in self.rows)
        mean = sum((count / total * row[0] for count, row in self.rows), torch.zeros(norm.num_groups).double())
        spread = ((count / total * (row[1] + (row[0] - mean) ** 2)) for count, row in self.rows)
        deviation = (sum(spread, torch.zeros_like(mean)) + norm.eps).rsqrt()
        each = norm.num_channels // norm.num_groups
        device = norm.weight.device
        scale = norm.weight.float() * deviation.repeat_interleave(each).float().to(device)
        offset = norm.bias.float() - scale * mean.repeat_interleave(each).float().to(device)
        return torch.stack([scale, offset])
