"""Which anchors of a crop fit a lesion, which are learned as holding nothing, and which take no part."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lesionkit.learn.rpn_settings import RpnRule
from lesionkit.nets.rpn.anchors import Anchors

NOTHING, NO_PART = -1, 0


@dataclass(frozen=True, eq=False)
class RpnTarget:
    """What is to be learned of a crop; cells (z, y, x) of a anchors.

    Attributes:
        label: int8 (a, z, y, x): -1 holds nothing, 0 takes no part, n fits the n-th lesion, from 1.
        box: float32 (a, 4, z, y, x): offset z, y, x in anchors and log(size / anchor) where an anchor fits.
    """

    label: Tensor
    box: Tensor


def assign(
    side: int, anchors: Anchors, lesions: NDArray[np.float64], ignored: NDArray[np.float64], rule: RpnRule
) -> RpnTarget:
    """The targets of a crop (rows 2.27 and 2.28).

    Anchors larger than the crop take no part. Nor do those that reach into a lesion larger than the crop, which cannot
    be learned from it, or overlap a finding that is ignored.

    Args:
        side: of the crop in samples, a multiple of the stride.
        lesions: (n, 4) centre z, y, x and diameter in samples.
        ignored: (m, 4) likewise.
    """
    cells = (side // anchors.stride,) * 3
    fits = [number for number, own in enumerate(anchors.sides) if own <= side]
    label = torch.full((len(anchors.sides), *cells), NOTHING, dtype=torch.int8)
    box = torch.zeros(len(anchors.sides), 4, *cells)
    label[[number for number in range(len(anchors.sides)) if number not in fits]] = NO_PART
    small = lesions[lesions[:, 3] <= side]
    for hidden in ignored:
        label[anchors.overlaps(cells, hidden.tolist()) >= rule.ignored_iou] = NO_PART
    for large in lesions[lesions[:, 3] > side]:
        label[anchors.overlaps(cells, large.tolist()) > 0] = NO_PART
    overlaps = [anchors.overlaps(cells, lesion.tolist()) for lesion in small]
    for overlap in overlaps:
        label[overlap >= rule.ignored_iou] = NO_PART
    best = torch.zeros(label.shape, dtype=torch.float64)
    for number, (lesion, overlap) in enumerate(zip(small, overlaps, strict=True), 1):
        usable = torch.zeros_like(label, dtype=torch.bool)
        usable[fits] = True
        mine = (overlap >= rule.positive_iou) & (overlap > best) & usable
        if not bool(mine.any()) and fits:
            mine[_nearest(anchors, fits, cells, lesion.tolist())] = True
        best[mine], label[mine] = overlap[mine], number
        places = torch.nonzero(mine)
        cubes = anchors.cubes(places[:, 0], places[:, 1:])
        wanted = torch.as_tensor(lesion, dtype=torch.float64).expand(len(places), 4)
        # A boolean of two axes apart puts its axis first: (k, 4).
        box.movedim(1, -1)[mine] = anchors.encode(cubes, wanted).float()
    return RpnTarget(label, box)


def _nearest(
    anchors: Anchors, fits: Sequence[int], cells: Sequence[int], lesion: Sequence[float]
) -> tuple[int, int, int, int]:
    """The anchor of the nearest size, on a scale of logarithms, in the nearest cell."""
    *centre, diameter = lesion
    size = min(fits, key=lambda number: abs(np.log(diameter / anchors.sides[number])))
    place = [round((c - (anchors.stride - 1) / 2) / anchors.stride) for c in centre]
    z, y, x = (min(max(p, 0), n - 1) for p, n in zip(place, cells, strict=True))
    return size, z, y, x


def chosen(
    label: Tensor, logit: Tensor, rule: RpnRule, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Which anchors of a batch are learned as lesions, and which as holding nothing: bool (b, a, z, y, x) each.

    Args:
        label: (b, a, z, y, x), see `RpnTarget`.
        logit: of the same shape; what is most believed in is hard.
        generator: of the random choices; None: torch's own.
    """
    flat = label.flatten(1)
    # A number for each anchor: those with the largest are drawn.
    lot = torch.rand(flat.shape, generator=generator, device="cpu").to(flat.device)
    positive = flat > 0 if rule.positives == "all" else _drawn(flat, lot, rule.positives == "one")
    may = lot.masked_fill(flat != NOTHING, -1)
    drawn = may.topk(min(rule.negatives, flat.shape[1]), dim=1)
    negative = torch.zeros_like(positive).scatter_(1, drawn.indices, drawn.values >= 0)
    most = rule.hard * len(label)
    if 0 < most < int(negative.sum()):
        belief = logit.detach().flatten(1).float().masked_fill(~negative, -torch.inf).flatten()
        kept = torch.zeros_like(belief, dtype=torch.bool)
        kept[belief.topk(most).indices] = True
        negative = kept.view_as(negative)
    return positive.view_as(label), negative.view_as(label)


def _drawn(flat: Tensor, lot: Tensor, alone: bool) -> Tensor:
    """Of each crop (b, n) one of the anchors that fit a lesion: of each lesion, or of one that is drawn."""
    positive = torch.zeros_like(flat, dtype=torch.bool)
    for crop, (labels, lots) in enumerate(zip(flat, lot, strict=True)):
        lesions = labels[labels > 0].unique()
        if alone and len(lesions):
            # The lot of some anchor stands for a die with as many sides as there are lesions.
            lesions = lesions[int(lots[0] * len(lesions))][None]
        for lesion in lesions:
            positive[crop, lots.masked_fill(labels != lesion, -1).argmax()] = True
    return positive
