"""Mean teacher: on pictures without truth the network agrees with the moving average of itself (rows 3.105, 3.106)."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from lesionkit.core.settings import Settings
from lesionkit.learn.average import AVERAGES, AverageSettings
from lesionkit.nets.segmenter import Segmentation, Segmenter


class TeacherSettings(Settings):
    """How much the student heeds its teacher; the defaults are the fifth place's."""

    average: AverageSettings = AVERAGES["5th"]
    """How the teacher follows the student."""
    batch: int = Field(4, ge=1)
    """Pictures without truth per step."""
    early: float = Field(0.001, ge=0)
    """Weight of the agreement before `first_epoch`."""
    first_epoch: int = Field(5, ge=0)
    peak: float = Field(2.0, gt=0)
    """Its weight from `ramp_epochs` on."""
    ramp_epochs: int = Field(30, ge=1)
    image_weight: float = Field(0.001, ge=0)
    """Of the image head's agreement against that of the masks."""

    def weight(self, epoch: int) -> float:
        """γ of an epoch of the training, from 0: `early`, then peak · exp(−5 (1 − epoch / ramp_epochs)²).

        >>> [round(TeacherSettings().weight(epoch), 3) for epoch in (0, 4, 5, 15, 30, 50)]
        [0.001, 0.001, 0.062, 0.573, 2.0, 2.0]
        """
        if epoch < self.first_epoch:
            return self.early
        return self.peak * math.exp(-5 * (1 - min(epoch / self.ramp_epochs, 1)) ** 2)


def agreement(student: Segmenter, teacher: Segmenter, views: dict[str, Tensor], settings: TeacherSettings) -> Tensor:
    """Mean squared distance of the student's probabilities on the hard views from the teacher's on the easy ones.

    The teacher must be in evaluation mode; it learns nothing here, and the student's batch statistics rest.

    Args:
        views: "easy" and "hard", each (b, 1, y, x) with the same geometry.
    """
    with torch.no_grad():
        wanted: Segmentation = teacher(views["easy"])
    with resting_statistics(student):
        got: Segmentation = student(views["hard"])
    distance = _distance(got.mask, wanted.mask)
    if got.nonempty is not None and wanted.nonempty is not None:
        distance = distance + settings.image_weight * _distance(got.nonempty, wanted.nonempty)
    return distance


def _distance(logit: Tensor, wanted: Tensor) -> Tensor:
    return functional.mse_loss(logit.float().sigmoid(), wanted.float().sigmoid())


@contextmanager
def resting_statistics(net: nn.Module) -> Iterator[None]:
    """Batch norms use their running statistics and do not move them."""
    norms = [module for module in net.modules() if isinstance(module, _BatchNorm) and module.training]
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm in norms:
            norm.train()
