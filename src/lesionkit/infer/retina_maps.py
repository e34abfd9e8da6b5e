"""The maps of a RetinaNet over a large volume, layer by layer: no seams, and the fine ones only where they are asked.

Its heads normalise over the whole of what they are shown (group norm), so that a volume cut into windows is another one
in each of them. Here every layer is computed part by part, each part with the cells that it looks at, and the means of
a group norm are over all parts at once: the volume is one window, however large it is. Nothing is computed twice but a
cell around each part of the backbone, and nothing that is not looked at for `region`. Maps are held in memory up to a
bound and lie in temporary files beyond it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from torch import Tensor, nn
from torch.nn.functional import conv3d, interpolate, pad

from lesionkit.core.grid import Box
from lesionkit.core.pieces import Pieces, quiet
from lesionkit.infer.cell_parts import CellParts, CellsOnDemand, Norm, around, grown, strided, tiles, within
from lesionkit.infer.scratch import Scratch
from lesionkit.infer.windows import WindowRule, windows_over
from lesionkit.nets.guest.quick import folded, without_padding

_HEAD_REACH = 5
"""Cells that a head looks far: four convolutions and the last."""
_TILE, _LARGEST = 32, 18**3
"""What is computed at a time: side of a tile of the backbone, cells of a part of the heads with its surroundings."""

Volume = Callable[[Box], Tensor]
"""Gives a box of the volume as (1, x, y, z), scaled as the network wants it."""


@dataclass(frozen=True, eq=False)
class LevelCells:
    """What the heads say of the cells of one level that were asked for and score high enough.

    Attributes:
        cells: (n, 3) indices.
        anchor: (n,) number of the anchor.
        logit: (n,)
        shift: (n, 6) of the anchor's box.
    """

    stride: tuple[int, ...]
    cells: Tensor
    anchor: Tensor
    logit: Tensor
    shift: Tensor


class RetinaMaps:
    """A RetinaNet on layers 1 and 2 of a ResNet, ready to run.

    Args:
        net: MONAI's, in evaluation mode, with its precision and device.
        hold: bytes of maps that are held in memory.
    """

    def __init__(self, net: Any, hold: int) -> None:
        self.net, self.hold = net, hold
        body, fpn = folded(net.feature_extractor.body), net.feature_extractor.fpn
        names = [name for name, _ in body.named_children()]
        first = names.index("layer1")
        self.stem = nn.Sequential(*(body.get_submodule(name) for name in names[:first]))
        self.layers = [list(body.get_submodule(name).children()) for name in ("layer1", "layer2")]
        self.inner, self.outer = fpn.inner_blocks, fpn.layer_blocks
        weight = next(net.parameters())
        self.type, self.device = weight.dtype, weight.device
        self.strides = [_reach(self.stem)[0]]
        self.strides += [tuple(a * b for a, b in zip(self.strides[-1], _reach(self.layers[1][0])[0], strict=True))]
        self.strides += [tuple(2 * s for s in self.strides[-1])]

    @torch.inference_mode()
    def cells(
        self, volume: Volume, region: NDArray[np.bool_], least: float, pieces: Pieces = quiet
    ) -> Iterator[LevelCells]:
        """What is said of the cells of each level, finest first.

        Args:
            volume: gives boxes of it; sides are those of `region`, multiples of the coarsest stride.
            region: (x, y, z) in samples, where boxes may have their cell.
            least: score of a cell that is kept.
            pieces: told how many parts are computed, and after each that it is.

        Raises:
            LesionkitError: maps that do not fit into memory cannot be written to disk.
        """
        if not region.any():
            return
        scratch = Scratch(self.hold)
        masks = [_cells_of(region, stride) for stride in self.strides]
        # Each layer of a head is computed one cell less far than the one before.
        parts = [[_Parts.of(mask, far) for far in range(_HEAD_REACH, -1, -1)] for mask in masks]
        with pieces(sum(len(one.boxes) * (1 if one is level[0] else 2) for level in parts for one in level)) as done:
            results = self._pyramid(volume, region.shape, scratch)
            for stride, level, result in zip(self.strides, parts, results, strict=True):
                features = CellParts.made(level[0].cells.shape, level[0].boxes, _told(result, done), scratch)
                yield self._heads(features, level[1:], stride, least, done)

    def _pyramid(self, volume: Volume, size: Sequence[int], scratch: Scratch) -> list[Callable[[Box], Tensor]]:
        """Each level of the pyramid as what gives boxes of it; what they stand on is computed where it is asked for."""
        first, *others = self.layers
        source, shape = volume, tuple(size)
        for block in (self.stem, *first):
            source, shape = self._step(source, shape, block, block, scratch)
        fine, sizes = source, [shape]
        for block in others[0]:
            last = block is others[0][-1]
            step: Callable[[Tensor], Tensor] = _then(block, self.inner[1]) if last else block
            source, shape = self._step(source, shape, block, step, scratch)
        deep = source
        sizes.append(shape)
        layers = [without_padding(_convolution(one)) for one in self.outer]
        # The coarsest map is every second cell of the one before.
        return [
            lambda box: layers[0](self._merged(fine, deep, around(box, 1), sizes[0])[None])[0],
            lambda box: layers[1](_padded(deep, around(box, 1), sizes[1])[None])[0],
            lambda box: self._thinned(deep, box, sizes[1]),
        ]

    def _step(
        self,
        source: Volume,
        size: Sequence[int],
        looks: nn.Module,
        step: Callable[[Tensor], Tensor],
        scratch: Scratch,
    ) -> tuple[Volume, tuple[int, ...]]:
        """A step of the backbone on a map, tile by tile with what each looks at, where it is asked for; its size.

        Args:
            looks: the part of the step that has a stride, and looks beyond its own cell.
        """
        stride, reach = _reach(looks)
        shape = tuple(n // s for n, s in zip(size, stride, strict=True))
        # A multiple of the stride, so that cells of tiles are cells of the whole.
        halo = [-(-r // s) * s for r, s in zip(reach, stride, strict=True)]

        def make(box: Box) -> Tensor:
            asked = grown(strided(box, stride), halo, size)
            seen = source(asked)[None].to(self.type, memory_format=torch.channels_last_3d)
            begun = tuple(slice(a.start // s, a.stop // s) for a, s in zip(asked, stride, strict=True))
            return step(seen)[0][(slice(None), *within(box, begun))].contiguous()

        # Of a block that halves a map, as many cells are seen at a time as of any other; the stem sees one channel.
        side = _TILE if looks is self.stem else max(1, _TILE // max(stride))
        return CellsOnDemand(shape, tiles(shape, side), make, scratch).read, shape

    def _merged(self, fine: Volume, deep: Volume, box: Box, shape: Sequence[int]) -> Tensor:
        """A box of what the pyramid's finest map is a convolution of; 0 beyond its ends."""
        ratio = tuple(a // b for a, b in zip(self.strides[1], self.strides[0], strict=True))

        def read(inside: Box) -> Tensor:
            below = tuple(slice(b.start // r, -(-b.stop // r)) for b, r in zip(inside, ratio, strict=True))
            above = interpolate(deep(below)[None], scale_factor=tuple(map(float, ratio)), mode="nearest")[0]
            lateral: Tensor = self.inner[0](fine(inside)[None])[0]
            return lateral + above[(slice(None), *within(inside, strided(below, ratio)))]

        return _padded(read, box, shape)

    def _thinned(self, deep: Volume, box: Box, shape: Sequence[int]) -> Tensor:
        """A box of the third map; of the second only the cells that it takes are computed."""
        seen = tuple(slice(2 * b.start - 1, 2 * b.stop) for b in box)
        layer = _convolution(self.outer[1])
        return conv3d(_padded(deep, seen, shape)[None], layer.weight, layer.bias, stride=2)[0]

    def _heads(
        self,
        features: CellParts,
        layers: Sequence["_Parts"],
        stride: tuple[int, ...],
        least: float,
        done: Callable[[], None],
    ) -> LevelCells:
        said, anchors, last = self.net.classification_head, self.net.num_anchors, layers[-1]
        # A logit is kept where its score is high enough; of those the boxes are read afterwards.
        floor = -np.inf if least <= 0 else float(np.log(least / (1 - least))) if least < 1 else np.inf
        picked, logits = [], []
        for box, part in _last(_tower(features, said.conv, layers, done), said.cls_logits, last.boxes, done):
            asked = torch.from_numpy(last.cells[box]).to(part.device)
            picked.append(((part > floor) & asked).nonzero())
            logits.append(part[tuple(picked[-1].T)].cpu())
        told = self.net.regression_head
        ends = _last(_tower(features, told.conv, layers, done), told.bbox_reg, last.boxes, done)
        shifts = [_shift(part, index, anchors).cpu() for (_, part), index in zip(ends, picked, strict=True)]
        first = [torch.tensor([b.start for b in box]) for box in last.boxes]
        cells = torch.cat([index[:, 1:].cpu() + start for index, start in zip(picked, first, strict=True)])
        return LevelCells(stride, cells, torch.cat(picked)[:, 0].cpu(), torch.cat(logits), torch.cat(shifts))


@dataclass(frozen=True, eq=False)
class _Parts:
    """What one layer of a head is computed for.

    Attributes:
        cells: (x, y, z) those that are looked at.
        boxes: that hold them; what else lies in a box is not computed rightly, and looked at by nobody.
    """

    cells: NDArray[np.bool_]
    boxes: list[Box]

    @classmethod
    def of(cls, mask: NDArray[np.bool_], far: int) -> "_Parts":
        """Parts for the cells of a mask and so many more around them."""
        if mask.all():
            return cls(mask, tiles(mask.shape, _TILE))
        near = np.asarray(maximum_filter(mask, 2 * far + 1, mode="constant"), bool)
        return cls(near, windows_over(near, WindowRule(_LARGEST, halo=1, multiple=1)))


def _tower(
    features: CellParts, convolutions: nn.Module, layers: Sequence[_Parts], done: Callable[[], None]
) -> CellParts:
    """The four convolutions of a head, each with its norm and rectifier; what went before is let go."""
    modules = list(convolutions.children())
    for number, module in enumerate(modules):
        if isinstance(module, nn.Conv3d):
            # A norm and a rectifier follow each.
            parts, norm = layers[number // 3], modules[number + 1]
            features = features.convolved(
                without_padding(module), parts.boxes, Norm(cast(nn.GroupNorm, norm), parts.cells), done
            )
    return features


def _last(
    features: CellParts, layer: nn.Conv3d, boxes: Sequence[Box], done: Callable[[], None]
) -> Iterator[tuple[Box, Tensor]]:
    """What the last convolution of a head says of each box, in fp32; it is not kept."""
    convolution = without_padding(layer)
    for box in boxes:
        part = convolution(features.read(around(box, 1))[None])[0].float()
        done()
        yield box, part


def _told(make: Callable[[Box], Tensor], done: Callable[[], None]) -> Callable[[Box], Tensor]:
    def told(box: Box) -> Tensor:
        result = make(box)
        done()
        return result

    return told


def _then(first: nn.Module, second: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda volume: second(first(volume))


def _convolution(block: nn.Module) -> nn.Conv3d:
    """The convolution that a block of the pyramid is."""
    return next(one for one in block.modules() if isinstance(one, nn.Conv3d))


def _padded(read: Volume, box: Box, shape: Sequence[int]) -> Tensor:
    """A box that may reach beyond the ends of a map; 0 there."""
    inside = grown(box, (0,) * len(box), shape)
    beyond = [(i.start - b.start, b.stop - i.stop) for b, i in zip(box, inside, strict=True)]
    return pad(read(inside), [side for pair in reversed(beyond) for side in pair])


def _shift(part: Tensor, index: Tensor, anchors: int) -> Tensor:
    """(n, 6) of the anchors and cells in `index` (n, 4), out of (anchors · 6, x, y, z)."""
    anchor, x, y, z = index.T
    return part.view(anchors, 6, *part.shape[1:])[anchor, :, x, y, z]


def _cells_of(region: NDArray[np.bool_], stride: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which cells have any sample of a region."""
    x, y, z = (n // s for n, s in zip(region.shape, stride, strict=True))
    return np.asarray(region.reshape(x, stride[0], y, stride[1], z, stride[2]).any(axis=(1, 3, 5)))


def _reach(module: nn.Module) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Stride of a piece of a ResNet along each axis, and how many samples of its input its outputs look far."""
    stride, reach = np.ones(3, int), np.zeros(3, int)
    for name, one in module.named_modules():
        if isinstance(one, nn.Conv3d | nn.MaxPool3d) and "downsample" not in name:
            size, step = (np.broadcast_to(np.array(value), 3) for value in (one.kernel_size, one.stride))
            reach = reach + (size - 1) // 2 * stride
            stride = stride * step
    return tuple(int(s) for s in stride), tuple(int(r) for r in reach)
