"""Train the nodule detector with Lightning."""

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from lesionkit.learn.average_settings import AverageSettings
from lesionkit.learn.best import Best
from lesionkit.learn.detection_settings import LearnSettings
from lesionkit.learn.finetune import parameter_groups
from lesionkit.learn.finetune_settings import FinetuneSettings
from lesionkit.learn.losses import detection_loss
from lesionkit.learn.steps import StepLearner, Validate, fit_steps
from lesionkit.learn.watch import Watch
from lesionkit.nets.intensity import scale_hu
from lesionkit.nets.nodule_net import NoduleNet

KEPT_STEP = "kept/step"
"""Name of the figure that tells after which step the kept weights were."""
HURRY = 9
"""A moving average of weights soon forgets their random start; see `AverageSettings`."""


class NoduleLearner(StepLearner[NoduleNet]):
    """The net, its loss, its schedule and the moving average of its weights, which soon forgets its random start."""

    def __init__(self, net: NoduleNet, settings: LearnSettings) -> None:
        average = AverageSettings(decays=((0, settings.average),), warm=True, hurry=HURRY)
        super().__init__(net, settings, average if settings.average else None)

    def training_step(self, batch: dict[str, Tensor], _number: int) -> Tensor:
        """The loss of a batch: hu (b, 1, z, y, x), and the head's targets, see `detection_loss`."""
        output = self.net(scale_hu(batch["hu"]))
        heat, regression, inside, ignored = (batch[name] for name in ("heat", "regression", "inside", "ignored"))
        loss = detection_loss(output, heat, regression, inside, ignored, self.counted)
        parts = {"heat": loss.heat, "offset": loss.offset, "diameter": loss.diameter}
        self.log_dict({f"loss/{name}": value.detach() for name, value in parts.items()})
        self.log("loss", loss.total.detach(), prog_bar=True)
        return loss.total

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return optimizer_of(self.net, cast(LearnSettings, self.settings))


def optimizer_of(net: nn.Module, settings: LearnSettings) -> torch.optim.Optimizer:
    """The optimiser of a network that has no encoder of its own; norms and biases do not decay."""
    groups = parameter_groups(net, None, FinetuneSettings(), norms_decay=False)
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.rate, momentum=0.9, weight_decay=settings.weight_decay)
    kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=settings.rate, weight_decay=settings.weight_decay)


def fit(
    learner: StepLearner[Any],
    patches: Dataset[dict[str, Tensor]],
    folder: Path,
    validate: Validate | None = None,
    resume: bool = True,
    watch: Watch | None = None,
) -> dict[str, float]:
    """Train in `folder`; see `fit_steps`.

    Args:
        patches: number i is the i-th patch ever drawn; holds at least steps × batch × devices.

    Returns:
        The last value of every logged figure; and where the best weights are kept, after which step they were.
    """
    batch = cast(LearnSettings, learner.settings).batch
    if not isinstance(batch, int):
        raise TypeError("batch 'auto' must have been resolved by lesionkit.learn.batch before fit")
    trainer = fit_steps(learner, patches, folder, batch, validate, resume, watch)
    figures = {name: float(value) for name, value in trainer.logged_metrics.items()}
    best = Best(folder / "checkpoints").step if getattr(learner.settings, "keep", "last") == "best" else None
    return figures if best is None else {**figures, KEPT_STEP: float(best)}
