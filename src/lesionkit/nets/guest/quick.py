"""The same arithmetic in less time: batch norms folded, and 3 x 3 x 3 convolutions by the algorithm of Winograd.

Winograd's F(4, 3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016) along three axes
takes 3.4 multiplications an output instead of 27. On one core of a CPU with AVX-512 a convolution of 256 to 256 maps
takes 0.37 of the time that oneDNN needs in fp32, and 0.75 of its time in bf16; its error, with these points, is
0.000003 of what comes out (standard deviations), see `benchmarks/bundles.py convolution`.
"""

import copy
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv3d, pad
from torch.nn.utils.fusion import fuse_conv_bn_eval

Convolution = Callable[[Tensor], Tensor]
"""(1, c, x + 2, y + 2, z + 2) -> (1, d, x, y, z)."""

OUT, SIDE = 4, 6
"""Outputs of a tile along each axis, and samples that they look at."""
_POINTS = tuple(Fraction(n, 2) for n in (0, 1, -1, 3, -3))
"""Where polynomials are evaluated, beside infinity; these keep the error at a third of that of 0, 1, -1, 2, -2."""
_TILES = 64
"""That are multiplied at a time: what they take stays in the caches."""
_FEWEST = 16
"""Maps in and out from which it pays."""


def without_padding(layer: nn.Conv3d) -> Convolution:
    """A convolution of 3 x 3 x 3 and stride 1 as a function that pads nothing, in the fastest way there is."""
    # On accelerators the libraries know such ways themselves.
    if layer.weight.device.type == "cpu" and min(layer.in_channels, layer.out_channels) >= _FEWEST:
        return Winograd(layer)
    return lambda volume: conv3d(volume, layer.weight, layer.bias)


class Winograd:
    """A convolution of 3 x 3 x 3 without padding: (1, c, x + 2, y + 2, z + 2) to (1, d, x, y, z), in fp32 within."""

    def __init__(self, layer: nn.Conv3d) -> None:
        self.type = layer.weight.dtype
        self.after, kernel, self.before = (matrix.float() for matrix in matrices())
        weight = torch.einsum("ai,bj,ck,oqijk->abcqo", kernel, kernel, kernel, layer.weight.float())
        self.weight = weight.reshape(SIDE**3, layer.in_channels, layer.out_channels).contiguous()
        self.bias = torch.zeros(layer.out_channels) if layer.bias is None else layer.bias.float()

    def __call__(self, volume: Tensor) -> Tensor:
        """See the class."""
        shape = [n - 2 for n in volume.shape[2:]]
        counts = [-(-n // OUT) for n in shape]
        more = [one for n, count in zip(shape, counts, strict=True) for one in (count * OUT - n, 0)]
        # Channels last, so that what belongs to one place is read at once.
        padded = pad(volume[0], more[::-1]).permute(1, 2, 3, 0).float().contiguous()
        tiles = padded.unfold(0, SIDE, OUT).unfold(1, SIDE, OUT).unfold(2, SIDE, OUT)
        result = torch.empty((*(count * OUT for count in counts), self.weight.shape[2]), dtype=self.type)
        rows = min(max(1, _TILES // counts[2]), counts[1])
        slabs = max(1, _TILES // (rows * counts[2]))
        for x in range(0, counts[0], slabs):
            for y in range(0, counts[1], rows):
                part = tiles[x : x + slabs, y : y + rows]
                a, b, c = part.shape[:3]
                here = result[x * OUT : (x + a) * OUT, y * OUT : (y + b) * OUT]
                here.view(a, OUT, b, OUT, c, OUT, -1).copy_(self._multiplied(part))
        x, y, z = shape
        return result[:x, :y, :z].permute(3, 0, 1, 2)[None]

    def _multiplied(self, tiles: Tensor) -> Tensor:
        """(tiles along x, x in one, tiles along y, y in one, z likewise, d) of tiles (x, y, z, c, three sides of 6)."""
        a, b, c, maps = tiles.shape[:4]
        count, n, m = a * b * c, SIDE, OUT
        seen = tiles.permute(4, 5, 6, 0, 1, 2, 3).reshape(n, n * n * count * maps)
        seen = (self.before @ seen).view(n, n, n * count * maps)
        seen = torch.matmul(self.before, seen).view(n * n, n, count * maps)
        seen = torch.matmul(self.before, seen).view(n**3, count, maps)
        said = torch.bmm(seen, self.weight)
        each = count * said.shape[2]
        said = torch.matmul(self.after, said.view(n * n, n, each)).view(n, n, m * each)
        said = torch.matmul(self.after, said).view(n, m * m * each)
        said = (self.after @ said).view(m, m, m, a, b, c, -1) + self.bias
        return said.permute(3, 0, 4, 1, 5, 2, 6)


def matrices() -> tuple[Tensor, Tensor, Tensor]:
    """A^T (4, 6), G (6, 3) and B^T (6, 6) of F(4, 3) by Cook and Toom: A^T ((G g) * (B^T d)) is d correlated with g."""
    others = [[q for q in _POINTS if q != p] for p in _POINTS]
    scales = [_product(p - q for q in rest) for p, rest in zip(_POINTS, others, strict=True)]
    after = [[p**k for p in _POINTS] + [Fraction(k == OUT - 1)] for k in range(OUT)]
    kernel = [[p**k / s for k in range(3)] for p, s in zip(_POINTS, scales, strict=True)] + [[0, 0, 1]]
    before = [[*_coefficients(rest), Fraction(0)] for rest in others] + [_coefficients(_POINTS)]
    a, g, b = (
        torch.tensor([[float(value) for value in row] for row in rows], dtype=torch.float64)
        for rows in (after, kernel, before)
    )
    return a, g, b


def _product(values: Any) -> Fraction:
    result = Fraction(1)
    for value in values:
        result *= value
    return result


def _coefficients(roots: Any) -> list[Fraction]:
    """Of the polynomial with these roots, the constant first.

    >>> [int(c) for c in _coefficients([1, -1])]
    [-1, 0, 1]
    """
    result = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *result], [*(-root * c for c in result), Fraction(0)]
        result = [a + b for a, b in zip(shifted, scaled, strict=True)]
    return result


def folded(body: nn.Module) -> nn.Module:
    """A copy of a ResNet in evaluation mode whose batch norms are part of its convolutions; channels lie last."""
    made = copy.deepcopy(body)
    for module in [made, *made.modules()]:
        _fold(module)
    layout: Any = {"memory_format": torch.channels_last_3d}
    return made.to(**layout)


def _fold(module: nn.Module) -> None:
    children = dict(module.named_children())
    for name, following in pairwise(children):
        convolution, norm = children[name], children[following]
        if isinstance(convolution, nn.Conv3d) and isinstance(norm, nn.BatchNorm3d):
            module._modules[name] = fuse_conv_bn_eval(convolution, norm)
            module._modules[following] = nn.Identity()
