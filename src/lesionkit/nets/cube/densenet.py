"""Layers that see all layers before them, in three dimensions."""

from typing import cast

import torch
from torch import Tensor, nn

from lesionkit.nets.cube.guarded import Guarded, MeanPool

BLOCKS = 3


class Densenet(nn.Module):
    """Maps cubes (b, 1, z, y, x) to two logits (b, 2); system 0, rows 0.45 and 0.46 (Huang et al. 2017).

    Convolutions have biases, and neither the transitions nor the end have a norm, as published.

    Args:
        width: maps of the first convolution.
        layers: per block.
        growth: maps that a layer adds.
        narrow: a convolution of 1 to `growth` maps before each of 3.
        compression: share of maps that a transition keeps.
    """

    def __init__(self, width: int, layers: int, growth: int, narrow: bool, compression: float, dropout: float) -> None:
        super().__init__()
        body: list[nn.Module] = [Guarded(3, 1, width)]
        for block in range(BLOCKS):
            for _ in range(layers):
                body.append(_Layer(width, growth, narrow))
                width += growth
            if block < BLOCKS - 1:
                kept = max(1, int(width * compression))
                body += [Guarded(3, width, kept, kernel=1), MeanPool(2)]
                width = kept
        self.body = nn.Sequential(*body)
        self.top = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, 2))

    def forward(self, cube: Tensor) -> Tensor:
        """See the class."""
        return cast(Tensor, self.top(self.body(cube).mean(dim=(2, 3, 4))))


class _Layer(nn.Module):
    """Adds maps to those that come in."""

    def __init__(self, inputs: int, growth: int, narrow: bool) -> None:
        super().__init__()
        first = [nn.BatchNorm3d(inputs), nn.ReLU(), Guarded(3, inputs, growth, kernel=1)] if narrow else []
        inputs = growth if narrow else inputs
        self.added = nn.Sequential(*first, nn.BatchNorm3d(inputs), nn.ReLU(), Guarded(3, inputs, growth))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.added(x)], dim=1)
