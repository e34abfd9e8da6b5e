"""The maps of a RetinaNet over a large volume, layer by layer: no seams, and the fine ones only where they are asked.

Its heads normalise over the whole of what they are shown (group norm), so that a volume cut into windows is another one
in each of them. Here every layer is computed part by part, each part with the cells that it looks at, and the means of
a group norm are over all parts at once: the volume is one window, however large it is. What is not looked at for
`region` is not computed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lesionkit.core.grid import Box
from lesionkit.infer.cell_parts import CellParts, CellsOnDemand, grown, strided, tiles, within
from lesionkit.infer.windows import WindowRule, windows_over

_HEAD_REACH = 5
"""Cells that a head looks far: four convolutions and the last."""
_TILE, _LARGEST = 32, 48**3
"""Side of a tile of the backbone, and cells of a part of the heads with its surroundings: they bound the memory."""

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
    """

    def __init__(self, net: Any) -> None:
        self.net = net
        body, fpn = net.feature_extractor.body, net.feature_extractor.fpn
        names = list(body)
        first = names.index("layer1")
        self.stem = nn.Sequential(*(body[name] for name in names[:first]))
        self.layers = body["layer1"], body["layer2"]
        self.inner, self.outer = fpn.inner_blocks, fpn.layer_blocks
        weight = next(net.parameters())
        self.type, self.device = weight.dtype, weight.device
        self.strides = [_reach(self.stem)[0]]
        self.strides += [tuple(a * b for a, b in zip(self.strides[-1], _reach(self.layers[1])[0], strict=True))]
        self.strides += [tuple(2 * s for s in self.strides[-1])]

    @torch.inference_mode()
    def cells(self, volume: Volume, region: NDArray[np.bool_], least: float) -> Iterator[LevelCells]:
        """What is said of the cells of each level, finest first.

        Args:
            volume: gives boxes of it; sides are those of `region`, multiples of the coarsest stride.
            region: (x, y, z) in samples, where boxes may have their cell.
            least: score of a cell that is kept.
        """
        if not region.any():
            return
        stem = self._everywhere(volume, region.shape, self.stem, self.stem)
        both = nn.Sequential(*self.layers)
        deep = self._everywhere(stem.read, stem.shape, both, lambda x: self.inner[1](both(x)))
        results: list[Callable[[Box], Tensor]] = [self._fine(stem, deep), self._coarse(deep)]
        masks = [_cells_of(region, stride) for stride in self.strides]
        for level, (stride, mask) in enumerate(zip(self.strides, masks, strict=True)):
            # Each layer of a head is computed one cell less far than the one before.
            boxes = [_boxes(mask, far) for far in range(_HEAD_REACH, -1, -1)]
            if level < 2:
                features = CellParts.made(mask.shape, boxes[0], results[level])
            else:
                # The coarsest map is every second cell of the one before.
                features = CellParts.made(mask.shape, boxes[0], lambda box: self._thinned(results[1], box))
            yield self._heads(features, boxes[1:], mask, stride, least)

    def _everywhere(
        self, source: Volume, size: Sequence[int], looks: nn.Module, step: Callable[[Tensor], Tensor]
    ) -> CellsOnDemand:
        """A step of the backbone on a map, tile by tile with what each looks at, where it is asked for.

        Args:
            looks: the part of the step that has a stride, and looks beyond its own cell.
        """
        stride, reach = _reach(looks)
        shape = tuple(n // s for n, s in zip(size, stride, strict=True))
        # A multiple of the stride, so that cells of tiles are cells of the whole.
        halo = [-(-r // s) * s for r, s in zip(reach, stride, strict=True)]

        def make(box: Box) -> Tensor:
            asked = grown(strided(box, stride), halo, size)
            full = step(source(asked)[None].to(self.type))[0]
            begun = tuple(slice(a.start // s, a.stop // s) for a, s in zip(asked, stride, strict=True))
            return full[(slice(None), *within(box, begun))].clone()

        return CellsOnDemand(shape, tiles(shape, _TILE), make)

    def _fine(self, stem: CellsOnDemand, deep: CellsOnDemand) -> Callable[[Box], Tensor]:
        """Gives boxes of the pyramid's finest map."""
        ratio = tuple(a // b for a, b in zip(self.strides[1], self.strides[0], strict=True))
        reach = _reach(self.layers[0])[1]

        def read(box: Box) -> Tensor:
            around = grown(box, (1, 1, 1), stem.shape)
            seen = grown(around, reach, stem.shape)
            lateral = self.inner[0](self.layers[0](stem.read(seen)[None]))[0][(slice(None), *within(around, seen))]
            below = tuple(slice(b.start // r, -(-b.stop // r)) for b, r in zip(around, ratio, strict=True))
            above = interpolate(deep.read(below)[None], scale_factor=tuple(map(float, ratio)), mode="nearest")[0]
            down = above[(slice(None), *within(around, strided(below, ratio)))]
            full: Tensor = self.outer[0]((lateral + down)[None])[0]
            return full[(slice(None), *within(box, around))].clone()

        return read

    def _coarse(self, deep: CellsOnDemand) -> Callable[[Box], Tensor]:
        """Gives boxes of the pyramid's second map."""

        def read(box: Box) -> Tensor:
            around = grown(box, (1, 1, 1), deep.shape)
            full: Tensor = self.outer[1](deep.read(around)[None])[0]
            return full[(slice(None), *within(box, around))].clone()

        return read

    def _thinned(self, second: Callable[[Box], Tensor], box: Box) -> Tensor:
        """A box of the third map; the cells of the second that it skips are computed and thrown away."""
        return second(tuple(slice(2 * b.start, 2 * b.stop - 1) for b in box))[:, ::2, ::2, ::2].clone()

    def _heads(
        self,
        features: CellParts,
        boxes: Sequence[list[Box]],
        mask: NDArray[np.bool_],
        stride: tuple[int, ...],
        least: float,
    ) -> LevelCells:
        said, anchors = self.net.classification_head, self.net.num_anchors
        classes = _tower(features, said.conv, boxes).convolved(said.cls_logits, boxes[-1])
        # A logit is kept where its score is high enough; of those the boxes are read afterwards.
        floor = -np.inf if least <= 0 else float(np.log(least / (1 - least))) if least < 1 else np.inf
        picked = []
        for box, part in zip(classes.boxes, classes.parts, strict=True):
            asked = torch.from_numpy(mask[box]).to(part.device)
            picked.append(((part.float() > floor) & asked).nonzero())
        logit = torch.cat([p.float()[tuple(i.T)] for p, i in zip(classes.parts, picked, strict=True)]).cpu()
        del classes
        told = self.net.regression_head
        shifts = _tower(features, told.conv, boxes).convolved(told.bbox_reg, boxes[-1])
        shift = torch.cat(
            [_shift(part.float(), index, anchors) for part, index in zip(shifts.parts, picked, strict=True)]
        ).cpu()
        first = [torch.tensor([b.start for b in box]) for box in shifts.boxes]
        cells = torch.cat([index[:, 1:].cpu() + start for index, start in zip(picked, first, strict=True)])
        return LevelCells(stride, cells, torch.cat(picked)[:, 0].cpu(), logit, shift)


def _tower(features: CellParts, convolutions: nn.Module, boxes: Sequence[list[Box]]) -> CellParts:
    """The four convolutions of a head, each with its norm and rectifier; what went before is let go.

    Args:
        boxes: that each convolution is computed for.
    """
    waiting = iter(boxes)
    for module in convolutions.children():
        if isinstance(module, nn.Conv3d):
            features = features.convolved(module, next(waiting))
        elif isinstance(module, nn.GroupNorm):
            features = features.normalised(module)
    return features


def _shift(part: Tensor, index: Tensor, anchors: int) -> Tensor:
    """(n, 6) of the anchors and cells in `index` (n, 4), out of (anchors · 6, x, y, z)."""
    anchor, x, y, z = index.T
    return part.view(anchors, 6, *part.shape[1:])[anchor, :, x, y, z]


def _cells_of(region: NDArray[np.bool_], stride: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which cells have any sample of a region."""
    x, y, z = (n // s for n, s in zip(region.shape, stride, strict=True))
    return np.asarray(region.reshape(x, stride[0], y, stride[1], z, stride[2]).any(axis=(1, 3, 5)))


def _boxes(mask: NDArray[np.bool_], far: int) -> list[Box]:
    """Parts that hold the cells of a mask and so many more around them."""
    if mask.all():
        return tiles(mask.shape, _TILE)
    around = maximum_filter(mask, 2 * far + 1, mode="constant")
    return windows_over(np.asarray(around, bool), WindowRule(_LARGEST, halo=1, multiple=1))


def _reach(module: nn.Module) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Stride of a piece of a ResNet along each axis, and how many samples of its input its outputs look far."""
    stride, reach = np.ones(3, int), np.zeros(3, int)
    for name, one in module.named_modules():
        if isinstance(one, nn.Conv3d | nn.MaxPool3d) and "downsample" not in name:
            size, step = (np.broadcast_to(np.array(value), 3) for value in (one.kernel_size, one.stride))
            reach = reach + (size - 1) // 2 * stride
            stride = stride * step
    return tuple(int(s) for s in stride), tuple(int(r) for r in reach)
