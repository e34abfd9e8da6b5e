"""Losses that MONAI does not have in this form."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lesionkit.learn.ranks import Count, count_alone


@dataclass(frozen=True)
class DetectionLoss:
    """The parts of the detector's loss, each a scalar."""

    heat: Tensor
    offset: Tensor
    diameter: Tensor

    @property
    def total(self) -> Tensor:
        return self.heat + self.offset + 0.5 * self.diameter


def detection_loss(
    output: Tensor,
    heat: Tensor,
    regression: Tensor,
    inside: Tensor,
    ignored: Tensor,
    counted: Count = count_alone,
) -> DetectionLoss:
    """Penalty-reduced focal loss on the heat map, smooth L1 on offset and log diameter where a lesion is.

    Args:
        output: (b, 5, z, y, x) raw maps.
        heat: (b, z, y, x) in 0..1, 1 at lesion centres.
        regression: (b, 4, z, y, x).
        inside: (b, z, y, x) bool, cells whose regression counts.
        ignored: (b, z, y, x) bool, cells that take no part.
        counted: how centres and cells are counted, see `learn.ranks`.

    The heat part follows Law & Deng, "CornerNet" (2018), equation 1 with alpha 2 and beta 4, divided by the number of
    centres; cells near a centre are punished less for their belief. A batch without lesions is divided by 1.
    """
    output = output.float()
    logit = output[:, 0]
    centres = heat >= 1.0
    probability = logit.sigmoid()
    positive = -((1 - probability) ** 2) * functional.logsigmoid(logit)
    negative = -((1 - heat) ** 4) * probability**2 * functional.logsigmoid(-logit)
    per_cell = torch.where(centres, positive, negative)
    count = counted(centres.sum())
    heat_loss = (per_cell * ~ignored).sum() / count
    cells = counted(inside.sum())
    distance = functional.smooth_l1_loss(output[:, 1:], regression, beta=0.2, reduction="none") * inside[:, None]
    return DetectionLoss(heat_loss, distance[:, :3].sum() / cells / 3, distance[:, 3].sum() / cells)
