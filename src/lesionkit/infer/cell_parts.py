"""A map of a network that is held only where it is needed: boxes of cells, each with the cells around it at hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lesionkit.core.grid import Box


def grown(box: Box, cells: Sequence[int], shape: Sequence[int]) -> Box:
    """A box with so many more cells on each side, cut off at the ends of the map."""
    return tuple(
        slice(max(b.start - more, 0), min(b.stop + more, n)) for b, more, n in zip(box, cells, shape, strict=True)
    )


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


def _assembled(box: Box, parts: Sequence[tuple[Box, Tensor]]) -> Tensor:
    """(channels, *cells of the box), put together from parts that it touches; elsewhere it is 0."""
    like = parts[0][1]
    sides = tuple(b.stop - b.start for b in box)
    result = torch.zeros((like.shape[0], *sides), dtype=like.dtype, device=like.device)
    for own, part in parts:
        common = _common(own, box)
        result[(slice(None), *within(common, box))] = part[(slice(None), *within(common, own))]
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

    def __init__(self, shape: Sequence[int], boxes: Sequence[Box], make: Callable[[Box], Tensor]) -> None:
        self.shape, self.boxes, self.make = tuple(shape), boxes, make
        self.held: dict[int, Tensor] = {}

    def read(self, box: Box) -> Tensor:
        """(channels, *cells of the box)."""
        touched = [number for number, own in enumerate(self.boxes) if _touch(own, box)]
        for number in touched:
            if number not in self.held:
                self.held[number] = self.make(self.boxes[number])
        return _assembled(box, [(self.boxes[number], self.held[number]) for number in touched])


@dataclass(frozen=True, eq=False)
class CellParts:
    """Disjoint boxes of a map (channels, *cells) and what is known there; elsewhere it is 0.

    Attributes:
        shape: cells of the whole map along each axis.
        parts: of each box, (channels, *its cells).
    """

    shape: tuple[int, ...]
    boxes: Sequence[Box]
    parts: list[Tensor]

    @classmethod
    def made(cls, shape: Sequence[int], boxes: Sequence[Box], make: Callable[[Box], Tensor]) -> "CellParts":
        """From what a function gives for each box."""
        return cls(tuple(shape), boxes, [make(box) for box in boxes])

    def read(self, box: Box) -> Tensor:
        """(channels, *cells of the box), put together from the parts that it touches."""
        pairs = [pair for pair in zip(self.boxes, self.parts, strict=True) if _touch(pair[0], box)]
        if not pairs:
            like = self.parts[0]
            sides = tuple(b.stop - b.start for b in box)
            return torch.zeros((like.shape[0], *sides), dtype=like.dtype, device=like.device)
        return _assembled(box, pairs)

    def convolved(self, layer: torch.nn.Module, boxes: Sequence[Box] | None = None) -> "CellParts":
        """After a convolution that looks one cell far and keeps the size; the map's own end is the convolution's.

        Args:
            boxes: of the result; None for those of this map. Around them a cell more is held here.
        """

        def make(box: Box) -> Tensor:
            outer = grown(box, (1,) * len(self.shape), self.shape)
            full: Tensor = layer(self.read(outer)[None])[0]
            return full[(slice(None), *within(box, outer))].clone()

        return CellParts.made(self.shape, self.boxes if boxes is None else boxes, make)

    def normalised(self, norm: torch.nn.GroupNorm) -> "CellParts":
        """After a group norm whose means are over all cells that are held, and a rectifier; in place.

        The means are of one whole, so that two parts fit together as if they had never been cut.
        """
        groups = norm.num_groups
        total = torch.zeros(groups, dtype=torch.float64)
        squares, count = torch.zeros_like(total), 0
        for part in self.parts:
            rows = part.reshape(groups, -1).float()
            total += rows.sum(dim=1).double().cpu()
            squares += rows.square().sum(dim=1).double().cpu()
            count += rows.shape[1]
        mean = total / count
        deviation = ((squares / count - mean.square()).clamp_min(0) + norm.eps).rsqrt()
        each = norm.num_channels // groups
        device = self.parts[0].device
        scale = norm.weight.float() * deviation.repeat_interleave(each).float().to(device)
        offset = norm.bias.float() - scale * mean.repeat_interleave(each).float().to(device)
        around = (slice(None), *(None,) * len(self.shape))
        for part in self.parts:
            part.copy_((part.float() * scale[around] + offset[around]).relu_())
        return self
