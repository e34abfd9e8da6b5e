"""Cubes at every place of the output: lesions to what the network should say of them and back, in one class."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PER_ANCHOR = 5
"""logit, offset z, offset y, offset x, log of the size."""
_FARTHEST = 3.0


@dataclass(frozen=True)
class Anchors:
    """Cubes of a few sides at every place of a lattice.

    Places are counted in samples of the input; cell c of an axis has its cubes around sample
    `stride * c + (stride - 1) / 2` (row 2.21). A cube is told by offsets in units of the anchor's side, and the
    logarithm of its side over the anchor's (row 2.22). Law: decode(encode(x)) = x.

    Attributes:
        sides: of the cubes, in samples.
        stride: samples from a place to the next.
    """

    sides: tuple[float, ...] = (10.0, 30.0, 60.0)
    stride: int = 4

    def centres(self, cells: int) -> Tensor:
        """(cells,) samples in the middle of each cell along one axis.

        >>> Anchors().centres(3)
        tensor([1.5000, 5.5000, 9.5000], dtype=torch.float64)
        """
        return torch.arange(cells, dtype=torch.float64) * self.stride + (self.stride - 1) / 2

    def cubes(self, anchors: Tensor, places: Tensor) -> Tensor:
        """(k, 4) centre z, y, x and side of anchors.

        Args:
            anchors: (k,) which of the sides.
            places: (k, 3) cells.
        """
        centre = places.double() * self.stride + (self.stride - 1) / 2
        sides = torch.tensor(self.sides, dtype=torch.float64, device=places.device)
        return torch.cat([centre, sides[anchors][:, None]], dim=1)

    def encode(self, cubes: Tensor, lesions: Tensor) -> Tensor:
        """(k, 4) what is to be said of lesions: offset z, y, x in anchors and log(side / anchor).

        Args:
            cubes: (k, 4) anchors, see `cubes`.
            lesions: (k, 4) centre z, y, x and diameter in samples.
        """
        return torch.cat(
            [(lesions[:, :3] - cubes[:, :3]) / cubes[:, 3:], torch.log(lesions[:, 3:] / cubes[:, 3:])], dim=1
        )

    def decode(self, cubes: Tensor, said: Tensor) -> Tensor:
        """(k, 4) centre z, y, x and diameter in samples; inverse of `encode`. No cube is farther than 3 anchors away,
        nor more than e³ times larger or smaller.
        """
        said = said.double().clamp(-_FARTHEST, _FARTHEST)
        return torch.cat([cubes[:, :3] + said[:, :3] * cubes[:, 3:], said[:, 3:].exp() * cubes[:, 3:]], dim=1)

    def overlaps(self, cells: Sequence[int], cube: Sequence[float]) -> Tensor:
        """(a, z, y, x) intersection over union of every anchor with a cube: centre z, y, x and side in samples."""
        *centre, side = cube
        found = []
        for own in self.sides:
            z, y, x = (
                (
                    torch.minimum(at + own / 2, torch.tensor(c + side / 2))
                    - torch.maximum(at - own / 2, torch.tensor(c - side / 2))
                ).clamp(min=0)
                for at, c in zip((self.centres(n) for n in cells), centre, strict=True)
            )
            inner = z[:, None, None] * y[None, :, None] * x[None, None, :]
            found.append(inner / (own**3 + side**3 - inner))
        return torch.stack(found)


def as_anchors(maps: Tensor) -> Tensor:
    """(b, a × 5, z, y, x) -> (b, a, 5, z, y, x): the channels of an anchor lie together."""
    batch, channels = maps.shape[:2]
    return maps.reshape(batch, channels // PER_ANCHOR, PER_ANCHOR, *maps.shape[2:])
