"""Bottlenecks beside what comes in, in three dimensions."""

from typing import cast

from torch import Tensor, nn

from lesionkit.nets.cube.guarded import unit

SHRINK_EVERY = 4


class Resnet(nn.Module):
    """Maps cubes (b, 1, z, y, x) to two logits (b, 2); system 0, rows 0.42 to 0.44 (He et al. 2016).

    Args:
        width: maps of the first convolution, 16 as published.
        bottlenecks: every fourth halves the sides and doubles the maps, the first too.
    """

    def __init__(self, width: int, bottlenecks: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [unit(1, width)]
        for number in range(bottlenecks):
            shrinks = number % SHRINK_EVERY == 0
            layers.append(_Bottleneck(width, shrinks))
            width = 2 * width if shrinks else width
        self.body = nn.Sequential(*layers)
        self.top = nn.Linear(width, 2)

    def forward(self, cube: Tensor) -> Tensor:
        """See the class."""
        return cast(Tensor, self.top(self.body(cube).amax(dim=(2, 3, 4))))


class _Bottleneck(nn.Module):
    """1, 3 and 1 on a quarter of the maps; the shortcut of one that halves the sides is a convolution of 3."""

    def __init__(self, width: int, shrinks: bool) -> None:
        super().__init__()
        inside, outputs, stride = (width // 2, 2 * width, 2) if shrinks else (width // 4, width, 1)
        self.inside = nn.Sequential(
            unit(width, inside, 1, stride), unit(inside, inside), unit(inside, outputs, 1, relu=False)
        )
        self.beside = unit(width, outputs, 3, stride, relu=False) if shrinks else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, (self.inside(x) + self.beside(x)).relu())
