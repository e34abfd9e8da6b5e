"""Mean teacher: on pictures without truth the network agrees with the moving average of itself (rows 3.105, 3.106)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from lesionkit.learn.teacher_settings import TeacherSettings
from lesionkit.nets.segmenter import Segmentation, Segmenter


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
