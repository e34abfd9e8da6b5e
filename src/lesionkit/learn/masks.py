"""Train the network that draws lesions, with Lightning."""

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from lesionkit.learn.average_settings import AverageSettings
from lesionkit.learn.detection import HURRY, optimizer_of
from lesionkit.learn.mask_settings import MaskLearnSettings
from lesionkit.learn.segmentation_losses import dice_loss
from lesionkit.learn.steps import StepLearner
from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.nets.intensity import scale_hu

_SURELY_NOT = -30.0


class MaskLearner(StepLearner[MaskNet]):
    """The network, its loss, its schedule and the moving average of its weights."""

    def __init__(self, net: MaskNet, settings: MaskLearnSettings) -> None:
        average = AverageSettings(decays=((0, settings.average),), warm=True, hurry=HURRY)
        super().__init__(net, settings, average if settings.average else None)

    def training_step(self, batch: dict[str, Tensor], _number: int) -> Tensor:
        """The loss of a batch; see `mask_loss`, and hu (b, 1, …) in Hounsfield units."""
        settings = cast(MaskLearnSettings, self.settings)
        parts = mask_loss(self.net(scale_hu(batch["hu"])), batch["drawn"], batch["ignored"], settings)
        self.log_dict({f"loss/{name}": value.detach() for name, value in parts.items() if name != "total"})
        self.log("loss", parts["total"].detach(), prog_bar=True)
        return parts["total"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return optimizer_of(self.net, cast(MaskLearnSettings, self.settings))


def mask_loss(logit: Tensor, drawn: Tensor, ignored: Tensor, settings: MaskLearnSettings) -> dict[str, Tensor]:
    """The parts of the loss, and their weighted sum as "total".

    Args:
        logit: (b, 1, …) of samples; computed with in 32 bits whatever they come in.
        drawn: (b, 1, …) 0..1, how far each sample belongs to a lesion.
        ignored: (b, 1, …) bool, samples that take no part.
    """
    logit, truth = logit.float(), drawn.float() * ~ignored
    inner = torch.where(ignored, _SURELY_NOT, logit)
    parts = {"dice": dice_loss(inner, truth, settings.dice)}
    total = parts["dice"]
    if settings.cross_entropy:
        per_sample = functional.binary_cross_entropy_with_logits(logit, truth, reduction="none") * ~ignored
        parts["cross_entropy"] = per_sample.sum() / (~ignored).sum().clamp(min=1)
        total = total + settings.cross_entropy * parts["cross_entropy"]
    return {**parts, "total": total}
