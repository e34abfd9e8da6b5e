"""Branches of several reaches side by side, in three dimensions."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from lesionkit.nets.cube.guarded import MeanPool, unit

WIDTH, REDUCED = 128, 64
STEM = (32, 32, 64)


class Inception(nn.Module):
    """Maps cubes (b, 1, z, y, x) to two logits (b, 2); system 0, rows 0.37 to 0.41. Sides of at least 24
    where there are six blocks: the last maps are three samples wide at least.

    Args:
        width: maps of a branch; 128 as published, of a reduction and the stem in proportion.
        blocks: mixed blocks; a reduction follows every second but the last.
        shrink: maps of the narrow convolutions of 1, as a share of `width`.
        separable: with the branch of 5 along z, then y, then x.
    """

    def __init__(self, width: int, blocks: int, shrink: float, separable: bool, dropout: float) -> None:
        super().__init__()
        first, second, third = (max(1, width * maps // WIDTH) for maps in STEM)
        reduced = max(1, width * REDUCED // WIDTH)
        self.stem = nn.Sequential(unit(1, first), unit(first, second), unit(second, third))
        layers: list[nn.Module] = [_Side([nn.MaxPool3d(2), unit(third, third, stride=2)])]
        inputs = 2 * third
        for number in range(1, blocks + 1):
            layers.append(_mixed(inputs, width, shrink, separable))
            inputs = width * (5 if separable else 4)
            if number % 2 == 0 and number < blocks:
                layers.append(_reduction(inputs, reduced, separable))
                inputs = reduced * (4 if separable else 3)
        self.body = nn.Sequential(*layers)
        self.top = nn.Sequential(nn.Dropout(dropout), nn.Linear(inputs, 2))

    def forward(self, cube: Tensor) -> Tensor:
        """See the class."""
        return cast(Tensor, self.top(self.body(self.stem(cube)).amax(dim=(2, 3, 4))))


class _Side(nn.Module):
    """Branches side by side."""

    def __init__(self, branches: Sequence[nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def _strips(inputs: int, outputs: int) -> tuple[nn.Sequential, ...]:
    """Five along each axis in turn."""
    return (unit(inputs, outputs, (5, 1, 1)), unit(outputs, outputs, (1, 5, 1)), unit(outputs, outputs, (1, 1, 5)))


def _mixed(inputs: int, width: int, shrink: float, separable: bool) -> _Side:
    narrow = max(1, int(width * shrink))
    branches: list[nn.Module] = [
        unit(inputs, width, 1),
        nn.Sequential(unit(inputs, narrow, 1), unit(narrow, width)),
        nn.Sequential(unit(inputs, narrow, 1), unit(narrow, width), unit(width, width)),
        nn.Sequential(MeanPool(3, stride=1, padding=1, count_include_pad=False), unit(inputs, width, 1)),
    ]
    if separable:
        branches.append(nn.Sequential(unit(inputs, narrow, 1), *_strips(narrow, width)))
    return _Side(branches)


def _reduction(inputs: int, width: int, separable: bool) -> _Side:
    branches: list[nn.Module] = [
        unit(inputs, width, stride=2),
        nn.Sequential(unit(inputs, width, 1), unit(width, width), unit(width, width, stride=2)),
        nn.Sequential(nn.MaxPool3d(3, stride=2, padding=1), unit(inputs, width, 1)),
    ]
    if separable:
        branches.append(nn.Sequential(unit(inputs, width, 1), *_strips(width, width), unit(width, width, stride=2)))
    return _Side(branches)
