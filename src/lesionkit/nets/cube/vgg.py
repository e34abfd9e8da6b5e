"""Convolutions of 3 in blocks with maxima between them: the classifier that the others are measured against."""

from typing import cast

from torch import Tensor, nn

from lesionkit.nets.cube.guarded import plain

SIMPLE = ((16, 2), (32, 2), (64, 3), (128, 3))
FULL = ((32, 2), (64, 2), (128, 3), (256, 3), (512, 3))
HIDDEN = 32


class Vgg(nn.Module):
    """Maps cubes (b, 1, z, y, x) to two logits (b, 2); system 0, rows 0.35 and 0.36.

    Args:
        blocks: (maps, convolutions) each; all but the last end in a maximum of 2.
        norm: a batch norm after each pooling.
        dropout: share of the hidden features dropped.
    """

    def __init__(self, blocks: tuple[tuple[int, int], ...], norm: bool, dropout: float) -> None:
        super().__init__()
        layers, inputs = list[nn.Module](), 1
        for number, (maps, convolutions) in enumerate(blocks):
            for _ in range(convolutions):
                layers.append(plain(3, inputs, maps, norm=False))
                inputs = maps
            if number < len(blocks) - 1:
                layers += [nn.MaxPool3d(2), *([nn.BatchNorm3d(maps)] if norm else [])]
        self.body = nn.Sequential(*layers)
        self.top = nn.Sequential(
            nn.Linear(inputs, HIDDEN), nn.ReLU(inplace=True), nn.Dropout(dropout), nn.Linear(HIDDEN, 2)
        )

    def forward(self, cube: Tensor) -> Tensor:
        """See the class."""
        return cast(Tensor, self.top(self.body(cube).amax(dim=(2, 3, 4))))
