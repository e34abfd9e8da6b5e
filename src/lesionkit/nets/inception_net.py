"""The Inception-v3 of system 4, row 4.14: narrower by a divisor, padded, cut at mixed7, and brought back up."""

import itertools
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

_UP = (128, 64, 32, 16)


class InceptionNet(nn.Module):
    """Maps slides (b, 3, y, x), sides multiples of 16, to logits (b, 1, y, x). No skips.

    The softmax over two classes is kept as published; the logit is their difference, which is the same probability.

    Args:
        divisor: every width of Inception-v3 is divided by this (`down_para`); those of the way up are not.
        dropout: share of the deepest maps dropped; not published.
    """

    stride = 1
    multiple = 16

    def __init__(self, divisor: int, dropout: float) -> None:
        super().__init__()

        def narrow(*widths: int) -> tuple[int, ...]:
            return tuple(max(1, width // divisor) for width in widths)

        stem = narrow(32, 32, 64, 80, 192)
        self.stem = nn.Sequential(
            *[_convolution(3, stem[0], stride=2), _convolution(stem[0], stem[1]), _convolution(stem[1], stem[2])],
            nn.MaxPool2d(3, stride=2, padding=1),
            *[_convolution(stem[2], stem[3], (1, 1)), _convolution(stem[3], stem[4])],
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        inputs, mixed = stem[4], list[_Mixed]()
        for pooled in (32, 64, 64):
            mixed.append(_mixed35(inputs, narrow(64, 48, 64, 64, 96, 96, pooled)))
            inputs = mixed[-1].outputs
        mixed.append(_mixed_down(inputs, narrow(384, 64, 96, 96)))
        for width in (128, 160, 160, 192):
            mixed.append(_mixed17(mixed[-1].outputs, narrow(192, width)))
        self.mixed = nn.Sequential(*mixed)
        self.dropout = nn.Dropout(dropout)
        widths = [mixed[-1].outputs, *_UP]
        self.up = nn.Sequential(*[_Up(a, b) for a, b in itertools.pairwise(widths)])
        self.last = nn.Sequential(nn.Conv2d(_UP[-1], 2, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(2, 2, 1))

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        two = self.last(self.up(self.dropout(self.mixed(self.stem(image)))))
        return torch.sub(two[:, 1:], two[:, :1])


class _Mixed(nn.Module):
    """Branches side by side."""

    def __init__(self, branches: Sequence[nn.Module], outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.outputs = outputs

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class _Up(nn.Module):
    """Twice the side: nearest, 2 × 2, and two of 3 × 3."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 2)
        self.rest = nn.Sequential(
            *[nn.ReLU(inplace=True), nn.Conv2d(outputs, outputs, 3, padding=1)],
            *[nn.ReLU(inplace=True), nn.Conv2d(outputs, outputs, 3, padding=1), nn.ReLU(inplace=True)],
        )

    def forward(self, x: Tensor) -> Tensor:
        # Keras pads a convolution of two at the end.
        return cast(Tensor, self.rest(self.first(pad(interpolate(x, scale_factor=2), (0, 1, 0, 1)))))


def _convolution(inputs: int, outputs: int, kernel: tuple[int, int] = (3, 3), stride: int = 1) -> nn.Sequential:
    """Convolution without bias, batch norm, ReLU, as in Keras; padded."""
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
        nn.ReLU(inplace=True),
    )


def _chain(inputs: int, *parts: tuple[int, tuple[int, int]]) -> nn.Sequential:
    widths = [inputs, *(width for width, _ in parts)]
    return nn.Sequential(
        *[_convolution(a, b, kernel) for a, b, (_, kernel) in zip(widths, widths[1:], parts, strict=False)]
    )


def _pooled(inputs: int, outputs: int) -> nn.Sequential:
    mean = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return nn.Sequential(mean, _convolution(inputs, outputs, (1, 1)))


def _mixed35(inputs: int, widths: tuple[int, ...]) -> _Mixed:
    """mixed0 to mixed2."""
    one, five_in, five, three_in, three, three_again, pooled = widths
    branches = (
        _chain(inputs, (one, (1, 1))),
        _chain(inputs, (five_in, (1, 1)), (five, (5, 5))),
        _chain(inputs, (three_in, (1, 1)), (three, (3, 3)), (three_again, (3, 3))),
        _pooled(inputs, pooled),
    )
    return _Mixed(branches, one + five + three_again + pooled)


def _mixed_down(inputs: int, widths: tuple[int, ...]) -> _Mixed:
    """mixed3, which halves the sides."""
    wide, first, second, third = widths
    branches = (
        _convolution(inputs, wide, stride=2),
        nn.Sequential(
            _convolution(inputs, first, (1, 1)), _convolution(first, second), _convolution(second, third, stride=2)
        ),
        nn.MaxPool2d(3, stride=2, padding=1),
    )
    return _Mixed(branches, wide + third + inputs)


def _mixed17(inputs: int, widths: tuple[int, ...]) -> _Mixed:
    """mixed4 to mixed7: 7 × 7 in two strips."""
    out, w = widths
    across, down = (1, 7), (7, 1)
    branches = (
        _chain(inputs, (out, (1, 1))),
        _chain(inputs, (w, (1, 1)), (w, across), (out, down)),
        _chain(inputs, (w, (1, 1)), (w, down), (w, across), (w, down), (out, across)),
        _pooled(inputs, out),
    )
    return _Mixed(branches, 4 * out)
