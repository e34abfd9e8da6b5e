"""Train a classifier of cubes, with Lightning."""

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from lesionkit.learn.average_settings import AverageSettings
from lesionkit.learn.detection import HURRY, optimizer_of
from lesionkit.learn.detection_settings import LearnSettings
from lesionkit.learn.steps import StepLearner
from lesionkit.nets.cube.cube_net import CubeNet
from lesionkit.nets.intensity import scale_hu


class CubeLearner(StepLearner[CubeNet]):
    """The network, the cross-entropy, the schedule and the moving average of the weights."""

    def __init__(self, net: CubeNet, settings: LearnSettings) -> None:
        average = AverageSettings(decays=((0, settings.average),), warm=True, hurry=HURRY)
        super().__init__(net, settings, average if settings.average else None)

    def training_step(self, batch: dict[str, Tensor], _number: int) -> Tensor:
        """The mean cross-entropy of a batch: hu (b, 1, z, y, x) in Hounsfield units, positive (b,) 0 or 1."""
        logit = self.net(scale_hu(batch["hu"])).float()
        loss = functional.binary_cross_entropy_with_logits(logit, batch["positive"])
        self.log("right", ((logit > 0) == (batch["positive"] > 0.5)).float().mean())
        self.log("loss", loss.detach(), prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return optimizer_of(self.net, cast(LearnSettings, self.settings))
